package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// A holder may remove the file as it leaves. Who opened it before that, and
// locks it after, holds the lock of a file that nobody finds any more, beside
// whoever made the next one.
func TestTryLock_HolderRemovesTheFile(t *testing.T) {
	const holders, rounds = 8, 500
	r, dir, _ := project(t)
	var locked, lost atomic.Int32
	var group sync.WaitGroup
	for range holders {
		group.Go(func() {
			for range rounds {
				l, err := r.tryLock("lock")
				if err != nil {
					continue // another holds it, or removed it again and again
				}
				locked.Add(1)
				held, err := l.file.Stat()
				found, err2 := os.Lstat(filepath.Join(dir, "lock"))
				if err != nil || err2 != nil || !os.SameFile(held, found) {
					lost.Add(1)
				}
				_ = os.Remove(filepath.Join(dir, "lock")) // Windows keeps what is open
				l.Unlock()
			}
		})
	}
	group.Wait()
	if locked.Load() == 0 {
		t.Error("nobody ever held the lock: the race tests nothing")
	}
	if n := lost.Load(); n > 0 {
		t.Errorf("%d of %d times the file that was locked is not the one that others find", n, locked.Load())
	}
}

// What was looked at may be a link by the time it is opened.
func TestAppend_FileBecomesALink(t *testing.T) {
	r, dir, _ := project(t)
	path := filepath.Join(dir, "log")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if next := path + ".next"; n%2 == 0 {
				_ = os.Symlink("file", next) // where none can be made, nothing is swapped
			} else {
				_ = os.WriteFile(next, nil, 0o600)
			}
			_ = os.Rename(path+".next", path)
		}
	}()
	opened := 0
	for n := 0; n < 4000 || opened == 0 && n < 400_000; n++ {
		f, err := r.openForWriting("log", os.O_WRONLY|os.O_APPEND)
		if err != nil {
			continue
		}
		opened++
		_, err = f.WriteString("appended")
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-stopped
	if opened == 0 {
		t.Error("nothing was ever opened: the race tests nothing")
	}
	if got := get(t, filepath.Join(dir, "file")); got != "content" {
		t.Errorf("%d bytes of what a link led to, want %q", len(got), "content")
	}
}
