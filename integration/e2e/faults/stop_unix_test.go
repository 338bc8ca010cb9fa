//go:build unix

package faults

import (
	"syscall"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// stopRunners stops the runners and leaves the server running.
func stopRunners(t *testing.T, s *ollamatest.Server) (resume func()) {
	t.Helper()
	pids := s.Runners(t)
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGCONT) // it may have ended
		}
	}
}
