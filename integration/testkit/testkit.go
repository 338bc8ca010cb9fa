// Package testkit holds what the test kits and suites share: waiting for an
// event, free ports, and the log files of servers.
package testkit

import (
	"net"
	"os"
	"testing"
	"time"
)

// patience bounds every wait for something that takes seconds on an idle machine.
// It is reached only when something is broken.
const patience = 5 * time.Minute

// Eventually polls until done says so: often at first, then every quarter of a
// second. It fails the test after patience.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	pause := 2 * time.Millisecond
	for end := time.Now().Add(patience); !done(); time.Sleep(pause) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		pause = min(pause*5/4, 250*time.Millisecond)
	}
}

// Measuring says whether LOCALMODEL_MEASURE is set, as `make measure` does.
func Measuring() bool { return os.Getenv("LOCALMODEL_MEASURE") != "" }

// Measure skips a test that compares durations unless Measuring: a busy machine
// may fail it, so that nothing gates on it.
func Measure(t testing.TB) {
	t.Helper()
	if !Measuring() {
		t.Skip("a measurement: `make measure` runs it")
	}
}

// FreePort returns a TCP port of the loopback that nobody listens on. Another
// process may take it before it is used.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback
	if err != nil {
		return 0, err
	}
	defer l.Close() //nolint:errcheck // freed for the caller
	return l.Addr().(*net.TCPAddr).Port, nil
}
