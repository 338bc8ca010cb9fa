package histories

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

// step is one call of a client.
type step struct{ tool, arguments string }

// sequence takes four tickets to their ends: done by local, escalated at lint and
// then done, stopped, and one whose plan fails once.
func sequence(r *room) []step {
	var steps []step
	plan := func(id string) {
		steps = append(steps, step{"plan_ticket", fmt.Sprintf(`{"ticket_path":"%s.md"}`, id)})
	}
	record := func(id, gate, outcome string, n int) {
		more := ""
		if outcome == "fail" {
			more = `,"evidence":"main.go:3: unused"`
		}
		steps = append(steps, step{"record_gate_outcome", outcomeArguments(id, gate, outcome, n, more)})
	}
	passes := func(id string, gates ...string) {
		for _, gate := range gates {
			record(id, gate, "pass", 1)
		}
	}
	for i := range 4 {
		r.ticket(fmt.Sprintf("FEAT-%d", i+1), "")
	}
	steps = append(steps, step{"classify_ticket", `{"ticket_paths":["FEAT-1.md","FEAT-2.md","FEAT-3.md","FEAT-4.md"]}`})
	plan("FEAT-1")
	passes("FEAT-1", "plan", "implement", "lint", "review", "commit")
	plan("FEAT-2")
	passes("FEAT-2", "plan", "implement")
	record("FEAT-2", "lint", "fail", 1)
	record("FEAT-2", "lint", "fail", 2)
	record("FEAT-2", "lint", "pass", 3)
	passes("FEAT-2", "review", "commit")
	plan("FEAT-3")
	passes("FEAT-3", "plan")
	for n := range 4 {
		record("FEAT-3", "implement", "fail", n+1)
	}
	plan("FEAT-4")
	record("FEAT-4", "plan", "fail", 1)
	plan("FEAT-4")
	record("FEAT-4", "plan", "pass", 2)
	passes("FEAT-4", "implement", "lint", "review", "commit")
	return steps
}

// summary is what of a reply must not depend on kills.
func summary(reply gjson.Result) string {
	var out []string
	for _, path := range []string{"by", "owner", "action", "next_event_id", "escalate_to", "message", "stats"} {
		if v := reply.Get(path); v.Exists() {
			out = append(out, path+"="+v.Raw)
		}
	}
	return strings.Join(out, " ")
}

// figures are what is known once all is done.
func figures(r *room) string {
	rows := r.call("classify_ticket", `{"ticket_paths":["FEAT-1.md","FEAT-2.md","FEAT-3.md","FEAT-4.md"]}`)
	health := r.call("check_local_health", `{}`)
	return rows.Get("tickets").Raw + "\n" + health.Get("stats").Raw + "\n" + health.Get("guard").Raw
}

// A server that is killed between the calls of a sequence, and in the middle of
// them, answers each call that is then repeated as one that was never killed.
func TestKills_FiguresAreThoseWithoutKills(t *testing.T) {
	calm := newRoom(t, true)
	var want []string
	for _, s := range sequence(calm) {
		want = append(want, s.arguments+"\n"+summary(calm.call(s.tool, s.arguments)))
	}
	wantFigures := figures(calm)
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			roll := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // no secret
			journal := filepath.Join(t.TempDir(), "journal.db")
			r := newRoom(t, true, "LOCALMODEL_STATE="+journal)
			var unanswered, repeated int
			for i, s := range sequence(r) {
				reply, again := r.killed(s, roll, journal)
				if again {
					unanswered++
				}
				if reply.Get("repeated").Bool() {
					repeated++
				}
				if d := cmp.Diff(want[i], s.arguments+"\n"+summary(reply)); d != "" {
					t.Errorf("call %d (-without kills +with):\n%s", i, d)
				}
			}
			if d := cmp.Diff(wantFigures, figures(r)); d != "" {
				t.Errorf("figures (-without kills +with):\n%s", d)
			}
			t.Logf("%d calls, a kill at each; %d were not answered, %d of them had been recorded", len(want), unanswered, repeated)
		})
	}
}

// written is the state of a journal's write-ahead log: another one after each
// write.
func written(journal string) string {
	info, err := os.Stat(journal + "-wal")
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// killed makes a call, kills the server in its midst or after it, and repeats the
// call where no answer came.
func (r *room) killed(s step, roll *rand.Rand, journal string) (reply gjson.Result, unanswered bool) {
	r.t.Helper()
	if roll.IntN(3) == 0 { // after the answer
		reply = r.call(s.tool, s.arguments)
		r.child.Kill()
		r.start()
		return reply, false
	}
	type answer struct {
		reply gjson.Result
		err   error
	}
	came, child := make(chan answer, 1), r.child
	before := written(journal)
	go func() {
		got, err := child.Tool(s.tool, s.arguments)
		came <- answer{got, err}
	}()
	if roll.IntN(3) > 0 { // else before it is through with the question
		for len(came) == 0 && written(journal) == before {
			runtime.Gosched() // the kill is to come right behind the write
		}
	}
	child.Kill()
	got := <-came
	r.start()
	if got.err == nil {
		return got.reply, false
	}
	if !strings.Contains(got.err.Error(), "the server") { // it ended, or does not read
		r.t.Fatal(got.err)
	}
	return r.call(s.tool, s.arguments), true
}
