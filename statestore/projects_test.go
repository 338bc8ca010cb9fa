package statestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
)

// of is the store of another project in the same journal.
func of(t testing.TB, o Options, project string) *Store {
	t.Helper()
	o.Project, o.Root = project, filepath.Join(o.Root, project)
	if o.State == "" {
		o.State = journalPath(filepath.Dir(o.Root))
	}
	makeRoot(t, o.Root)
	return newStore(t, o)
}

func makeRoot(t testing.TB, root string) {
	t.Helper()
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
}

// Projects in one journal share nothing but the user's money.
func TestProjects_ShareNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		a, b := of(t, o, "a"), of(t, o, "b")
		record(t, a, out("T lint fail local #1"))
		record(t, a, out("T lint fail #2"))
		record(t, b, out("T lint pass local #1")) // another ticket of the same name
		if err := a.SaveDecision(ctx, Decision{TicketID: "T", Hash: "h", Complexity: "low"}); err != nil {
			t.Fatal(err)
		}
		if err := a.Admit(ctx, GuardKey{Class: "low", Digest: "d"}, "T", count); err != nil {
			t.Fatal(err)
		}
		if err := a.Calls.Add(ctx, calls.Call{At: time.Now(), Model: "m", Digest: "d", Paid: true}); err != nil {
			t.Fatal(err)
		}
		if st := mustStats(t, b); st.TotalAttempts != 0 {
			t.Errorf("counters of the other: %+v", st)
		}
		if state, err := b.TicketState(ctx, "T"); err != nil || state.Phase != policy.PhaseLocal {
			t.Errorf("ticket of the other: %+v, %v", state, err)
		}
		if _, found, err := b.Decision(ctx, "T", "h", ""); found || err != nil {
			t.Errorf("decision of the other: %t, %v", found, err)
		}
		if states, err := b.GuardStates(ctx); len(states) != 0 || err != nil {
			t.Errorf("guard of the other: %v, %v", states, err)
		}
		if digest, err := b.KnownDigest(ctx, "m"); digest != "" || err != nil {
			t.Errorf("digest of the other: %q, %v", digest, err)
		}
		if err := b.Calls.Each(ctx, time.Time{}, func(calls.Call) error { return errors.New("a call of the other") }); err != nil {
			t.Error(err)
		}
		if _, _, err := a.Reserve(ctx, "cheap", 4, 5); err != nil {
			t.Fatal(err)
		}
		wantBudget(t, b, 2, "$4.0000 of $5.00")
	})
}

// The cap is one user's; the sum is the team's.
func TestMoney_OfEachUser(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		ann, bob := o, o
		ann.User, bob.User = "ann", "bob"
		a, b := of(t, ann, "p"), of(t, bob, "p")
		for _, s := range []*Store{a, b} {
			if _, _, err := s.Reserve(ctx, "cheap", 4, 5); err != nil {
				t.Fatal(err)
			}
		}
		wantBudget(t, b, 2, "$4.0000 of $5.00")
		want := map[bool]float64{true: 8}[IsPostgres(o.State)] // a file has no team
		if usd, shared, err := a.TeamSpent(ctx, time.Now()); usd != want || shared != IsPostgres(o.State) || err != nil {
			t.Errorf("the team spent %v, shared %t, %v; want %v", usd, shared, err, want)
		}
		if usd, _, err := a.TeamSpent(ctx, time.Now().AddDate(0, 0, 2)); usd != 0 || err != nil {
			t.Errorf("since the day after tomorrow the team spent %v, %v", usd, err)
		}
	})
}

// What is no amount of money is not added up, and no row of it breaks a reader.
func TestMoney_NoAmount(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		s := newStore(t, o)
		for _, usd := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e308} {
			if _, _, err := s.Reserve(ctx, "cheap", usd, 5); !errors.Is(err, ErrBudget) {
				t.Errorf("reserved %v: %v", usd, err)
			}
			id, _, err := s.Reserve(ctx, "cheap", 0.25, 100)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Settle(ctx, id, usd); err != nil {
				t.Errorf("settled at %v: %v", usd, err)
			}
			c := calls.Call{At: time.Now(), Paid: true, CostUSD: usd, TokensIn: -5, TokensOut: math.MaxInt64, MS: -1, Model: strings.Repeat("m", 1<<20)}
			if err := s.Calls.Add(ctx, c); err != nil {
				t.Errorf("logged %v: %v", usd, err)
			}
		}
		if spent, err := s.Spent(ctx); spent != 1.25 || err != nil {
			t.Errorf("spent %v, %v; want the five estimates", spent, err)
		}
		n := 0
		if err := s.Calls.Each(ctx, time.Time{}, func(c calls.Call) error {
			n++
			if c.CostUSD != 0 || c.TokensIn != 0 || len(c.Model) > maxField {
				t.Errorf("stored %+v", c)
			}
			return nil
		}); err != nil || n != 5 {
			t.Errorf("%d calls, %v", n, err)
		}
	})
}

