package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// sequence is the second place for the last number that was acknowledged under
// each name, beside the journal: a journal that knows less has lost records. Its
// entries are appended and not flushed: after a crash of the machine it may know
// less than the journal, which was flushed, and never more.
type sequence struct {
	path string

	mu   sync.Mutex
	id   string
	file *os.File
	size int64
}

const (
	entryBytes = 24
	maxEntries = 1024 // then the file is begun anew
)

// newSequence names the file that belongs to the journal at path.
func newSequence(path string) *sequence { return &sequence{path: path + sqldb.SequenceSuffix} }

// last returns the highest number kept under a name for the database with an
// id, 0 where there is none. replaced says that the file was kept for another
// database that was in its place.
func (s *sequence) last(id, name string) (n int64, replaced bool, err error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	own := false
	for ; len(data) >= entryBytes; data = data[entryBytes:] {
		m := int64(binary.BigEndian.Uint64(data[8:])) //nolint:gosec // written as one
		e := entry(id, name, m)
		switch {
		case bytes.Equal(e, data[:entryBytes]):
			n, own = max(n, m), true
		case bytes.Equal(e[:8], data[:8]):
			replaced = true
		}
	}
	return n, replaced && !own, nil
}

// entry is one number: the name's hash, the number, and a check over both and
// the database's id.
func entry(id, name string, n int64) []byte {
	sum := sha256.Sum256([]byte(name))
	e := binary.BigEndian.AppendUint64(sum[:8:8], uint64(n)) //nolint:gosec // never negative
	check := sha256.Sum256(append([]byte(id), e...))
	return append(e, check[:8]...)
}

// note keeps a number that was acknowledged. A failure costs only the check.
func (s *sequence) note(id, name string, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil || s.id != id {
		if err := s.open(id); err != nil {
			return err
		}
	}
	m, err := s.file.Write(entry(id, name, n))
	s.size += int64(m)
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

// full says that restart is due.
func (s *sequence) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size >= maxEntries*entryBytes
}

// restart begins the file anew with what the database has committed. It is
// called inside a transaction, so that nothing is committed meanwhile; what is
// appended meanwhile was committed before.
func (s *sequence) restart(id string, last map[string]int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(id); err != nil {
		return err
	}
	if info, err := s.file.Stat(); err != nil || info.Size() < maxEntries*entryBytes {
		return err // another process has
	}
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	var all []byte
	for name, n := range last {
		all = append(all, entry(id, name, n)...)
	}
	m, err := s.file.Write(all)
	s.size = int64(m)
	return err
}

// close closes the file.
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
