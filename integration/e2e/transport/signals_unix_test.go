//go:build unix

package transport

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

// done records a ticket the local model has finished, and waits for the reply.
func (s *session) done(id string) {
	s.t.Helper()
	s.send(s.era.call(id, "record_gate_outcome", `{"ticket_id":"D-1","gate":"commit","outcome":"pass","route":"local","event_id":"D-1:commit:1"}`))
	if r := s.answer(id).Get("result"); r.Get("structuredContent.stats.successCount").Int() != 1 {
		s.t.Fatalf("record: %s", r.Raw)
	}
}

// keeps checks that what was acknowledged is in the journal, which another
// process reads, and in the state file.
func keeps(t *testing.T, project string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(project, ".claude", "implementer-state.json"))
	if got := gjson.GetBytes(data, "stats.localModelStats.successCount").Int(); err != nil || got != 1 {
		t.Errorf("state file: successCount %d, want 1 (%v)", got, err)
	}
	again := exec.Command(binary.Path(t), "call", "check_local_health")
	again.Env = surroundings(t, project)
	out, err := again.Output()
	if got := gjson.GetBytes(out, "stats.successCount").Int(); err != nil || got != 1 {
		t.Errorf("journal: successCount %d, want 1 (%v)", got, err)
	}
}

// A signal ends the process with exit 0 at once, whatever is in flight, with
// every acknowledged record on disk.
func TestSignals(t *testing.T) {
	inBothEras(t, func(t *testing.T, e era) {
		for _, c := range []struct {
			name    string
			signals []os.Signal
		}{
			{"SIGINT", []os.Signal{syscall.SIGINT}},
			{"SIGTERM", []os.Signal{syscall.SIGTERM}},
			{"SIGHUP", []os.Signal{syscall.SIGHUP}},
			{"SIGINT and SIGTERM", []os.Signal{syscall.SIGINT, syscall.SIGTERM}}, // what Claude Code sends
		} {
			t.Run(c.name, func(t *testing.T) {
				m := newSlowModel(t)
				project := t.TempDir()
				s := start(t, e, project, m.environment(1)...)
				s.open()
				s.done("1")
				s.send(e.call("2", "classify_ticket", slowTicket(2)) + e.call("3", "classify_ticket", slowTicket(3)) +
					e.call("4", "plan_ticket", slowTicket(4)))
				m.until(t, "a call", func() bool { return m.now == 1 }) // the others wait for its slot
				sent := time.Now()
				for _, sig := range c.signals {
					if err := s.cmd.Process.Signal(sig); err != nil {
						t.Fatal(err)
					}
				}
				code, took := s.end(sent) // fails where the program waits for its calls: none is ever answered
				if code != 0 {
					t.Errorf("exit %d (%s), want 0", code, s.cmd.ProcessState)
				}
				keeps(t, project)
				t.Logf("measured: ended after %s", took.Round(time.Millisecond))
			})
		}
	})
}

// A client that is gone is no reason to lose what it was told.
func TestClientGone(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	s := start(t, modern, project)
	s.open()
	s.done("1")
	if err := s.out.Close(); err != nil { // nobody reads any more
		t.Fatal(err)
	}
	s.send(modern.request("2", "server/discover", "", ""))
	code, _ := s.end(time.Now())
	if code != 1 { // -1 is death by a signal
		t.Errorf("exit %d (%s), want 1", code, s.cmd.ProcessState)
	}
	keeps(t, project)
}
