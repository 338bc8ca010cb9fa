package tools

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/tools/decide"
)

var anyHour = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func writeTicket(t *testing.T, root, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// backlog writes n tickets of a complexity and returns their paths.
func backlog(t *testing.T, root, prefix, complexity string, n int) []string {
	t.Helper()
	var paths []string
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i+1)
		writeTicket(t, root, id+".md", fm("id: "+id, "complexity: "+complexity))
		paths = append(paths, id+".md")
	}
	return paths
}

// openGuard fails tickets of a complexity until the guard opens, all through
// the tools.
func openGuard(t *testing.T, d *Deps, complexity string) {
	t.Helper()
	paths := backlog(t, d.Root, "OLD", complexity, 6)
	classifyText(t, d, classifyInput{TicketPaths: paths})
	k := gateKeeper{t: t, deps: d}
	for i := range paths {
		k.run(fmt.Sprintf("OLD-%d", i+1), "local", "lint fail", "lint fail")
	}
	if s := guardState(t, d, complexity); !s.Open {
		t.Fatalf("six of six failed and the guard is closed: %+v", s)
	}
}

// guardState is the record that decides: that of the one category whose own has
// enough outcomes, else that of all.
func guardState(t *testing.T, d *Deps, complexity string) policy.GuardState {
	t.Helper()
	states, err := d.Journal.GuardStates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, state := range states {
		if s := policy.ParseGuardState(state); key.Class == complexity && key.Category != "" && s.Decides() {
			return s
		}
	}
	return policy.ParseGuardState(states[guard.Key{Class: complexity, Digest: decide.GuardDigest(t.Context(), d)}])
}

// A category whose tickets fail is kept from the local model, and the others as
// hard keep going to it; the reason names the record.
func TestAdmit_CategoriesApart(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally, digest: "d"})
	k := gateKeeper{t: t, deps: d}
	ticketOf := func(kind string, i int) (id, text string) {
		id = fmt.Sprintf("%s-%d", strings.ToUpper(kind), i)
		return id, fm("id: "+id, "type: "+kind, "complexity: low", "affected_files: [a.go]") + "# Do it"
	}
	for i := range 6 {
		id, text := ticketOf("bug", i)
		classifyText(t, d, classifyInput{Ticket: text})
		k.run(id, "local", "lint pass", "commit pass")
	}
	for i := range 6 {
		id, text := ticketOf("feat", i)
		classifyText(t, d, classifyInput{Ticket: text})
		k.run(id, "local", "lint fail", "lint fail")
	}
	for kind, want := range map[string]struct {
		local bool
		why   string
	}{
		"feat": {false, "open for low FEAT: "},
		"bug":  {true, "guard closed: 0.0 of 5.4 failed (low BUG)"},
	} {
		_, text := ticketOf(kind, 99)
		row := classifyText(t, d, classifyInput{Ticket: text, Explain: true}).Tickets[0]
		if *row.Local != want.local || !strings.HasPrefix(row.Guard, want.why) {
			t.Errorf("%s: local %t, guard %q; want %t and %q", kind, *row.Local, row.Guard, want.local, want.why)
		}
	}
}

func TestBatchTwice(t *testing.T) {
	m := &scriptedModel{down: refusedLocally, digest: "d"}
	d := decider(t, m)
	openGuard(t, d, "medium")
	paths := backlog(t, d.Root, "NEW", "medium", 13)
	// Tickets that another rule refuses do not count.
	writeTicket(t, d.Root, "SEC-1.md", fm("id: SEC-1", "complexity: medium", "tags: [sec]"))
	writeTicket(t, d.Root, "FEAT-9.md", fm("id: FEAT-9", "complexity: high"))
	paths = append([]string{"SEC-1.md", "FEAT-9.md"}, paths...)

	first := classifyText(t, d, classifyInput{TicketPaths: paths})
	state := guardState(t, d, "medium")
	second := classifyText(t, d, classifyInput{TicketPaths: paths})
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the same batch again (-first +second)\n%s", diff)
	}
	if diff := cmp.Diff(state, guardState(t, d, "medium")); diff != "" {
		t.Errorf("the counter moved twice (-first +second)\n%s", diff)
	}
	for i, row := range first.Tickets[2:] {
		if probe := i == 9; *row.Local != probe || strings.Contains(row.Why, "; probe") != probe {
			t.Errorf("eligible ticket %d: local %t, %s", i+1, *row.Local, row.Why)
		}
	}
	if state.Waited != 3 || state.Probe != "NEW-10" {
		t.Errorf("%+v", state)
	}

	// Another process on the same journal, and one after a restart, see the same.
	other := deciderIn(t, d.Root, m)
	if diff := cmp.Diff(first, classifyText(t, other, classifyInput{TicketPaths: paths})); diff != "" {
		t.Errorf("another process (-first +other)\n%s", diff)
	}
	if diff := cmp.Diff(state, guardState(t, other, "medium")); diff != "" {
		t.Errorf("another process counts again\n%s", diff)
	}

	// The probe closes elsewhere; here the next new ticket is counted from there.
	(&gateKeeper{t: t, deps: other}).run("NEW-10", "local", "lint pass", "commit pass")
	s := guardState(t, d, "medium")
	if s.Probe != "" || !s.Next {
		t.Fatalf("after the probe passed: %+v", s)
	}
	more := classifyText(t, d, classifyInput{TicketPaths: backlog(t, d.Root, "MORE", "medium", 2)})
	if !*more.Tickets[0].Local || *more.Tickets[1].Local {
		t.Errorf("the next new ticket is a probe too, and one alone: %+v", more.Tickets)
	}
}

