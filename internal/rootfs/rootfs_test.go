package rootfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/internal/jsondepth"
)

// project makes a directory with a file in it, and a secret beside it.
func project(t *testing.T) (r *Root, dir, secret string) {
	t.Helper()
	outside := t.TempDir()
	dir, secret = filepath.Join(outside, "project"), filepath.Join(outside, "secret")
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, secret, "secret")
	put(t, filepath.Join(dir, "file"), "content")
	r, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, dir, secret
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
}

func TestRead(t *testing.T) {
	r, dir, secret := project(t)
	put(t, filepath.Join(dir, "empty"), "")
	put(t, filepath.Join(dir, "large"), strings.Repeat("x", 101))
	put(t, filepath.Join(dir, "limit"), strings.Repeat("x", 100))
	link(t, "file", filepath.Join(dir, "inside"))
	link(t, secret, filepath.Join(dir, "outside"))
	link(t, "../secret", filepath.Join(dir, "above"))
	link(t, "..", filepath.Join(dir, "parent"))
	link(t, "loop", filepath.Join(dir, "loop"))
	for name, c := range map[string]struct {
		want string
		err  error
	}{
		"file":                 {"content", nil},
		"sub/../file":          {"content", nil},
		"inside":               {"content", nil},
		"empty":                {"", nil},
		"limit":                {strings.Repeat("x", 100), nil},
		"large":                {"", ErrTooLarge},
		"missing":              {"", fs.ErrNotExist},
		"sub":                  {"", ErrNotRegular},
		"outside":              {"", ErrOutside},
		"above":                {"", ErrOutside},
		"parent/secret":        {"", ErrOutside},
		"../secret":            {"", ErrOutside},
		"../project/../secret": {"", ErrOutside},
		secret:                 {"", ErrOutside},
	} {
		data, err := r.Read(t.Context(), name, 100)
		if string(data) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v; want %q, %v", name, data, err, c.want, c.err)
		}
	}
	for _, name := range []string{"loop", "a\x00b", ""} {
		if data, err := r.Read(t.Context(), name, 100); err == nil {
			t.Errorf("%q: read %q", name, data)
		}
	}
}

func TestReadNoLink(t *testing.T) {
	r, dir, secret := project(t)
	put(t, filepath.Join(dir, "sub", "file"), "beneath")
	link(t, "file", filepath.Join(dir, "inside"))
	link(t, "sub", filepath.Join(dir, "within"))
	link(t, secret, filepath.Join(dir, "outside"))
	for name, c := range map[string]struct {
		want string
		err  error
	}{
		"file":        {"content", nil},
		"sub/file":    {"beneath", nil},
		"inside":      {"", ErrLink},
		"within/file": {"", ErrLink},
		"outside":     {"", ErrLink},
		"sub":         {"", ErrNotRegular},
		"missing":     {"", fs.ErrNotExist},
		"../secret":   {"", ErrOutside},
	} {
		if data, err := r.ReadNoLink(t.Context(), name, 100); string(data) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v; want %q, %v", name, data, err, c.want, c.err)
		}
	}
}

func TestRead_SparseFileIsNotRead(t *testing.T) {
	r, dir, _ := project(t)
	if err := os.Truncate(filepath.Join(dir, "file"), 1<<40); err != nil {
		parts.Absent(t, "sparse-file", err.Error())
	}
	var size *SizeError
	if _, err := r.Read(t.Context(), "file", 16<<20); !errors.As(err, &size) || size.Size != 1<<40 {
		t.Errorf("got %v", err)
	}
}

func TestReadJSON_Nesting(t *testing.T) {
	r, dir, _ := project(t)
	for n, want := range map[int]error{64: nil, 65: jsondepth.ErrTooDeep, 1 << 20: jsondepth.ErrTooDeep} {
		put(t, filepath.Join(dir, "deep.json"), strings.Repeat("[", n)+strings.Repeat("]", n))
		if _, err := r.ReadJSON(t.Context(), "deep.json", 16<<20); !errors.Is(err, want) {
			t.Errorf("%d levels: %v, want %v", n, err, want)
		}
	}
}

