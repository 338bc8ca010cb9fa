package statestore

import (
	"context"
	"os"
	"testing"

	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// count is a guard that counts the first ticket.
func count(state, memo []byte) (newState, newMemo []byte, err error) {
	if memo != nil {
		return state, memo, nil
	}
	return []byte("1"), []byte("seen"), nil
}

// What the guard decided for a ticket is forgotten when its attempt closes.
func TestRecord_ForgetsWhatTheGuardDecided(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, journal.Options{Root: t.TempDir()})
	decided := func() (memo string) {
		if err := s.Admit(ctx, guard.Key{Class: "low", Digest: "d"}, "T", func(state, now []byte) ([]byte, []byte, error) {
			memo = string(now)
			return count(state, now)
		}); err != nil {
			t.Fatal(err)
		}
		return memo
	}
	decided()
	if got := decided(); got != "seen" {
		t.Errorf("before: %q, want seen", got)
	}
	record(t, s, out("T commit pass local"))
	if got := decided(); got != "" {
		t.Errorf("after the commit: %q, want nothing", got)
	}
}

// Nothing is opened, made or dialled before the first use.
func TestOpensLate(t *testing.T) {
	root := t.TempDir()
	for _, state := range []string{"", "postgres://127.0.0.1:1/none"} {
		s := makeStore(journal.Options{Root: root, State: state})
		if err := s.Reconcile(context.Background()); state == "" && err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(root); len(left) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