// Classes, digests and prompt versions have records of their own.
func TestGuardKeys(t *testing.T) {
	m := &scriptedModel{down: refusedLocally, digest: "d"}
	d := decider(t, m)
	openGuard(t, d, "medium")
	local := func(complexity string) bool {
		r := classifyText(t, d, classifyInput{Ticket: fm("id: X-"+complexity, "type: bug", "complexity: "+complexity)})
		return *r.Tickets[0].Local
	}
	if local("medium") || !local("low") {
		t.Error("medium is open and low is not")
	}
	m.digest = "another"
	if !local("medium") {
		t.Error("a new model starts fresh")
	}
	m.digest = "d"
	if local("medium") {
		t.Error("the old model's record is kept")
	}
}

// While the model's server is down the digest last known is used.
func TestGuardKeepsItsKeyWhileDown(t *testing.T) {
	m := &scriptedModel{down: refusedLocally, digest: "d"}
	d := decider(t, m)
	openGuard(t, d, "medium")
	store := d.Journal.(*statestore.Store)
	if err := store.Calls.Add(t.Context(), calls.Call{At: time.Now(), Purpose: "plan", TicketID: "OLD-1", Tier: "local", Model: "scripted", Digest: "d", Result: "ok"}); err != nil {
		t.Fatal(err)
	}
	m.digest = ""
	deadline := time.Now().Add(time.Minute) // rows of local calls are written together
	for decide.GuardDigest(t.Context(), d) != "d/"+strings.SplitN(decide.GuardDigest(t.Context(), d), "/", 2)[1] {
		if time.Now().After(deadline) {
			t.Fatalf("digest %q", decide.GuardDigest(t.Context(), d))
		}
		time.Sleep(20 * time.Millisecond)
	}
	if s := guardState(t, d, "medium"); !s.Open {
		t.Errorf("down, the guard is %+v", s)
	}
}

// Two processes that classify the same batch at once count each ticket once and
// give one probe.
func TestBatchInTwoProcesses(t *testing.T) {
	m := &scriptedModel{down: refusedLocally, digest: "d"}
	d := decider(t, m)
	openGuard(t, d, "low")
	paths := backlog(t, d.Root, "NEW", "low", 15)
	var group sync.WaitGroup
	results := make([]*classifyResult, 4)
	for i := range results {
		other := deciderIn(t, d.Root, m)
		group.Go(func() {
			r, err := classifyTicket(t.Context(), other, classifyInput{TicketPaths: paths}, Call{})
			if err != nil {
				t.Error(err)
			}
			results[i] = r
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	for i, r := range results[1:] {
		if diff := cmp.Diff(results[0].Tickets, r.Tickets); diff != "" {
			t.Errorf("process %d\n%s", i+2, diff)
		}
	}
	probes := 0
	for _, row := range results[0].Tickets {
		if *row.Local {
			probes++
		}
	}
	if s := guardState(t, d, "low"); probes != 1 || s.Waited != 5 {
		t.Errorf("%d probes, %+v", probes, s)
	}
}

// The plan's rule looks at the counters: absorbing, over all classes.
func TestFixedGuard(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally, digest: "d"})
	d.Guard.Mode = policy.Fixed
	k := gateKeeper{t: t, deps: d}
	why := func() string {
		return classifyText(t, d, classifyInput{Ticket: fm("id: FEAT-1", "complexity: low"), Explain: true}).Tickets[0].Guard
	}
	if got := why(); got != "fixed rule: 0 of 0 escalated" {
		t.Error(got)
	}
	k.run("A", "local", "lint fail", "lint fail")
	if got := why(); got != "fixed rule: 1 of 1 escalated, 1.00 >= .30" {
		t.Error(got)
	}
	k.run("B", "local", "commit pass")
	k.run("C", "local", "commit pass")
	if got := why(); got != "fixed rule: 1 of 3 escalated, .33 >= .30" {
		t.Error(got)
	}
	k.run("D", "local", "commit pass")
	if got := why(); got != "fixed rule: 1 of 4 escalated" {
		t.Error(got)
	}
}

// A ticket with an open local attempt stays where it is: the guard opening in
// the middle neither counts it nor takes it away.
func TestOpenAttemptKeepsItsTicket(t *testing.T) {
	d := decider(t, &scriptedModel{down: refusedLocally, digest: "d"})
	text := fm("id: FEAT-1", "complexity: medium")
	classifyText(t, d, classifyInput{Ticket: text})
	k := gateKeeper{t: t, deps: d}
	k.run("FEAT-1", "local", "plan pass")
	openGuard(t, d, "medium")
	row := classifyText(t, d, classifyInput{Ticket: text, Explain: true}).Tickets[0]
	if !*row.Local || row.Guard != "not asked: its local attempt is open" || guardState(t, d, "medium").Waited != 0 {
		t.Errorf("%+v, guard %+v", row, guardState(t, d, "medium"))
	}
	k.run("FEAT-1", "", "lint fail", "lint fail")
	row = classifyText(t, d, classifyInput{Ticket: text}).Tickets[0]
	if *row.Local || row.Why != "escalated at lint" {
		t.Errorf("after the escalation: %+v", row)
	}
	d.Guard.Mode = policy.Never
	k.run("FEAT-2", "local", "plan pass")
	if row := classifyText(t, d, classifyInput{Ticket: fm("id: FEAT-2", "complexity: low")}).Tickets[0]; *row.Local {
		t.Errorf("LOCALMODEL_GUARD=never: %+v", row)
	}
}
