package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// makeAll makes the parts side by side, in their order, those that wait for a
// package of the system after the others. It returns the names of what failed.
func (b *board) makeAll(ctx context.Context, missing []parts.Part) error {
	packages := make(chan struct{}) // closed when they are installed, or could not be
	go func() {
		defer close(packages)
		b.install(ctx, missing)
	}()
	var ready, later []parts.Part
	for _, p := range missing {
		if lacking(p) == nil {
			ready = append(ready, p)
		} else {
			later = append(later, p)
		}
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		failed []string
		places = make(chan struct{}, max(2, runtime.NumCPU()/2)) // a compiler uses all cores by itself
	)
	for i, p := range append(ready, later...) {
		if i >= len(ready) {
			<-packages
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if ctx.Err() == nil && !b.make(ctx, p) {
				mu.Lock()
				failed = append(failed, p.Name)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	<-packages
	if len(failed) > 0 && ctx.Err() == nil {
		const why = "not made: %s. The reasons are above. Tests that need them are skipped"
		return fmt.Errorf(why, strings.Join(failed, ", "))
	}
	return ctx.Err()
}

// make makes one part and reports how it went.
func (b *board) make(ctx context.Context, p parts.Part) bool {
	if n := lacking(p); n != nil {
		b.failed(p, "", fmt.Errorf("%s is missing; %s", n.debian, n.command), "")
		return false
	}
	i := slices.IndexFunc(recipes(), func(r recipe) bool { return r.part == p.Name })
	if i < 0 {
		return true // its package has just been installed
	}
	r := recipes()[i]
	log, err := openLog(p.Name)
	if err != nil {
		b.failed(p, "", err, "")
		return false
	}
	defer log.Close() //nolint:errcheck // its errors are those of a log
	job := b.begin(p.Name, p.What, r.takes)
	err = r.make(ctx, p, log, job.step)
	b.end(job)
	if err != nil {
		b.failed(p, job.doing, err, log.Name())
		return false
	}
	b.say("%s is ready after %s", p.What, time.Since(job.began).Round(100*time.Millisecond))
	return true
}

// openLog makes the file for what a part's steps print.
func openLog(name string) (*os.File, error) {
	cache, err := parts.Cache()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "log")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(dir, name+".log")) //nolint:gosec // in the cache
}

// make runs the recipe's steps. The part is there whole afterwards or not at all.
func (r recipe) make(ctx context.Context, p parts.Part, log io.Writer, doing func(step string)) error {
	root, err := parts.Root()
	if err != nil {
		return err
	}
	dir, file, err := p.Cached()
	if err != nil {
		return err
	}
	at := place{root: root, dir: dir + ".part", file: file}
	if r.inPlace {
		at.dir = dir
	} else if err := os.RemoveAll(at.dir); err != nil { // of a run that was broken off
		return err
	}
	if err := os.MkdirAll(at.dir, 0o750); err != nil {
		return err
	}
	for _, s := range r.steps(at) {
		doing(s.name)
		if err := s.do(ctx, root, log); err != nil {
			return err
		}
	}
	if r.inPlace {
		return nil
	}
	if !parts.Has(filepath.Join(at.dir, at.file)) {
		return fmt.Errorf("the steps made no %s", at.file)
	}
	return errors.Join(os.RemoveAll(dir), os.Rename(at.dir, dir))
}

// do runs the step. A cancel ends its program gently, so that its own children
// end as well.
func (s step) do(ctx context.Context, root string, log io.Writer) error {
	var out bytes.Buffer
	if len(s.run) > 0 {
		cmd := exec.CommandContext(ctx, s.run[0], s.run[1:]...) //nolint:gosec // the programs named in this package
		cmd.Dir = s.dir
		if s.dir == "" {
			cmd.Dir = root
		}
		cmd.Env = append(append(os.Environ(), "PIP_DISABLE_PIP_VERSION_CHECK=1"), s.env...)
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 10 * time.Second
		cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, log), log
		fmt.Fprintf(log, "$ %s\n", cmd)
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	if s.then == nil {
		return nil
	}
	return s.then(out.Bytes())
}
