package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/fjbelchi/localmodel/statestore/journal"
)

const oldStateFile = `{"version":"6.1","stats":{"localModelStats":{"totalAttempts":5,"successCount":3,"escalatedToCloud":2,"failuresByType":{"lint":2},"avgQualityScore":70}}}`

// load fills an empty store with a recorded dump, as a program of that version
// left it.
func load(t *testing.T, o Options, version int) {
	t.Helper()
	ctx := context.Background()
	kind := "sqlite"
	if o.State != "" {
		kind = "postgres"
	}
	dump, err := os.ReadFile(filepath.Join("testdata", "schema", fmt.Sprintf("%d.%s.sql", version, kind)))
	if err != nil {
		t.Fatalf("each earlier version needs its recorded dump: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(o.Root, ".claude", "localmodel"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Root, ".claude", "implementer-state.json"), []byte(oldStateFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if o.State != "" {
		conn, err := pgx.Connect(ctx, o.State)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if _, err := conn.PgConn().Exec(ctx, string(dump)).ReadAll(); err != nil {
			t.Fatal(err)
		}
		return
	}
	db, err := sql.Open("sqlite", filepath.Join(o.Root, ".claude", "localmodel", "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(string(dump)); err != nil {
		t.Fatal(err)
	}
}

// A journal of every earlier version is brought to the newest schema, with all
// that is in it.
func TestUpgrade(t *testing.T) {
	for version := 1; version < len(journal.Migrations); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			eachStore(t, func(t *testing.T, o Options) {
				ctx := context.Background()
				load(t, o, version)
				s := newStore(t, o)
				want := Stats{TotalAttempts: 7, SuccessCount: 4, EscalatedToCloud: 3, FailuresByType: map[string]int{"lint": 3}, AvgQualityScore: 71.67}
				if diff := cmp.Diff(want, mustStats(t, s)); diff != "" {
					t.Errorf("counters (-want +got):\n%s", diff)
				}
				var schema string
				if query(t, s, &schema, `SELECT value FROM meta WHERE name = 'schema'`); schema != fmt.Sprint(len(journal.Migrations)) {
					t.Errorf("schema %s after the upgrade", schema)
				}
				// Keys still hold, the open attempt goes on, a new outcome counts.
				lint := out("A lint fail #A:lint:1")
				lint.Evidence = "unused variable"
				if r := record(t, s, lint); !r.Repeated || r.Attempt == nil {
					t.Errorf("a key of before: %+v", r)
				}
				lint.Evidence = "something else"
				if _, err := s.Record(ctx, lint, nil); !errors.Is(err, ErrConflict) {
					t.Errorf("a key of before, another payload: %v", err)
				}
				if r := record(t, s, out("C commit pass")); r.Route != "local" || r.Stats.SuccessCount != 5 {
					t.Errorf("the open attempt: %+v", r)
				}
				// The baseline is not taken over a second time.
				if st := mustStats(t, s); st.TotalAttempts != 8 {
					t.Errorf("after one more: %+v", st)
				}
				d, found, err := s.Decision(ctx, "h1")
				if !found || err != nil || d.Category != "BUG" || !d.Local || len(d.Wave) != 2 {
					t.Errorf("decision: %+v, %t, %v", d, found, err)
				}
				if digest, err := s.KnownDigest(ctx, "qwen3-coder:30b"); digest != "sha256:1" || err != nil {
					t.Errorf("digest %q, %v", digest, err)
				}
				calls := 0
				if err := s.Calls(ctx, d.At.AddDate(-1, 0, 0), func(Call) error { calls++; return nil }); calls != 2 || err != nil {
					t.Errorf("%d calls, %v; want 2", calls, err)
				}
				states, err := s.GuardStates(ctx)
				if len(states) != 3 || err != nil {
					t.Errorf("guard records: %v, %v", states, err)
				}
				var spent float64
				if query(t, s, &spent, `SELECT usd FROM spend`); spent != 0.75 {
					t.Errorf("spent %v, want 0.75", spent)
				}
			})
		})
	}
}

// An upgraded journal is made as a new one is.
func TestUpgradedSchemaEqualsNew(t *testing.T) {
	o := Options{Root: t.TempDir()}
	load(t, o, 1)
	upgraded, fresh := newStore(t, o), newStore(t, Options{Root: t.TempDir()})
	schema := func(s *Store) (text string) {
		query(t, s, &text, `SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name)`)
		return strings.Join(strings.Fields(text), " ")
	}
	if diff := cmp.Diff(schema(fresh), schema(upgraded)); diff != "" {
		t.Errorf("(-new +upgraded):\n%s", diff)
	}
}

// A journal that a newer version wrote can be read, and says why it is not
// written.
func TestNewerJournal(t *testing.T) {
	eachStore(t, func(t *testing.T, o Options) {
		ctx := context.Background()
		s := newStore(t, o)
		record(t, s, out("T commit pass local"))
		if err := s.SaveDecision(ctx, Decision{Hash: "h", TicketID: "T", Complexity: "low"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Admit(ctx, GuardKey{Class: "low", Digest: "d"}, "T", count); err != nil {
			t.Fatal(err)
		}
		change(t, s, `UPDATE meta SET value = '99' WHERE name = 'schema'`)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(o.Root, ".claude", "implementer-state.json")
		if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
			t.Fatal(err)
		}

		s = newStore(t, o)
		if st := mustStats(t, s); st.SuccessCount != 1 {
			t.Errorf("counters: %+v", st)
		}
		if _, found, err := s.Decision(ctx, "h"); !found || err != nil {
			t.Errorf("decision: %t, %v", found, err)
		}
		if err := s.Admit(ctx, GuardKey{Class: "low", Digest: "d"}, "T", count); err != nil {
			t.Errorf("an answer of the guard that is there: %v", err)
		}
		_, err := s.Record(ctx, out("T lint fail"), nil)
		if !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), fmt.Sprintf("newer localmodel (schema 99, this one knows %d): update localmodel", len(journal.Migrations))) {
			t.Errorf("record: %v", err)
		}
		if said := strings.Join(s.Warnings(), ";"); !strings.Contains(said, "read-only here: it was written by a newer localmodel") {
			t.Errorf("warnings %q", said)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if data, err := os.ReadFile(file); string(data) != `{}` || err != nil {
			t.Errorf("the state file was written: %s, %v", data, err)
		}
	})
}
