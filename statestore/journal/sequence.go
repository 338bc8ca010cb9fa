package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// sequence is the second place for the last number that was acknowledged for
// each project, beside the journal. A project's row counts the same: a journal
// that knows less has lost records, as where a WAL with a flipped bit is cut
// there in silence, by SQLite's design.
//
// Entries are appended and not flushed: after a crash of the machine the file may
// know less than the journal, which was flushed, and never more. A failure here
// costs only the check.
type sequence struct {
	path, project string
	log           *slog.Logger

	mu   sync.Mutex // guards what follows
	id   string     // of the database that file is kept for
	file *os.File
	size int64
	last map[string]int64 // what was acknowledged for the project when it was read, by database
	said string
}

const (
	entryBytes = 24
	maxEntries = 1024 // then the file is begun anew
)

func (s *sequence) warning() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

// load reads the file, once per database. It must come before the row is read:
// what is acknowledged between the two would look lost.
func (s *sequence) load(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.last[id]; known {
		return
	}
	data, err := os.ReadFile(s.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("sequence not read", "err", err)
	}
	var last int64
	own, others := false, false
	for ; len(data) >= entryBytes; data = data[entryBytes:] {
		n := int64(binary.BigEndian.Uint64(data[8:])) //nolint:gosec // written as one
		e := entry(id, s.project, n)
		switch {
		case bytes.Equal(e, data[:entryBytes]):
			last, own = max(last, n), true
		case bytes.Equal(e[:8], data[:8]):
			others = true
		}
	}
	if others && !own {
		s.said = "another journal is where this project's records were kept: earlier ones are not in it"
	}
	s.last[id] = last
}

// compare raises the row's number to the one acknowledged, counts what is lost,
// and says so. Who writes the row keeps that.
func (s *sequence) compare(id string, p *Project) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last[id]
	if last <= p.Seq {
		return
	}
	s.said = fmt.Sprintf("the journal ends at record %d of %d that were acknowledged for this project: the file was damaged or put back; no figure was lowered",
		p.Seq, last)
	p.lost += last - p.Seq
	p.Seq = last
}

// entry is the project's hash, the number, and a check over both and the database's id.
func entry(id, project string, n int64) []byte {
	sum := sha256.Sum256([]byte(project))
	e := binary.BigEndian.AppendUint64(sum[:8:8], uint64(n)) //nolint:gosec // never negative
	check := sha256.Sum256(append([]byte(id), e...))
	return append(e, check[:8]...)
}

// note keeps a number that a caller is about to receive.
func (s *sequence) note(id string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.file == nil || s.id != id {
		err = s.open(id)
	}
	if err == nil {
		err = s.append(entry(id, s.project, n))
	}
	if err != nil {
		s.log.Warn("sequence not kept", "err", err)
	}
}

func (s *sequence) append(entries []byte) error {
	n, err := s.file.Write(entries)
	s.size += int64(n)
	return err
}

func (s *sequence) open(id string) (err error) {
	if s.file != nil {
		_ = s.file.Close()
	}
	s.id = id
	if s.file, err = os.OpenFile(s.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600); err != nil {
		return err
	}
	s.size, err = s.file.Seek(0, io.SeekEnd)
	if whole := s.size - s.size%entryBytes; err == nil && whole != s.size { // torn
		err = s.file.Truncate(whole)
	}
	return err
}

// RestartSequence begins the second place anew, where it has grown, with what the
// database has committed. It is called inside a transaction, so that nothing is
// committed meanwhile; what is appended meanwhile was committed before.
func (j *Journal) RestartSequence(ctx context.Context, tx sqldb.Q) error {
	s := j.seq
	if !s.full() {
		return nil
	}
	var all []byte // read without the lock: a server may answer late
	if err := tx.Each(ctx, `SELECT name, seq FROM projects`, nil, func(r sqldb.Row) error {
		var name string
		var seq int64
		err := r.Scan(&name, &seq)
		all = append(all, entry(tx.Database(), name, seq)...)
		return err
	}); err != nil {
		return err
	}
	if err := s.restart(tx.Database(), all); err != nil {
		s.log.Warn("sequence not begun anew", "err", err)
	}
	return nil
}

func (s *sequence) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size >= maxEntries*entryBytes
}

func (s *sequence) restart(id string, all []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(id); err != nil {
		return err
	}
	if s.size < maxEntries*entryBytes {
		return nil // another process has
	}
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	s.size = 0
	return s.append(all)
}

func (s *sequence) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}
