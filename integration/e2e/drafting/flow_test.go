//go:build unix

package drafting

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// cloud counts what the cloud's models read and write, in bytes. Four bytes are
// a token. Counted are the arguments and results of tools, the code that a
// sub-agent writes, and what it is given and reads for that. What both ways have
// alike is counted in both (gates, review); a sub-agent's own system prompt and
// its tools, several thousand tokens, are not counted at all.
type cloud struct{ reads, writes int }

func (c *cloud) tokens() string {
	return fmt.Sprintf("%d tokens read, %d written", c.reads/4, c.writes/4)
}

// flow is the plugin's skill, step by step, as its text has it.
type flow struct {
	*machine
	cloud  cloud
	server *mcpchild.Child
	event  string
}

// use calls a tool of the server as the cloud's model does.
func (f *flow) use(name string, arguments map[string]any) gjson.Result {
	f.t.Helper()
	text := jsonText(arguments)
	r := f.tool(f.server, name, text)
	f.cloud.writes += len(name) + len(text)
	f.cloud.reads += len(r.Raw)
	return r
}

// shell runs a command as the cloud's model does.
func (f *flow) shell(line string) {
	f.t.Helper()
	out, err := f.run("sh", "-c", line)
	f.cloud.writes += len(line)
	f.cloud.reads += len(out)
	if err != nil {
		f.t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// gate records a gate that passed and obeys.
func (f *flow) gate(gate, action string, more map[string]any) {
	f.t.Helper()
	arguments := map[string]any{"ticket_id": "BUG-7", "gate": gate, "outcome": "pass", "event_id": f.event}
	maps.Copy(arguments, more)
	r := f.use("record_gate_outcome", arguments)
	if r.Get("action").Str != action {
		f.t.Fatalf("gate %s: %s, want %s", gate, r.Raw, action)
	}
	f.event = r.Get("next_event_id").Str
}

// implement is the sub-agent of gate implement: it is given the plan, reads the
// file, writes both files and runs the tests.
func (f *flow) implement(plan string) {
	f.t.Helper()
	f.cloud.writes += len(plan) // the prompt that starts it
	f.cloud.reads += len(plan) + len(cart)
	const old, changed = "\t\tsum += i", "\t\tif i > 0 {\n\t\t\tsum += i\n\t\t}"
	f.cloud.writes += len(old) + len(changed) + len(cartTest)
	f.write("cart.go", fixedCart())
	f.write("cart_test.go", cartTest)
}

// work takes the ticket from the plan to the commit.
func (f *flow) work(draft bool) {
	f.t.Helper()
	f.use("check_local_health", map[string]any{})
	rows := f.use("classify_ticket", map[string]any{"ticket_paths": []string{"BUG-7.md"}})
	if !rows.Get("tickets.0.local").Bool() {
		f.t.Fatalf("not for the local model: %s", rows.Raw)
	}
	arguments := map[string]any{"ticket_path": "BUG-7.md"}
	if draft {
		arguments["draft"] = true
	}
	plan := f.use("plan_ticket", arguments)
	for plan.Get("draft.state").Str == "writing" || plan.Get("state").Str == "writing" {
		plan = f.use("plan_ticket", arguments)
	}
	if plan.Get("by").Str != "local" {
		f.t.Fatalf("not planned by the local model: %s", plan.Raw)
	}
	f.event = "BUG-7:plan:1"
	f.gate("plan", "continue", nil)
	var used map[string]any
	if draft {
		if plan.Get("draft.state").Str != "ready" || !plan.Get("draft.verified").Bool() {
			f.t.Fatalf("no verified draft: %s", plan.Get("draft").Raw)
		}
		patch := plan.Get("draft.patch_file").Str
		f.shell("git apply --check '" + patch + "' && git apply '" + patch + "'")
		used = map[string]any{"draft": "applied"}
	} else {
		f.implement(plan.Get("plan").Str)
	}
	f.shell("go test ./...")
	f.gate("implement", "continue", used)
	f.shell("go vet ./...")
	f.gate("lint", "continue", nil)
	f.shell("git add -A && git diff --cached") // what the reviewer reads
	f.gate("review", "continue", map[string]any{"quality_score": 90})
	f.shell("git -c user.name=t -c user.email=t@example.test commit -qm 'cart: leave refunds out'")
	f.gate("commit", "complete", nil)
}

// TestSkillFlow takes one ticket from the plan to the commit with a draft and
// without, and compares what the cloud's models read and write.
func TestSkillFlow(t *testing.T) {
	spent := map[bool]cloud{}
	for _, draft := range []bool{false, true} {
		m := newMachine(t)
		m.trust()
		f := &flow{machine: m, server: m.window()}
		f.work(draft)
		spent[draft] = f.cloud
		t.Logf("draft %t: %s", draft, f.cloud.tokens())
		for name, want := range map[string]string{"cart.go": fixedCart(), "cart_test.go": cartTest} {
			if got, err := os.ReadFile(filepath.Join(m.project, name)); err != nil || string(got) != want {
				t.Errorf("draft %t: %s is %q (%v)", draft, name, got, err)
			}
		}
		if left := strings.TrimSpace(m.git("status", "--porcelain", "--", "cart.go", "cart_test.go")); left != "" {
			t.Errorf("draft %t: not committed: %s", draft, left)
		}
		m.holdsFigures(f, draft)
	}
	if with, without := spent[true], spent[false]; with.writes >= without.writes {
		t.Errorf("the cloud wrote %d bytes with a draft and %d without: nothing was saved", with.writes, without.writes)
	}
}

// holdsFigures compares what stats says with what was done.
func (m *machine) holdsFigures(f *flow, draft bool) {
	m.t.Helper()
	if err := f.server.Close(); err != nil {
		m.t.Error(err)
	}
	program := binary.Path(m.t)
	out, err := m.run(program, "stats", "--json")
	if err != nil {
		m.t.Fatalf("stats: %v\n%s", err, out)
	}
	drafts := gjson.Get(out, "drafts")
	want := int64(0)
	if draft {
		want = 1
	}
	for _, field := range []string{"written", "ready", "verified", "applied", "kept"} {
		if got := drafts.Get(field).Int(); got != want {
			m.t.Errorf("draft %t: stats has %s %d, want %d: %s", draft, field, got, want, drafts.Raw)
		}
	}
	if saved := drafts.Get("tokens_not_spent").Int(); (saved > 0) != draft {
		m.t.Errorf("draft %t: %d tokens not spent", draft, saved)
	}
	ledger, err := m.run(program, "export")
	if n := strings.Count(ledger, `"draft"`); err != nil || (n > 0) != draft {
		m.t.Errorf("draft %t: export has %d lines of drafts (%v):\n%s", draft, n, err, ledger)
	}
}
