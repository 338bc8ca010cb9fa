package statestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/decisions"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/money"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// of is the store of another project in the same journal.
func of(t testing.TB, o journal.Options, project string) *Store {
	t.Helper()
	o.Project, o.Root = project, filepath.Join(o.Root, project)
	if o.State == "" {
		o.State = journaltest.Path(filepath.Dir(o.Root))
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
	eachStore(t, func(t *testing.T, o journal.Options) {
		ctx := context.Background()
		a, b := of(t, o, "a"), of(t, o, "b")
		record(t, a, out("T lint fail local #1"))
		record(t, a, out("T lint fail #2"))
		record(t, b, out("T lint pass local #1")) // another ticket of the same name
		if err := a.SaveDecision(ctx, decisions.Decision{TicketID: "T", Hash: "h", Complexity: "low"}); err != nil {
			t.Fatal(err)
		}
		if err := a.Admit(ctx, guard.Key{Class: "low", Digest: "d"}, "T", count); err != nil {
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
		if _, _, err := b.Reserve(ctx, "cheap", 2, 5); !errors.Is(err, money.ErrBudget) {
			t.Errorf("over the cap of both: %v", err)
		}
	})
}

// A project is listed, forgotten with all its rows, and given to another name;
// a process that has it open goes on.
func TestProjects_ListForgetRename(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
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
		if err := a.Forget(ctx, "none"); !errors.Is(err, journal.ErrNoProject) {
			t.Errorf("forgot a project that is not there: %v", err)
		}
		if err := a.Forget(ctx, "b"); err != nil {
			t.Fatal(err)
		}
		for _, table := range ofProjects(t, a) {
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

// ofProjects are the tables that hold rows of a project, but what it spent.
func ofProjects(t *testing.T, s *Store) (tables []string) {
	t.Helper()
	find := `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'project'`
	if s.Postgres() {
		find = `SELECT table_name FROM information_schema.columns WHERE column_name = 'project' AND table_schema = current_schema()`
	}
	if err := s.ReadAny(t.Context(), func(q sqldb.Q) error {
		return scanStrings(t.Context(), q, find, nil, func(table string) {
			if table != "reservations" && table != "pending" {
				tables = append(tables, table)
			}
		})
	}); err != nil || len(tables) < 10 {
		t.Fatalf("%q, %v", tables, err)
	}
	return tables
}

// A project without a name is refused with the fix, and nothing is written.
func TestProject_WithoutName(t *testing.T) {
	o := journal.Options{Root: t.TempDir(), ProjectErr: errors.New("set LOCALMODEL_PROJECT")}
	s := newStore(t, o)
	_, err := s.Record(context.Background(), out("T lint fail"), nil)
	if !errors.Is(err, journal.ErrProject) || !strings.Contains(err.Error(), "set LOCALMODEL_PROJECT") {
		t.Errorf("record: %v", err)
	}
	if _, err := s.Stats(context.Background()); !errors.Is(err, journal.ErrProject) {
		t.Errorf("stats: %v", err)
	}
	if _, err := os.Stat(journaltest.Path(o.Root)); err == nil {
		t.Error("a journal was made")
	}
}

// Eight processes in three projects record at once on one journal: each
// project's figures are those of a replay of its own.
func TestEightProcessesInThreeProjects(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		const processes, projects = 8, 3
		records := 30
		if full {
			records = 1000
		}
		if o.State == "" {
			o.State = journaltest.Path(o.Root)
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
			e.check(t, journal.Options{Root: root(project), State: o.State, Project: fmt.Sprint("p", project)})
		}
	})
}
