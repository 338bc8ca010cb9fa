package projection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// A writer killed on either side of its rename is no foreign program.
func TestKilledWriterIsNotForeign(t *testing.T) {
	f, path := newFile(t, "{}")
	project(t, f, total(1))
	old := read(t, path)
	project(t, f, total(2))
	for what, content := range map[string]string{"before": old, "after": read(t, path)} {
		write(t, path, content)
		f.remember(context.Background(), total(1), total(2))
		if said := project(t, f, total(3)); len(said) != 0 {
			t.Errorf("killed %s its rename: %q", what, said)
		}
	}
}

// A file that is torn because its writer is in the middle of it is waited for.
func TestTornFileIsWaitedFor(t *testing.T) {
	for _, torn := range []string{"", `{"mine": 1, "sta`} {
		f, path := newFile(t, torn)
		f.settle = time.Minute
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(30 * time.Millisecond)
			write(t, path, `{"mine": 1, "stats": {}}`)
		}()
		said := project(t, f, figures)
		<-done
		if got := read(t, path); len(said) != 0 || gjson.Get(got, "mine").Int() != 1 || gjson.Get(got, blockPath+".totalAttempts").Int() != 10 {
			t.Errorf("%q: said %q, the file has %s", torn, said, got)
		}
	}
}

// Writers that take the lock lose nothing, whatever a program without it does
// at the same time, and no reader ever sees half a file.
func TestManyWriters(t *testing.T) {
	_, path := newFile(t, `{"theirs": 0}`)
	const writers, rounds = 4, 10
	stop := make(chan struct{})
	var others, ours sync.WaitGroup
	others.Go(func() { // a program that does not lock, but replaces the file whole
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(30 * time.Millisecond):
			}
			data, err := os.ReadFile(path)
			if err != nil {
				continue
			}
			text, _ := sjson.Set(string(data), "theirs", n)
			if os.WriteFile(path+".theirs", []byte(text), 0o600) == nil {
				_ = os.Rename(path+".theirs", path)
			}
		}
	})
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			if data, err := os.ReadFile(path); err == nil && !gjson.ValidBytes(data) {
				t.Errorf("half a file: %q", data)
				return
			}
		}
	})
	var mu sync.Mutex
	count := 0
	for range writers {
		f := New(rootOf(path), memoryOf(path))
		ours.Go(func() {
			for range rounds {
				_, err := f.Write(context.Background(), func(context.Context, *Stats) (Stats, error) {
					mu.Lock()
					defer mu.Unlock()
					count++
					return total(count), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	ours.Wait()
	close(stop)
	others.Wait()
	f := New(rootOf(path), memoryOf(path))
	project(t, f, total(count))
	got, _ := f.Read(context.Background())
	if got.TotalAttempts != writers*rounds || gjson.Get(read(t, path), "theirs").Int() == 0 {
		t.Errorf("%+v in %s", got, read(t, path))
	}
}

// The lock is waited for, and not for ever.
func TestLocked(t *testing.T) {
	f, path := newFile(t, "{}")
	inside, release := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		_, err := New(rootOf(path), memoryOf(path)).Write(context.Background(), func(context.Context, *Stats) (Stats, error) {
			close(inside)
			<-release
			return total(1), nil
		})
		done <- err
	}()
	<-inside
	testkit.Eventually(t, "an error names the lock", func() bool { // a busy machine may not get as far within one call
		ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer stop()
		_, err := f.Write(ctx, func(context.Context, *Stats) (Stats, error) { return total(2), nil })
		if err == nil {
			t.Error("written while another held the lock")
		}
		return err == nil || strings.Contains(err.Error(), ".lock")
	})
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	project(t, f, total(2))
	if got := fmt.Sprint(gjson.Get(read(t, path), blockPath+".totalAttempts")); got != "2" {
		t.Errorf("at last %s", got)
	}
}

// What was written between our look and our rename is not overwritten.
func TestReplaceComparesAgain(t *testing.T) {
	_, path := newFile(t, "theirs, newer")
	dir, err := rootfs.Open(t.Context(), filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := replace(t.Context(), dir, []byte("as we saw it"), []byte("ours")); !errors.Is(err, errChanged) {
		t.Errorf("error %v, want %v", err, errChanged)
	}
	if got := read(t, path); got != "theirs, newer" {
		t.Errorf("overwritten: %q", got)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) != 0 || err != nil {
		t.Errorf("left behind %q, %v", left, err)
	}
}
