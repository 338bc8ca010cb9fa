package routing

import (
	"fmt"
	"sync"
	"time"
)

// LimitError says which limit of time ran out, and which setting moves it.
type LimitError struct {
	What    string
	Limit   time.Duration
	Setting string
}

func (e LimitError) Error() string {
	return fmt.Sprintf("no %s within %s (%s)", e.What, e.Limit, e.Setting)
}

// Report passes on to the caller what is happening, where it listens.
func (r Request) Report(message string, tokens int) {
	if r.Progress != nil {
		r.Progress(message, tokens, r.MaxTokens)
	}
}

// Narrate reports every so often what a call is doing, until the returned
// function is called; after that nothing is reported any more.
func (r Request) Narrate(what func() (string, int)) (stop func()) {
	if r.Progress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				r.Report(what())
			}
		}
	})
	return func() { close(done); group.Wait() }
}

// Seconds writes a duration in whole seconds.
func Seconds(d time.Duration) string { return d.Round(time.Second).String() }
