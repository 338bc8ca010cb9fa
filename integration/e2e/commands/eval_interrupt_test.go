package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
)

// planner is an Ollama that answers the scripted plan of each ticket. The plan
// after the first n is held until its caller is gone; held says that it has come.
func planner(t *testing.T, tickets []shopTicket, n int64) (url string, asked *atomic.Int64, held chan struct{}) {
	t.Helper()
	var server atomic.Pointer[fakeserver.Server] // it listens before New returns
	asked, held = new(atomic.Int64), make(chan struct{}, 1)
	s := fakeserver.New(t, func(w http.ResponseWriter, r *http.Request) {
		requests := server.Load().Requests(t)
		messages := requests[len(requests)-1].Messages
		text := `{"ok":"OK"}`
		for _, one := range tickets {
			if strings.Contains(messages[len(messages)-1].Content, ": "+one.title+"\n") {
				text = one.plan(t)
				if asked.Add(1) == n+1 {
					held <- struct{}{}
					<-r.Context().Done()
					return
				}
			}
		}
		fmt.Fprint(w, fakeserver.Chunk(text)+fakeserver.End("stop", 900, 150))
	})
	server.Store(s)
	return s.URL, asked, held
}

// Ctrl-C in the sixth of eight plans: the five that there are, are shown and kept,
// and the same command asks for the other three alone.
func TestEvalPlans_CtrlC(t *testing.T) {
	if runtime.GOOS == "windows" {
		parts.Absent(t, "interrupt", "Windows delivers none to another process")
	}
	p := newProject(t)
	url, asked, held := planner(t, shop(t, p.root), 5)
	p.env = append(p.env, "OLLAMA_HOST="+url)
	results, table := filepath.Join(p.root, "answers.jsonl"), filepath.Join(p.root, "plans.csv")
	args := []string{"eval", "backlog", "--plans", "--limit", "8", "--models", fakeserver.Model, "--results", results, "--csv", table, "--html", "plans.html", "--json"}
	accepted := func(out string, want int) evaluate.PlanReport {
		t.Helper()
		var r evaluate.PlanReport
		if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Columns) != 1 || r.Columns[0].Accepted.K != want || len(r.Plans) != want {
			t.Fatalf("%v; want %d plans, all accepted:\n%s", err, want, out)
		}
		for path, lines := range map[string]int{results: want, table: want + 1} { // the table has a head
			data, err := os.ReadFile(path)
			if n := bytes.Count(data, []byte("\n")); err != nil || n != lines {
				t.Errorf("%s: %d lines, want %d; %v", path, n, lines, err)
			}
		}
		if _, err := os.Stat(filepath.Join(p.root, "plans.html")); err != nil {
			t.Error(err)
		}
		return r
	}

	cmd, out, said := p.command(t, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-held:
	case err := <-ended:
		t.Fatalf("ended by itself, %v: %s", err, said)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; cmd.ProcessState.ExitCode() != 130 {
		t.Fatalf("%v: %s", err, said)
	}
	if !strings.Contains(said.String(), "62 % is done and kept, the same command goes on from there") {
		t.Errorf("it says %s", said)
	}
	if r := accepted(out.String(), 5); !strings.Contains(strings.Join(r.Warnings, "\n"), "stopped when 62 % was done") {
		t.Errorf("warnings %q", r.Warnings)
	}

	before := asked.Load()
	code, rest, errText := p.run(t, args...)
	if r := accepted(rest, 8); code != 0 || asked.Load() != before+3 || len(r.Warnings) != 0 {
		t.Errorf("exit %d, %d more plans asked for, warnings %q: %s", code, asked.Load()-before, r.Warnings, errText)
	}
}
