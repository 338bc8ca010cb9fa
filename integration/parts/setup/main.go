// Command setup makes the external parts that tests run against, from nothing
// but Go, Node and Python: `go run ./integration/parts/setup [part…]`. What is
// there already is left alone, so a second run is quick. With -print it writes
// the path of each named part to standard output. It exits 1 where a part could
// not be made; the others are made all the same.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/fjbelchi/localmodel/integration/parts"
)

func main() {
	print := flag.Bool("print", false, "write the path of each named part to standard output")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Args(), os.Stderr)
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
func run(ctx context.Context, names []string, log io.Writer) error {
	missing, err := missingOf(names)
	if err != nil || len(missing) == 0 {
		return err
	}
	unlock, err := lock(ctx, log)
	if err != nil {
		return err
	}
	defer unlock()
	if missing, err = missingOf(names); err != nil || len(missing) == 0 {
		return err // another run made them while this one waited
	}
	m := maker{log: log}
	// What stands on no missing package is made all the same.
	return errors.Join(m.install(ctx, missing), m.makeAll(ctx, missing))
}

// missingOf returns the parts that are not to be found or no longer fit.
func missingOf(names []string) ([]parts.Part, error) {
	for _, name := range names {
		if _, err := parts.Lookup(name); err != nil {
			return nil, err
		}
	}
	var missing []parts.Part
	for _, p := range parts.All() {
		if !slices.Contains(names, p.Name) && (len(names) > 0 || p.OnDemand && !parts.Required(p.Name)) {
			continue
		}
		_, err := parts.Find(p.Name)
		if err != nil || stale(p) {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// stale says that npm has not installed since the lock file changed. npm writes
// node_modules/.package-lock.json last, so a broken-off install is stale too.
func stale(p parts.Part) bool {
	if !parts.FromNPM(p.Name) || os.Getenv(p.Env) != "" {
		return false
	}
	path, err := p.Cached()
	if err != nil {
		return true
	}
	modules := filepath.Dir(filepath.Dir(path))
	done, err := os.Stat(filepath.Join(modules, ".package-lock.json"))
	if err != nil {
		return true
	}
	lock, err := os.Stat(filepath.Join(filepath.Dir(modules), "package-lock.json"))
	return err == nil && lock.ModTime().After(done.ModTime())
}

// lock keeps two runs apart; the later one waits.
func lock(ctx context.Context, log io.Writer) (unlock func(), err error) {
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
		fmt.Fprintln(log, "setup: another run is at work; waiting for it")
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	return func() { _ = l.Unlock() }, nil // the process ends next
}

type maker struct {
	log io.Writer
}

// makeAll makes the parts side by side, two at once: the long builds use all
// cores by themselves.
func (m maker) makeAll(ctx context.Context, missing []parts.Part) error {
	var (
		wg     sync.WaitGroup
		places = make(chan struct{}, 2)
		errs   = make([]error, len(missing))
	)
	for i, p := range missing {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			if ctx.Err() == nil {
				errs[i] = m.make(ctx, p)
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

func (m maker) make(ctx context.Context, p parts.Part) error {
	recipe, ok := recipes()[p.Name]
	if !ok {
		_, err := parts.Find(p.Name) // its package has just been installed
		return err
	}
	fmt.Fprintf(m.log, "setup: making %s (%s)\n", p.What, recipe.takes)
	start := time.Now()
	dst, err := p.Cached()
	if err != nil {
		return err
	}
	if err := recipe.make(ctx, dst); err != nil {
		return fmt.Errorf("%s: %w", p.What, err)
	}
	fmt.Fprintf(m.log, "setup: %s is ready after %s\n", p.What, time.Since(start).Round(100*time.Millisecond))
	return nil
}

// command runs a program to its end; its output is shown only if it fails. A
// cancel ends it gently, so that its own children end as well.
func command(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the programs named in this package
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", cmd, err, tail(out), tail(said.Bytes()))
	}
	return out, nil
}
