package histories

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
)

// history is what happened to users of an earlier version, and what is right.
type history struct {
	name string
	run  func(t *testing.T) string
	want string
}

var histories = []history{
	{"without Ollama a ticket that may go local is planned by the template and fails lint six times", templateTicket,
		"may go local; planned by template, owner cloud; retry escalate retry stop stop stop; 0 attempts, 0 stayed local, 0 escalated"},
	{"a local ticket fails lint six times", localTicket,
		"planned by local, owner local; retry escalate retry stop stop stop; 1 attempts, 0 stayed local, 1 escalated"},
	{"a commit inside a local attempt is recorded with route cloud", commitForCloud,
		"complete; 1 attempts, 1 stayed local, 0 escalated"},
	{"the outcomes of an ARCH ticket are recorded with route local", archTicket,
		"owner cloud, warned; complete; 0 attempts, 0 stayed local, 0 escalated"},
	{"after a failed plan gate the ticket is planned again", planAgain,
		"retry; the second question differs, names the evidence, and samples differently"},
	{"a ticket waits for another of its wave, which is then done", dependency,
		"before: depends on FEAT-2 of this wave; after: planned by local, owner local"},
	{"two projects on one Postgres have a ticket of one id", twoProjects,
		"A: complete; B: retry, 0 attempts, 0 stayed local, 0 escalated"},
}

func TestHistories(t *testing.T) {
	for _, h := range histories {
		t.Run(h.name, func(t *testing.T) {
			if got := h.run(t); got != h.want {
				t.Errorf("got\n%s\nwant\n%s", got, h.want)
			}
		})
	}
}

// failing fails lint six times after plan and implement passed.
func failing(r *room, id string) string {
	r.pass(id, "plan", "implement")
	var actions []string
	last := r.record(id, "lint", "fail", 1, `,"evidence":"main.go:3: unused"`)
	actions = append(actions, last.Get("action").Str)
	for n := 2; n <= 6; n++ {
		last = r.record(id, "lint", "fail", n, `,"evidence":"main.go:3: unused"`)
		actions = append(actions, last.Get("action").Str)
	}
	return strings.Join(actions, " ") + "; " + counts(last)
}

func templateTicket(t *testing.T) string {
	r := newRoom(t, false)
	path := r.ticket("FEAT-1", "")
	may := "may not go local"
	if r.classify(path).Get("local").Bool() {
		may = "may go local"
	}
	plan := r.plan(path)
	return fmt.Sprintf("%s; planned by %s, owner %s; %s", may, plan.Get("by"), plan.Get("owner"), failing(r, "FEAT-1"))
}

func localTicket(t *testing.T) string {
	r := newRoom(t, true)
	path := r.ticket("FEAT-1", "")
	r.classify(path)
	plan := r.plan(path)
	return fmt.Sprintf("planned by %s, owner %s; %s", plan.Get("by"), plan.Get("owner"), failing(r, "FEAT-1"))
}

func commitForCloud(t *testing.T) string {
	r := newRoom(t, true)
	path := r.ticket("FEAT-1", "")
	r.classify(path)
	r.plan(path)
	r.pass("FEAT-1", "plan", "implement", "lint", "review")
	last := r.record("FEAT-1", "commit", "pass", 1, `,"route":"cloud"`)
	return last.Get("action").Str + "; " + counts(last)
}

func archTicket(t *testing.T) string {
	r := newRoom(t, true)
	r.classify(r.ticket("FEAT-1", "tags: [ARCH]\n"))
	first := r.record("FEAT-1", "plan", "pass", 1, `,"route":"local"`)
	warned := "not warned"
	if first.Get("warnings.0").Exists() {
		warned = "warned"
	}
	last := first
	for _, gate := range []string{"implement", "lint", "review", "commit"} {
		last = r.record("FEAT-1", gate, "pass", 1, `,"route":"local"`)
	}
	return fmt.Sprintf("owner %s, %s; %s; %s", first.Get("owner"), warned, last.Get("action"), counts(last))
}

func planAgain(t *testing.T) string {
	const evidence = "the flag -locale is missing"
	r := newRoom(t, true)
	path := r.ticket("FEAT-1", "")
	r.classify(path)
	r.plan(path)
	first := len(r.ollama.Requests(t)) - 1
	action := r.record("FEAT-1", "plan", "fail", 1, fmt.Sprintf(`,"evidence":%q`, evidence)).Get("action").Str
	r.plan(path)
	asked := r.ollama.Requests(t)
	if len(asked) < first+2 {
		return action + "; the model was not asked again"
	}
	a, b := asked[first], asked[first+1]
	said := "the same"
	if fmt.Sprint(a.Messages) != fmt.Sprint(b.Messages) {
		said = "the second question differs"
	}
	if strings.Contains(fmt.Sprint(b.Messages), evidence) {
		said += ", names the evidence"
	}
	if fmt.Sprint(a.Options) != fmt.Sprint(b.Options) {
		said += ", and samples differently"
	}
	return action + "; " + said
}

func dependency(t *testing.T) string {
	r := newRoom(t, true)
	r.ticket("FEAT-2", "")
	r.ticket("FEAT-5", "depends_on: [FEAT-2]\n")
	rows := r.call("classify_ticket", `{"ticket_paths":["FEAT-2.md","FEAT-5.md"]}`)
	before := rows.Get(`tickets.#(id=="FEAT-5").why`).Str
	r.plan("FEAT-2.md")
	r.pass("FEAT-2", "plan", "implement", "lint", "review", "commit")
	after := r.plan("FEAT-5.md")
	return fmt.Sprintf("before: %s; after: planned by %s, owner %s", before, after.Get("by"), after.Get("owner"))
}

func twoProjects(t *testing.T) string {
	journal := pgtest.Shared(t).Schema(t)
	open := func(origin string) *room {
		r := newRoom(t, true, "LOCALMODEL_STATE="+journal)
		for _, args := range [][]string{{"init", "-q"}, {"remote", "add", "origin", "https://example.org/" + origin + ".git"}} {
			cmd := exec.CommandContext(t.Context(), "git", args...) //nolint:gosec // the two above
			cmd.Dir = r.project
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
		}
		r.child.Kill() // it was there before the project's name
		r.start()
		return r
	}
	a, b := open("a"), open("b")
	a.classify(a.ticket("FEAT-1", ""))
	a.plan("FEAT-1.md")
	done := a.pass("FEAT-1", "plan", "implement", "lint", "review", "commit")
	b.classify(b.ticket("FEAT-1", ""))
	failed := b.record("FEAT-1", "lint", "fail", 1, "")
	return fmt.Sprintf("A: %s; B: %s, %s", done.Get("action"), failed.Get("action"), counts(failed))
}
