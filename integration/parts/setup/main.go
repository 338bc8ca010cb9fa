// Command setup makes the external parts that tests run against, from nothing
// but Go, Node and Python: `go run ./integration/parts/setup [part…]`. What is
// there already is left alone, so a second run makes only what is missing. With
// -print it writes the path of each named part to standard output. A part that
// fails is reported at once and the others are made all the same; the exit code
// is then 1.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/fjbelchi/localmodel/integration/parts"
)

func main() {
	print := flag.Bool("print", false, "write the path of each named part to standard output")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Args(), newBoard(os.Stderr))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "setup:", err)
		os.Exit(1)
	}
	if *print {
		for _, name := range flag.Args() {
			path, _ := parts.Find(name) // run has just found it
			fmt.Println(path)
		}
	}
}

// run makes the named parts, or all of them but those on demand, where they are
// missing.
func run(ctx context.Context, names []string, board *board) error {
	missing, err := missingOf(names)
	if err != nil || len(missing) == 0 {
		return err
	}
	unlock, err := lock(ctx, board)
	if err != nil {
		return err
	}
	defer unlock()
	if missing, err = missingOf(names); err != nil || len(missing) == 0 {
		return err // another run made them while this one waited
	}
	defer board.tick()()
	return board.makeAll(ctx, missing)
}

// missingOf returns the parts that are not to be found.
func missingOf(names []string) ([]parts.Part, error) {
	for _, name := range names {
		if _, err := parts.Lookup(name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(parts.All(), func(p parts.Part) bool {
		wanted := !p.OnDemand
		if len(names) > 0 {
			wanted = slices.Contains(names, p.Name)
		}
		return !wanted || found(p.Name)()
	}), nil
}

// lock keeps two runs apart; the later one waits.
func lock(ctx context.Context, board *board) (unlock func(), err error) {
	cache, err := parts.Cache()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(cache, "setup.lock"))
	got, err := l.TryLock()
	if err == nil && !got {
		board.say("another run is at work; waiting for it")
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	return func() { _ = l.Unlock() }, nil // the process ends next
}
