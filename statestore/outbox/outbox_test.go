package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// open opens the box of a project in a journal of the test's own.
func open(t *testing.T, state, project string) *Box {
	t.Helper()
	b := New(Options{DB: sqldb.New(sqldb.Options{State: state, Schema: Schema, Version: 1}), Path: state, Server: "server", Project: project,
		Background: t.Context(), Log: slog.New(slog.DiscardHandler)})
	b.End() // the tests deliver
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func keep(t *testing.T, b *Box, ticket, body string) {
	t.Helper()
	if err := b.Keep(t.Context(), ticket, time.UnixMilli(7), func([]Row) (*Entry, error) {
		return &Entry{Kind: "k", Delivery: body, Ticket: ticket, Event: "e" + body, Body: body}, nil
	}); err != nil {
		t.Fatal(err)
	}
}

// deliver is what was sent, in words.
func deliver(t *testing.T, b *Box, fails func(body string) error) (sent []string, err error) {
	t.Helper()
	b.o.Send = func(_ context.Context, r Row) error {
		sent = append(sent, fmt.Sprint(r.Kind, r.Delivery, string(r.Body), r.At.UnixMilli()))
		return fails(r.Delivery)
	}
	err = b.Deliver(t.Context())
	return sent, err
}

func fine(string) error { return nil }

// What waits is sent once, in its order, of this project alone.
func TestDeliver(t *testing.T) {
	state := filepath.Join(t.TempDir(), "journal.db")
	b, other := open(t, state, "p"), open(t, state, "other")
	if sent, err := deliver(t, b, fine); len(sent) > 0 || err != nil || b.o.DB.Exists() {
		t.Errorf("of nothing: %q, %v; a journal was made: %t", sent, err, b.o.DB.Exists())
	}
	for _, body := range []string{"1", "2", "3"} {
		keep(t, b, "T", body)
	}
	keep(t, other, "T", "4")
	sent, err := deliver(t, b, fine)
	if diff := cmp.Diff([]string{`k1"1"7`, `k2"2"7`, `k3"3"7`}, sent); diff != "" || err != nil || b.Waiting() != 0 {
		t.Errorf("%v, %d wait (-want +got):\n%s", err, b.Waiting(), diff)
	}
	if err := other.Count(t.Context()); err != nil || other.Waiting() != 1 {
		t.Errorf("another project's: %d wait, %v", other.Waiting(), err)
	}
}

// What cannot be sent now waits with all behind it; what is contradicted is set
// aside and those behind it are sent.
func TestDeliver_Failures(t *testing.T) {
	for name, c := range map[string]struct {
		err              error
		waiting, refused int64
		sent             int
		fails            bool
	}{
		"not yet":             {ErrNotYet, 3, 0, 1, false},
		"server is away":      {fmt.Errorf("x: %w", sqldb.ErrUnavailable), 3, 0, 1, true},
		"server is read-only": {fmt.Errorf("x: %w", sqldb.ErrReadOnly), 3, 0, 1, true},
		"contradicted":        {errors.New("another outcome"), 0, 1, 3, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, filepath.Join(t.TempDir(), "journal.db"), "p")
			for _, body := range []string{"1", "2", "3"} {
				keep(t, b, "T", body)
			}
			sent, err := deliver(t, b, func(body string) error {
				if body == "1" {
					return c.err
				}
				return nil
			})
			if len(sent) != c.sent || (err != nil) != c.fails || b.Waiting() != c.waiting || b.Refused() != c.refused {
				t.Errorf("sent %q, %v; %d wait, %d refused", sent, err, b.Waiting(), b.Refused())
			}
		})
	}
}

// An entry is made from what is kept of its ticket; one that is not made, or
// fails, keeps nothing.
func TestKeep_SeesTheTicket(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "journal.db"), "p")
	keep(t, b, "T", "1")
	keep(t, b, "U", "2")
	keep(t, b, "T", "3")
	for _, c := range []struct{ ticket, want string }{{"T", `e1"1" e3"3"`}, {"U", `e2"2"`}, {"V", ""}, {"", ""}} {
		var seen []string
		if err := b.Keep(t.Context(), c.ticket, time.Now(), func(kept []Row) (*Entry, error) {
			for _, r := range kept {
				seen = append(seen, r.Event+string(r.Body))
			}
			return nil, nil //nolint:nilnil // nothing to keep
		}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(seen, " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.ticket, got, c.want)
		}
	}
	failure := errors.New("no")
	if err := b.Keep(t.Context(), "T", time.Now(), func([]Row) (*Entry, error) { return nil, failure }); !errors.Is(err, failure) {
		t.Errorf("%v, want %v", err, failure)
	}
	if err := b.Count(t.Context()); err != nil || b.Waiting() != 3 {
		t.Errorf("%d wait, want 3, %v", b.Waiting(), err)
	}
}
