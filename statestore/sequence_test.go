package statestore

import (
	"context"
	"fmt"
	"testing"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// A process that reads while another writes must not take what is acknowledged
// between its two reads for lost.
func TestSequence_NoLossSeenBesideAWriter(t *testing.T) {
	ctx := context.Background()
	o := journal.Options{State: t.TempDir() + "/journal.db", Project: "p", Dir: t.TempDir()}
	writer := newStore(t, o)
	done := make(chan error, 1)
	go func() {
		var err error
		for n := 0; n < 150 && err == nil; n++ {
			_, err = writer.Record(ctx, Outcome{TicketID: fmt.Sprintf("T-%d", n), Gate: "plan", Outcome: policy.Pass}, nil)
		}
		done <- err
	}()
	for reads := 0; ; reads++ {
		reader := makeStore(o)
		if _, err := reader.Stats(ctx); err != nil {
			t.Error(err)
		}
		for _, text := range reader.Warnings() {
			t.Errorf("read %d: %s", reads, text)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			if reads == 0 {
				t.Error("nothing was read beside the writer")
			}
			return
		default:
		}
	}
}