func TestRel(t *testing.T) {
	r, dir, secret := project(t)
	link(t, dir, filepath.Join(filepath.Dir(dir), "alias"))
	link(t, filepath.Join(dir, "sub"), filepath.Join(dir, "absolute"))
	link(t, secret, filepath.Join(dir, "outside"))
	put(t, filepath.Join(dir, "sub", "a.md"), "a")
	for path, c := range map[string]struct {
		want string
		err  error
	}{
		"file":                    {"file", nil},
		filepath.Join(dir, "sub"): {"sub", nil},
		filepath.Join(filepath.Dir(dir), "alias", "file"): {"file", nil},
		"absolute/a.md":     {filepath.Join("sub", "a.md"), nil},
		"outside":           {"", ErrOutside},
		"../secret":         {"", ErrOutside},
		"sub/../../secret":  {"", ErrOutside},
		secret:              {"", ErrOutside},
		"missing":           {"", fs.ErrNotExist},
		"../missing-at-all": {"", ErrOutside},
	} {
		got, err := r.Rel(t.Context(), path)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v; want %q, %v", path, got, err, c.want, c.err)
		}
	}
}

func TestReplace(t *testing.T) {
	r, dir, _ := project(t)
	for name, want := range map[string]fs.FileMode{"new": 0o600, "a/b/new": 0o600} {
		if err := r.Replace(t.Context(), name, []byte("x"), Write{Perm: 0o600, Dirs: 0o700}); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want && os.PathSeparator == '/' || get(t, filepath.Join(dir, name)) != "x" {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "file"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := r.Replace(t.Context(), "file", []byte("y"), Write{Perm: 0o600}); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(filepath.Join(dir, "file")); os.PathSeparator == '/' && info.Mode().Perm() != 0o640 {
		t.Errorf("the mode became %v", info.Mode())
	}
	stop := errors.New("stop")
	err := r.Replace(t.Context(), "file", []byte("z"), Write{Perm: 0o600, Before: func() error { return stop }})
	if !errors.Is(err, stop) || get(t, filepath.Join(dir, "file")) != "y" {
		t.Errorf("error %v, the file has %q", err, get(t, filepath.Join(dir, "file")))
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// What is written, created, locked or removed is never what a link leads to.
func TestWriting_FollowsNoLink(t *testing.T) {
	r, dir, secret := project(t)
	link(t, secret, filepath.Join(dir, "link"))
	link(t, filepath.Join(filepath.Dir(dir), "absent"), filepath.Join(dir, "dangling"))
	link(t, filepath.Dir(dir), filepath.Join(dir, "up"))
	link(t, "sub", filepath.Join(dir, "within"))
	link(t, "file", filepath.Join(dir, "inside"))
	before := listing(t, filepath.Dir(dir))
	for _, name := range []string{"link", "dangling", "up/secret", "up/new", "within/new", "inside", "../new", "sub/../../new", "up", "sub", "."} {
		if err := r.Replace(t.Context(), name, []byte("x"), Write{Perm: 0o600, Dirs: 0o700}); err == nil {
			t.Errorf("Replace(%s) wrote", name)
		}
		if f, err := r.Append(t.Context(), name); err == nil {
			t.Errorf("Append(%s) opened", name)
			_ = f.Close()
		}
		if l, err := r.TryLock(t.Context(), name); err == nil {
			t.Errorf("TryLock(%s) locked", name)
			l.Unlock()
		}
		if _, err := r.Make(t.Context(), filepath.Join(name, "made"), 0o700); err == nil && name != "." && name != "sub" {
			t.Errorf("Make(%s/made) created", name)
		}
	}
	for _, name := range []string{"up/secret", "within/a", "../secret"} {
		if err := r.Remove(t.Context(), name); err == nil {
			t.Errorf("Remove(%s) removed", name)
		}
	}
	_ = os.Remove(filepath.Join(dir, "made"))
	_ = os.Remove(filepath.Join(dir, "sub", "made"))
	if after := listing(t, filepath.Dir(dir)); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

// listing is everything beneath a directory, with content.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(path + " " + d.Type().String())
		if d.Type().IsRegular() {
			b.WriteString(" " + get(t, path))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSweep(t *testing.T) {
	r, dir, _ := project(t)
	mine := []string{temporaryName("file"), temporaryName("file.copy")}
	others := []string{".other.tmp-0123456789abcdef", ".files.tmp-0123456789abcdef", ".file.tmp-theirs", "file.tmp-0123456789abcdef", "file"}
	for _, name := range slices.Concat(others, mine) {
		put(t, filepath.Join(dir, name), "")
	}
	if err := r.Sweep(t.Context(), "file"); err != nil {
		t.Fatal(err)
	}
	for _, name := range mine {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("a killed writer's %s is still there", name)
		}
	}
	for _, name := range others {
		get(t, filepath.Join(dir, name))
	}
}

func TestTryLock(t *testing.T) {
	r, dir, _ := project(t)
	l, err := r.TryLock(t.Context(), "lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.TryLock(t.Context(), "lock"); !errors.Is(err, ErrLocked) {
		t.Errorf("locked twice: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() {
		second, err := r.Lock(ctx, "lock", 1)
		if err == nil {
			second.Unlock()
		}
		waiting <- err
	}()
	l.Unlock()
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	l, _ = r.TryLock(t.Context(), "lock")
	stop()
	if _, err := r.Lock(ctx, "lock", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("waited with a context that ended: %v", err)
	}
	l.Unlock()
	if info, err := os.Stat(filepath.Join(dir, "lock")); err != nil || os.PathSeparator == '/' && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestList(t *testing.T) {
	r, dir, _ := project(t)
	for _, name := range []string{"c", "a", "b"} {
		put(t, filepath.Join(dir, "sub", name), "")
	}
	entries, more, err := r.List(t.Context(), "sub", 3)
	if err != nil || more || len(entries) != 3 || entries[0].Name() != "a" || entries[2].Name() != "c" {
		t.Errorf("%v, %t, %v", entries, more, err)
	}
	if entries, more, err = r.List(t.Context(), "sub", 2); len(entries) != 2 || !more || err != nil {
		t.Errorf("%v, %t, %v", entries, more, err)
	}
}

func TestWithin_ReturnsWithItsContext(t *testing.T) {
	release, dropped := make(chan struct{}), make(chan int, maxStuck)
	for range maxStuck {
		ctx, stop := context.WithCancel(context.Background())
		started := make(chan struct{})
		go func() { <-started; stop() }()
		_, err := within(ctx, func(n int) { dropped <- n }, func() (int, error) {
			close(started)
			<-release
			return 7, nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	if _, err := Within(ctx, func() (none, error) { return none{}, nil }); !errors.Is(err, errStuck) {
		t.Errorf("one more is begun beside %d that are stuck: %v", maxStuck, err)
	}
	close(release)
	for range maxStuck {
		if n := <-dropped; n != 7 {
			t.Error(n)
		}
	}
	if _, err := Within(ctx, func() (none, error) { return none{}, nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A path outside has one answer, whether something is there or not, and whatever
// it is: the answer would reveal what the machine holds.
func TestRel_OutsideHasOneAnswer(t *testing.T) {
	r, dir, secret := project(t)
	outside := filepath.Dir(secret)
	link(t, filepath.Join(outside, "missing"), filepath.Join(dir, "dangling"))
	link(t, "dangling", filepath.Join(dir, "twice"))
	link(t, outside, filepath.Join(dir, "away"))
	link(t, "nothing-here", filepath.Join(dir, "home"))
	link(t, "loop", filepath.Join(dir, "loop"))
	for path, want := range map[string]error{
		secret:                                 ErrOutside,
		secret + "/x":                          ErrOutside,
		filepath.Join(outside, "missing"):      ErrOutside,
		filepath.Join(outside, "missing", "x"): ErrOutside,
		"../missing":                           ErrOutside,
		"../missing/../secret":                 ErrOutside,
		"dangling":                             ErrOutside,
		"dangling/x":                           ErrOutside,
		"twice":                                ErrOutside,
		"away/missing/x":                       ErrOutside,
		"home":                                 fs.ErrNotExist,
		"missing":                              fs.ErrNotExist,
		"missing/x":                            fs.ErrNotExist,
		filepath.Join(dir, "missing"):          fs.ErrNotExist,
	} {
		if _, err := r.Rel(t.Context(), path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if _, err := r.Rel(t.Context(), "loop"); err == nil {
		t.Error("a loop of links is a name")
	}
}
