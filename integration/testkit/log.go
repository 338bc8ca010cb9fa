package testkit

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// Log is the file that a server prints to. It outlives the server where a test
// that used it failed, so that the test's own output is the reason alone.
type Log struct {
	*os.File // which a server appends to
	failed   atomic.Bool
}

// NewLog makes an empty log for a server of the given name.
func NewLog(server string) (*Log, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("localmodel-test-logs-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, server+"-"+rand.Text()+".log"), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &Log{File: f}, nil
}

// Watch prints where the log is, before whatever the test has to say, and keeps
// the file if the test fails.
func (l *Log) Watch(t testing.TB) {
	t.Helper()
	t.Logf("log: %s", l.Name())
	t.Cleanup(func() {
		if t.Failed() {
			l.failed.Store(true)
		}
	})
}

// Text is all that the server has printed.
func (l *Log) Text() string {
	data, _ := os.ReadFile(l.Name()) // nothing printed yet
	return string(data)
}

// Failed adds the last lines of the log to the reason why a server did not
// start, and keeps the file.
func (l *Log) Failed(err error) error {
	const most = 5
	l.failed.Store(true)
	lines := strings.Split(strings.TrimSpace(l.Text()), "\n")
	end := strings.Join(lines[max(0, len(lines)-most):], "\n  ")
	return fmt.Errorf("%w\n  %s\n  log: %s", err, end, l.Name())
}

// Remove deletes the log unless a test that used it failed.
func (l *Log) Remove() {
	_ = l.Close() // nothing of its own is in it
	if !l.failed.Load() {
		_ = os.Remove(l.Name()) // a left-over in the temporary directory does no harm
	}
}
