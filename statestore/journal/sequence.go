package journal

import (
	"context"
	"fmt"
	"sync"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// keptSequence is what the second place had when it was read: the last number
// acknowledged for the project, by database. A project's row counts the same. A
// journal that knows less has lost records: a WAL with a flipped bit is cut
// there in silence, by SQLite's design.
type keptSequence struct {
	mu   sync.Mutex
	last map[string]int64
	said string
}

func (k *keptSequence) warning() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.said
}

// loadSequence reads the second place, once per database. It must come before
// the row is read: what is acknowledged between the two would look lost.
func (j *Journal) loadSequence(id string) {
	k := &j.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.last[id]; known {
		return
	}
	last, replaced, err := j.seq.last(id, j.o.Project)
	if err != nil {
		j.o.Log.Warn("sequence not read", "err", err)
	}
	if replaced {
		k.said = "another journal is where this project's records were kept: earlier ones are not in it"
	}
	if k.last == nil {
		k.last = map[string]int64{}
	}
	k.last[id] = last
}

// compareSequence raises the row's number to the one acknowledged, counts what
// is lost, and says so. Who writes the row keeps that.
func (j *Journal) compareSequence(id string, p *Project) {
	k := &j.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	last := k.last[id]
	if last <= p.Seq {
		return
	}
	k.said = fmt.Sprintf("the journal ends at record %d of %d that were acknowledged for this project: the file was damaged or put back; no figure was lowered",
		p.Seq, last)
	p.lost += last - p.Seq
	p.Seq = last
}

// acknowledged notes a number that a caller is about to receive.
func (j *Journal) acknowledged(id string, seq int64) {
	if err := j.seq.note(id, j.o.Project, seq); err != nil {
		j.o.Log.Warn("sequence not kept", "err", err)
	}
}

// RestartSequence begins the second place anew where it has grown. It is called
// inside a transaction.
func (j *Journal) RestartSequence(ctx context.Context, tx sqldb.Q) error {
	if !j.seq.full() {
		return nil
	}
	last := map[string]int64{}
	if err := tx.Each(ctx, `SELECT name, seq FROM projects`, nil, func(r sqldb.Row) error {
		var name string
		var seq int64
		err := r.Scan(&name, &seq)
		last[name] = seq
		return err
	}); err != nil {
		return err
	}
	if err := j.seq.restart(tx.Database(), last); err != nil {
		j.o.Log.Warn("sequence not begun anew", "err", err)
	}
	return nil
}
