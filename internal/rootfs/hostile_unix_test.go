//go:build unix

package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func pipe(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A pipe that nobody else opens must not be waited for, wherever it is.
func TestPipes_HoldNobodyUp(t *testing.T) {
	r, dir, _ := project(t)
	pipe(t, filepath.Join(dir, "pipe"))
	link(t, "pipe", filepath.Join(dir, "link"))
	link(t, "/dev/zero", filepath.Join(dir, "zero"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx := context.Background()
		for name, f := range map[string]func() error{
			"read":                func() error { _, err := r.Read(ctx, "pipe", 100); return err },
			"read link":           func() error { _, err := r.Read(ctx, "link", 100); return err },
			"read beneath":        func() error { _, err := r.Read(ctx, "pipe/x", 100); return err },
			"read /dev/zero":      func() error { _, err := r.Read(ctx, "zero", 100); return err },
			"replace":             func() error { return r.Replace(ctx, "pipe", nil, Write{Perm: 0o600}) },
			"replace beneath":     func() error { return r.Replace(ctx, "pipe/x", nil, Write{Perm: 0o600, Dirs: 0o700}) },
			"append":              func() error { _, err := r.Append(ctx, "pipe"); return err },
			"lock":                func() error { _, err := r.TryLock(ctx, "pipe"); return err },
			"sub":                 func() error { _, err := r.Sub(ctx, "pipe"); return err },
			"list":                func() error { _, _, err := r.List(ctx, "pipe", 10); return err },
			"open as root":        func() error { _, err := Open(ctx, filepath.Join(dir, "pipe")); return err },
			"private":             func() error { _, err := Private(ctx, filepath.Join(dir, "pipe")); return err },
			"step of a directory": func() error { _, err := r.Make(ctx, "pipe/a/b", 0o700); return err },
		} {
			if err := f(); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("held up by a pipe")
	}
}

func TestPrivate_WhateverTheUmask(t *testing.T) {
	old := syscall.Umask(0o277)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "a", "b")
	syscall.Umask(0)
	if _, err := Private(t.Context(), filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	syscall.Umask(0o277)
	r, err := Private(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Replace(t.Context(), "file", nil, Write{Perm: 0o600}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{filepath.Dir(dir): 0o700, dir: 0o700, filepath.Join(dir, "file"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
}

// calls is how often a race is run; make soak sets 5000.
func calls() int {
	if n, err := strconv.Atoi(os.Getenv("LOCALMODEL_SWAPS")); err == nil {
		return n
	}
	return 300
}

// A file or its directory that becomes a link to a secret, or a pipe, while it is
// read and written: the secret is neither read nor written, and no call is late.
func TestSwapRace(t *testing.T) {
	r, dir, secret := project(t)
	put(t, filepath.Join(filepath.Dir(dir), "victim"), "secret")
	put(t, filepath.Join(dir, "sub", "victim"), "content")
	put(t, filepath.Join(dir, "sub", "lock"), "content")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		path, aside := filepath.Join(dir, "sub"), filepath.Join(dir, "aside")
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			switch n % 4 {
			case 0:
				_ = os.Rename(path, aside)
				_ = os.Symlink("..", path)
			case 1:
				_ = os.Remove(path)
				_ = syscall.Mkfifo(path, 0o600)
			case 2:
				_ = os.Remove(path)
				_ = os.Rename(aside, path)
				_ = os.Rename(filepath.Join(path, "victim"), filepath.Join(path, "kept"))
				_ = os.Symlink(secret, filepath.Join(path, "victim"))
			case 3:
				_ = os.Remove(filepath.Join(path, "victim"))
				_ = os.Rename(filepath.Join(path, "kept"), filepath.Join(path, "victim"))
			}
		}
	}()
	read := 0
	for n := 0; n < calls() || read == 0 && n < 1000*calls(); n++ { // on one core one side may go first
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		data, err := r.Read(ctx, "sub/victim", 100)
		if err == nil && string(data) == "secret" {
			t.Error("the secret was read")
		}
		if err == nil {
			read++
		}
		_ = r.Replace(ctx, "sub/victim", []byte("content"), Write{Perm: 0o600})
		if l, err := r.TryLock(ctx, "sub/lock"); err == nil {
			l.Unlock()
		}
		if ctx.Err() != nil {
			t.Fatal("a call was held up")
		}
		cancel()
	}
	close(stop)
	<-stopped
	for _, path := range []string{secret, filepath.Join(filepath.Dir(dir), "victim")} {
		if got := get(t, path); got != "secret" {
			t.Errorf("%s was overwritten: %q", path, got)
		}
	}
	if read == 0 {
		t.Error("nothing was ever read: the race tests nothing")
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(dir), "lock")); err == nil {
		t.Error("a lock file was created outside")
	}
}

// A link that leads deep, and to where nothing is, is not looked up again and again: a
// call would be over long before its looks at files. The chain is one of links that
// each lead down and back up to the next.
func TestRel_DeepLinks(t *testing.T) {
	r, dir, _ := project(t)
	if runtime.GOOS != "linux" {
		t.Skip("paths are shorter here")
	}
	const depth, links = 900, 20
	deep := strings.Repeat("d/", depth)
	if err := os.MkdirAll(filepath.Join(dir, deep), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, deep+strings.Repeat("m/", depth), filepath.Join(dir, "missing"))
	for i := range links {
		link(t, strings.Repeat("d/", 450)+strings.Repeat("../", 450)+"chain"+strconv.Itoa(i+1), filepath.Join(dir, "chain"+strconv.Itoa(i)))
	}
	put(t, filepath.Join(dir, "chain"+strconv.Itoa(links)), "end")
	before := processorTime()
	for name, ok := range map[string]bool{"missing": false, "missing/x": false, "chain0": false, "chain19": true} {
		if got, err := r.Rel(t.Context(), name); (err == nil) != ok {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	const most = 10 * time.Second // it takes less than a tenth of that
	if took := processorTime() - before; took > most {
		t.Errorf("took %s of processor time", took)
	}
}

// processorTime is what this process has had so far, whoever else is busy.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
