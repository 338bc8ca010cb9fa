package smol

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
	"github.com/fjbelchi/localmodel/integration/testkit/obedient"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// A client that does what the replies say ends each ticket, whether a real
// server's model plans well or badly. OBEDIENT_TICKETS is another number of
// tickets for both models: a real one takes about 20 s for each on two cores.
func TestMeasureObedientClient(t *testing.T) {
	testkit.Measure(t)
	server := ollamatest.Shared(t)
	for _, tc := range []struct {
		name, model string
		tickets     int
	}{
		{"every plan is accepted", ollamatest.Steered, obedient.Tickets},
		{"a weak model plans", server.SmolLM(t), 8},
	} {
		t.Run(tc.name, func(t *testing.T) { workObediently(t, server, tc.model, ticketsOr(t, tc.tickets)) })
	}
}

func ticketsOr(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv("OBEDIENT_TICKETS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > obedient.Tickets {
		t.Fatalf("OBEDIENT_TICKETS=%s: want 1 to %d", text, obedient.Tickets)
	}
	return n
}

func workObediently(t *testing.T, server *ollamatest.Server, model string, n int) {
	t.Helper()
	dir := t.TempDir()
	paths, err := obedient.Backlog(dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary.Path(t), "serve") //nolint:gosec,noctx // the program under test; ended by Close
	cmd.Dir = dir
	cmd.Env = binary.Env(t, "CLAUDE_PROJECT_DIR="+dir, "OLLAMA_HOST="+server.URL, "LOCALMODEL_MODEL="+model, "LOCALMODEL_NUM_CTX=4096",
		"LOCALMODEL_CLOUD=never", "LOCALMODEL_DEADLINE=90s", "LOCALMODEL_FIRST_TOKEN_TIMEOUT=80s")
	child, err := mcpchild.Open(cmd)
	if err != nil {
		t.Fatal(err)
	}
	planned := map[string]int{}
	client := obedient.New(7, func(name string, arguments []byte) ([]byte, error) {
		reply, err := child.Tool(name, string(arguments))
		if name == "plan_ticket" && err == nil {
			planned[reply.Get("by").Str]++
		}
		return []byte(reply.Raw), err
	})
	began := time.Now()
	if err := client.Work(paths[:n]); err != nil {
		t.Error(err)
	}
	t.Logf("%d tickets in %s: %s; plans by %v", n, time.Since(began).Round(time.Second), client, planned)
	if err := child.Close(); err != nil {
		t.Error(err)
	}
}
