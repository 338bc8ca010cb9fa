package life

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// figures is what is known of the local model's quality: the counters, and the
// guard's words on a ticket that no model needs to be asked about.
func figures(w *window) (stats, guard string) {
	w.t.Helper()
	stats = w.call("check_local_health", `{}`).Get("stats").Raw
	row := w.call("classify_ticket", `{"ticket":"---\nid: BUG-1\ncomplexity: simple\n---\n","explain":true}`)
	return stats, row.Get("tickets.0.guard").String()
}

const down = 20 // tickets that meet an outage

// TestOutage: tickets that come while Ollama is down are classified by rules
// and planned from the template, and no quality figure moves, whatever becomes
// of them in the cloud's hands. Counted as failures they would shut it off.
func TestOutage(t *testing.T) {
	t.Parallel()
	server := ollamatest.New(t)
	dir := project(t)
	w := open(t, "", dir, "OLLAMA_HOST="+server.URL)
	w.quiet = true
	for i, outcome := range []string{"pass", "fail"} {
		id := fmt.Sprintf("FEAT-%d", i+1)
		want(t, w.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, ticket(t, dir, id, "Add a button"))), "by", "local")
		if outcome == "pass" {
			w.gate(id, "commit", "pass", "", `,"quality_score":80`)
			continue
		}
		w.gate(id, "lint", "fail", "", "")
		w.gate(id, "lint", "fail", "", "")
	}
	stats, guard := figures(w)
	wantText(t, "guard", guard, "guard closed: 1.0 of 2.0 failed")

	server.KillServer()
	byBreaker := 0
	for i := range down {
		id := fmt.Sprintf("FEAT-1%02d", i)
		got := w.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, ticket(t, dir, id, "Add a button")))
		want(t, got, "by", "template", "answer.fell_back", "true")
		reason := got.Get("answer.reason").String()
		if reason == "" {
			t.Errorf("%s: no reason is given", id)
		}
		if strings.Contains(reason, "not asked after repeated failures, next try in ") {
			byBreaker++
		}
		w.gate(id, "lint", "fail", "", "") // the cloud fails too, and that is its own affair
		want(t, w.gate(id, "lint", "fail", "", ""), "action", "escalate", "owner", "cloud")
	}
	statsAfter, guardAfter := figures(w)
	t.Logf("before %d tickets down: %s, %s\nafter: %s, %s (%d of them not sent to the server, by the breaker)", down, guard, stats, guardAfter, statsAfter, byBreaker)
	if byBreaker == 0 {
		t.Error("the breaker never opened")
	}
	wantText(t, "guard", guardAfter, guard)
	wantText(t, "stats", statsAfter, stats)

	server.Restart(t)
	w.close()
	w = open(t, "", dir, "OLLAMA_HOST="+server.URL) // the breaker is this process's own
	w.quiet = true
	want(t, w.call("plan_ticket", fmt.Sprintf(`{"ticket_path":%q}`, ticket(t, dir, "FEAT-3", "Add a button"))), "by", "local")

	// And if an outage did count: each of the 20 is a local attempt that failed.
	for i := range down {
		id := fmt.Sprintf("FEAT-2%02d", i)
		w.call("classify_ticket", fmt.Sprintf(`{"ticket":"---\nid: %s\ncomplexity: simple\n---\n"}`, id))
		w.gate(id, "implement", "fail", "", `,"route":"local"`)
		w.gate(id, "implement", "fail", "", "")
	}
	counted, words := figures(w)
	t.Logf("if %d tickets down were counted as failures: %s, %s", down, words, counted)
	if counted == stats || words == guard {
		t.Errorf("counting them moved nothing: %s, %s", words, counted)
	}
}

func wantText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}
