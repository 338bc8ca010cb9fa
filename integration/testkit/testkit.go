// Package testkit holds what the test kits and suites share: waiting for an
// event, free ports, and the log files of servers.
package testkit

import (
	"fmt"
	"math/rand/v2"
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

// FreePort returns a TCP port of the loopback that nobody listens on, beneath
// those that systems give to who asks for any: those are taken all the time in a
// run of tests, and a server that answers in another's place is taken for it.
func FreePort() (port int, err error) {
	const first, last = 12000, 32000
	for range 100 {
		port = first + rand.IntN(last-first) //nolint:gosec // no secret
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil { //nolint:noctx // loopback
			return port, l.Close()
		}
	}
	return 0, err
}
