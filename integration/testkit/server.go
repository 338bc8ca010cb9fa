package testkit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Shared is the one server of its kind that all tests of a binary use. Kit is the
// package that has it, for messages.
type Shared[S interface{ Close() }] struct {
	Kit string

	mu      sync.Mutex
	main    bool
	started bool
	server  S
	err     error
}

// Main calls run, which runs the tests of a package, and closes the server after
// them.
func (s *Shared[S]) Main(run func() int) int {
	s.main = true
	code := run()
	if s.started && s.err == nil {
		s.server.Close()
	}
	return code
}

// Get returns the server; the first caller starts it.
func (s *Shared[S]) Get(t testing.TB, start func() (S, error)) S {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.main {
		t.Fatalf("%[1]s.Shared needs a TestMain that calls %[1]s.Main, or its server would outlive the tests", s.Kit)
	}
	if !s.started {
		s.server, s.err = start()
		s.started = true
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}

// OnFreePort runs a server on a free port, on another one where it does not start:
// another process may take the port between the look and the start.
func OnFreePort(run func(port int) error) error {
	const tries = 5
	var failed error
	for range tries {
		port, err := FreePort()
		if err != nil {
			return err
		}
		if failed = run(port); failed == nil {
			return nil
		}
	}
	return failed
}

// AwaitReady polls a server until it is ready. It fails when the server has ended,
// and after the time given: a loaded machine is slow.
func AwaitReady(ended <-chan struct{}, within time.Duration, ready func(context.Context) bool) error {
	ctx, stop := context.WithTimeout(context.Background(), within)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return errors.New("the server ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready after %s", within)
		case <-tick.C:
			if ready(ctx) {
				return nil
			}
		}
	}
}

// AnswersOK reports whether a GET of the URL is answered with status 200.
func AnswersOK(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // only the status counts
	return resp.StatusCode == http.StatusOK
}
