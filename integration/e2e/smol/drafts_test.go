package smol

import (
	"encoding/json"
	"os/exec"
	"strconv"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/drafts"
	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/tools/draft"
)

// TestDrafts_NothingBadComesThrough lets a model that is far too weak write five
// small changes. Whatever it writes, what counts as passed has passed the tests
// of its task, and what has not says why. LOCALMODEL_SMOL=all runs it: a change
// takes half a minute.
func TestDrafts_NothingBadComesThrough(t *testing.T) {
	if !all() {
		parts.Absent(t, "smol-drafts", "LOCALMODEL_SMOL=all is not set; the other tests of drafts have scripted models")
	}
	server := ollamatest.Shared(t)
	model := server.SmolLM(t)
	const tasks = 5
	cmd := exec.CommandContext(t.Context(), binary.Path(t), "eval", "--drafts", "--limit", strconv.Itoa(tasks), "--json")
	cmd.Env = binary.Env(t, "OLLAMA_HOST="+server.URL, "LOCALMODEL_MODEL="+model, "LOCALMODEL_NUM_CTX=4096", "LOCALMODEL_FALLBACK=",
		"LOCALMODEL_FIRST_TOKEN_TIMEOUT=3m", "LOCALMODEL_TOKEN_TIMEOUT=1m", "LOCALMODEL_CONNECT_TIMEOUT=20s", "CLAUDE_PROJECT_DIR="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var report drafts.Report
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Results) != tasks {
		t.Fatalf("%d results, want %d: %s", len(report.Results), tasks, out)
	}
	for _, one := range report.Results {
		t.Logf("%s: applies %t, parses %q, tests %q, %d tokens in %.1f s: %s", one.Task, one.Applies, one.Parses, one.Passes,
			one.TokensOut, float64(one.MS)/1000, one.Why)
		switch {
		case one.Passes == draft.Passed && (!one.Applies || one.Parses == draft.Failed):
			t.Errorf("%s: passed without applying or parsing: %+v", one.Task, one)
		case one.Passes != draft.Passed && one.Why == "":
			t.Errorf("%s: nothing says why it did not pass: %+v", one.Task, one)
		}
	}
}