// A project is listed, forgotten with all its rows, and given to another name;
// a process that has it open goes on.
func TestProjects_ListForgetRename(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		a, b := of(t, o, "a"), of(t, o, "b")
		record(t, a, out("T commit pass local"))
		record(t, b, out("T commit pass local"))
		record(t, b, out("T lint fail"))
		list, err := a.Projects(ctx)
		if err != nil || len(list) != 2 || list[0].Name != "b" || list[0].Rows != 3 || list[1].Stats.SuccessCount != 1 {
			t.Errorf("list %+v, %v", list, err)
		}
		if err := a.Rename(ctx, "a", "b"); err == nil {
			t.Error("a name that has rows was given away")
		}
		if err := a.Forget(ctx, "none"); !errors.Is(err, ErrNoProject) {
			t.Errorf("forgot a project that is not there: %v", err)
		}
		if err := a.Forget(ctx, "b"); err != nil {
			t.Fatal(err)
		}
		for _, table := range projectTables {
			var n int
			if query(t, a, &n, `SELECT COUNT(*) FROM `+table+` WHERE project NOT IN (SELECT id FROM projects)`); n != 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
		}
		if r := record(t, b, out("T commit pass local")); r.Stats.SuccessCount != 1 {
			t.Errorf("after it was forgotten: %+v", r.Stats)
		}
		if err := a.Rename(ctx, "b", "c"); err != nil {
			t.Fatal(err)
		}
		if st := mustStats(t, of(t, o, "c")); st.SuccessCount != 1 {
			t.Errorf("under the new name: %+v", st)
		}
	})
}

// A project without a name is refused with the fix, and nothing is written.
func TestProject_WithoutName(t *testing.T) {
	o := Options{Root: t.TempDir(), ProjectErr: errors.New("set LOCALMODEL_PROJECT")}
	s := newStore(t, o)
	_, err := s.Record(context.Background(), out("T lint fail"), nil)
	if !errors.Is(err, ErrProject) || !strings.Contains(err.Error(), "set LOCALMODEL_PROJECT") {
		t.Errorf("record: %v", err)
	}
	if _, err := s.Stats(context.Background()); !errors.Is(err, ErrProject) {
		t.Errorf("stats: %v", err)
	}
	if s.db.Exists() {
		t.Error("a journal was made")
	}
}

// Eight processes in three projects record at once on one journal: each
// project's figures are those of a replay of its own.
func TestEightProcessesInThreeProjects(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		const processes, projects = 8, 3
		records := 30
		if full {
			records = 1000
		}
		if o.State == "" {
			o.State = journalPath(o.Root)
		}
		outputs := make([]bytes.Buffer, processes)
		var wg sync.WaitGroup
		root := func(project int) string { return filepath.Join(o.Root, fmt.Sprint("root", project)) }
		for i := range processes {
			project := i % projects
			makeRoot(t, root(project))
			cmd := child(t, "recorder", childArgs{Root: root(project), State: o.State, Project: fmt.Sprint("p", project),
				Name: fmt.Sprint("c", i), Records: records, Tickets: 12})
			cmd.Stdout = &outputs[i]
			wg.Go(func() {
				if err := cmd.Run(); err != nil {
					t.Errorf("recorder %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		for project := range projects {
			e := events{sent: map[string]bool{}, acked: map[string]bool{}}
			for i := project; i < processes; i += projects {
				e.read(t, &outputs[i])
			}
			if want := records * (processes - project + projects - 1) / projects; len(e.acked) == 0 || len(e.acked)%records != 0 {
				t.Errorf("project %d: %d acknowledged, want about %d", project, len(e.acked), want)
			}
			e.check(t, Options{Root: root(project), State: o.State, Project: fmt.Sprint("p", project)})
		}
	})
}
