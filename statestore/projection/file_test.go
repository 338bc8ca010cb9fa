package projection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// newFile makes a project directory with the file in it ("-" = none).
func newFile(t *testing.T, content string) (f *File, path string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".claude")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "implementer-state.json")
	if content != "-" {
		write(t, path, content)
	}
	return New(rootOf(path), memoryOf(path)), path
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func project(t *testing.T, f *File, s Stats) []string {
	t.Helper()
	said, err := f.Write(context.Background(), func(context.Context, *Stats) (Stats, error) { return s, nil })
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func total(n int) Stats {
	return Stats{TotalAttempts: n, SuccessCount: n, FailuresByType: map[string]int{}}
}

func TestNewFile(t *testing.T) {
	for _, content := range []string{"-", "", " \n"} {
		f, path := newFile(t, content)
		if said := project(t, f, figures); len(said) != 0 {
			t.Errorf("%q: said %q", content, said)
		}
		if got, found := f.Read(context.Background()); !found || !cmp.Equal(got, figures) {
			t.Errorf("%q: read %+v, %t", content, got, found)
		}
		if got := read(t, path); !strings.HasPrefix(got, "{\n  \"version\": \"6.1\",\n  \"lastRunTimestamp\": null,") || !strings.HasSuffix(got, "}\n") {
			t.Errorf("%q: written as %q", content, got)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
		if len(left) != 2 || err != nil { // itself and its lock
			t.Errorf("%q: left behind %q, %v", content, left, err)
		}
	}
}

// No link is followed, in no component: what it leads to stays, and it is said.
func TestSymlink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symlinks need a right on Windows")
	}
	for name, put := range map[string]func(claude, outside string) error{
		"the file, out of the project": func(claude, outside string) error {
			return os.Symlink(filepath.Join(outside, "state.json"), filepath.Join(claude, base))
		},
		"the file, dangling": func(claude, outside string) error {
			return os.Symlink(filepath.Join(outside, "new"), filepath.Join(claude, base))
		},
		"the file, within": func(claude, _ string) error { return os.Symlink("other.json", filepath.Join(claude, base)) },
		"the lock": func(claude, outside string) error {
			return os.Symlink(filepath.Join(outside, "new"), filepath.Join(claude, base+".lock"))
		},
		"the directory of the file": func(claude, outside string) error {
			return errors.Join(os.RemoveAll(claude), os.Symlink(outside, claude))
		},
	} {
		f, path := newFile(t, "-")
		outside := filepath.Join(rootOf(rootOf(path)), "outside")
		if err := os.MkdirAll(outside, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(outside, "state.json"), `{"mine":1}`)
		write(t, filepath.Join(outside, base), `{"mine":1}`)
		write(t, filepath.Join(filepath.Dir(path), "other.json"), `{"mine":1}`)
		if err := put(filepath.Dir(path), outside); err != nil {
			t.Fatal(err)
		}
		_, err := f.Write(context.Background(), func(context.Context, *Stats) (Stats, error) { return figures, nil })
		if !errors.Is(err, rootfs.ErrLink) {
			t.Errorf("%s: %v", name, err)
		}
		left, _ := filepath.Glob(filepath.Join(outside, "*"))
		if len(left) != 2 || read(t, filepath.Join(outside, "state.json")) != `{"mine":1}` || read(t, filepath.Join(outside, base)) != `{"mine":1}` {
			t.Errorf("%s: outside is %q", name, left)
		}
		if said := f.Check(context.Background()); name != "the lock" && (len(said) != 1 || !strings.Contains(said[0], "link")) {
			t.Errorf("%s: said %q", name, said)
		}
		if _, known := f.Baseline(context.Background(), false); known && name != "the lock" {
			t.Errorf("%s: its counters were taken for known", name)
		}
	}
}

// What is too large or too deep is left alone, and said.
func TestBounds(t *testing.T) {
	for says, content := range map[string]string{
		"more than the 16777216": `{"a":"` + strings.Repeat("x", 16<<20) + `"}`,
		"more than 64 levels":    strings.Repeat("[", 1<<20),
		"more than 65536 bytes":  `{"stats":{"localModelStats":{"failuresByType":[` + strings.Repeat("1,", 1<<16) + `1]}}}`,
		"more than 10000 keys":   "{" + members(10_001) + "}",
	} {
		f, path := newFile(t, content)
		f.settle = time.Millisecond
		said := project(t, f, figures)
		if len(said) != 1 || !strings.Contains(said[0], says) || read(t, path) != content {
			t.Errorf("%s: said %q", says, said)
		}
	}
}

// members are n members of a JSON object, no two the same.
func members(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	return strings.Join(out, ",")
}

// Of damaged contents no more copies are set aside than five.
func TestDamage_FewCopies(t *testing.T) {
	f, path := newFile(t, "-")
	f.settle = time.Millisecond
	for i := range 8 {
		write(t, path, fmt.Sprintf("{%d", i))
		if said := project(t, f, figures); len(said) != 1 || !strings.Contains(said[0], "left as it is") {
			t.Errorf("said %q", said)
		}
	}
	if copies, _ := filepath.Glob(path + ".damaged-*"); len(copies) != 5 {
		t.Errorf("copies %q, want 5", copies)
	}
}

// A block that cannot be true is read as far as it can.
func TestRead_Bounds(t *testing.T) {
	f, _ := newFile(t, `{"stats":{"localModelStats":{"totalAttempts":-3,"successCount":1e300,"escalatedToCloud":"many","avgQualityScore":1e999,
		"failuresByType":{"$(id)":1,"lint":2,"review":-1}}}}`)
	got, found := f.Read(context.Background())
	want := Stats{SuccessCount: maxCount, FailuresByType: map[string]int{"lint": 2, "review": 0}}
	if diff := cmp.Diff(want, got); !found || diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestModeKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	f, path := newFile(t, "{}")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	project(t, f, figures)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v; want 0640", info.Mode(), err)
	}
}

// What is right already is not written again.
func TestUnchangedIsNotWritten(t *testing.T) {
	f, path := newFile(t, "{}")
	project(t, f, figures)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	project(t, f, figures)
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("replaced by the same: %v", err)
	}
}

// What another program does to our block is repaired and said; our own lag is
// not, nor what is not ours.
func TestForeignChanges(t *testing.T) {
	f, path := newFile(t, "{}")
	change := func(edit func(string) (string, error)) {
		t.Helper()
		text, err := edit(read(t, path))
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, text)
	}
	set := func(path string, v any) func(string) (string, error) {
		return func(s string) (string, error) { return sjson.Set(s, path, v) }
	}
	for _, step := range []struct {
		what string
		edit func(string) (string, error)
		want bool
	}{
		{"nothing", nil, false},
		{"its own key", set("lastCycle", 7), false},
		{"a counter reset", set(blockPath+".successCount", 0), true},
		{"nothing again", nil, false},
		{"the block dropped", func(s string) (string, error) { return sjson.Delete(s, blockPath) }, true},
		{"a failure forgotten", set(blockPath+".failuresByType", map[string]int{"lint": 1}), true},
		{"a key of its own in our block", set(blockPath+".note", "x"), false},
		{"everything but an empty object", func(string) (string, error) { return "{}", nil }, true},
	} {
		if step.edit != nil {
			change(step.edit)
		}
		s := figures
		s.SuccessCount++ // the journal went on meanwhile
		s.TotalAttempts++
		figures := s
		said := project(t, f, figures)
		if got := len(said) == 1 && strings.Contains(said[0], "repaired from the journal"); got != step.want || len(said) > 1 {
			t.Errorf("%s: said %q, want a report %t", step.what, said, step.want)
		}
		if got, _ := f.Read(context.Background()); !cmp.Equal(got, figures) {
			t.Errorf("%s: %+v", step.what, got)
		}
	}
	if got := gjson.Get(read(t, path), "lastCycle").Int(); got != 0 {
		t.Errorf("lastCycle %d", got)
	}
}

// A damaged file is never overwritten: a copy of each content is set aside,
// once, and the next valid file gets the figures.
func TestDamage(t *testing.T) {
	for _, content := range []string{`{"stats": {"localModelStats": {"successCount": 4`, `[]`, `"text"`, `{"stats": 7}`, "\x00\x00\x00", `{} trailing`} {
		f, path := newFile(t, content)
		for range 2 {
			said := project(t, f, figures)
			if len(said) != 1 || !strings.Contains(said[0], "left as it is") || !strings.Contains(said[0], ".damaged-") {
				t.Errorf("%q: said %q", content, said)
			}
			if got := read(t, path); got != content {
				t.Errorf("%q was overwritten by %q", content, got)
			}
		}
		copies, err := filepath.Glob(path + ".damaged-*")
		if len(copies) != 1 || err != nil {
			t.Fatalf("%q: copies %q, %v", content, copies, err)
		}
		if got := read(t, copies[0]); got != content {
			t.Errorf("%q: the copy has %q", content, got)
		}
		if _, known := f.Baseline(context.Background(), false); known {
			t.Errorf("%q: counters of a damaged file were taken for known", content)
		}
		write(t, path, `{"mine": 1}`)
		if said := project(t, f, figures); len(said) != 0 {
			t.Errorf("%q, repaired: said %q", content, said)
		}
		if got, _ := f.Read(context.Background()); !cmp.Equal(got, figures) {
			t.Errorf("%q, repaired: %+v", content, got)
		}
	}
}

// A file that we wrote before and that is empty now is in somebody's hands: it
// is not taken for a new one before its time.
func TestEmptiedFile(t *testing.T) {
	f, path := newFile(t, `{"mine": 1}`)
	f.settle, f.emptied = 10*time.Millisecond, time.Hour
	project(t, f, figures)
	ours := read(t, path)
	write(t, path, "")
	_, err := f.Write(context.Background(), func(context.Context, *Stats) (Stats, error) { return total(11), nil })
	if err == nil || !strings.Contains(err.Error(), "tried again") || read(t, path) != "" {
		t.Errorf("error %v, the file has %q", err, read(t, path))
	}
	write(t, path, ours) // the program goes on
	project(t, f, total(11))
	if got := read(t, path); gjson.Get(got, "mine").Int() != 1 || gjson.Get(got, blockPath+".totalAttempts").Int() != 11 {
		t.Errorf("the file has %s", got)
	}
	write(t, path, "")
	f.emptied = 0 // it never does
	project(t, f, total(12))
	if got, _ := f.Read(context.Background()); got.TotalAttempts != 12 {
		t.Errorf("at last %+v", got)
	}
}

// An empty want leaves the file alone; so does an error of it.
func TestErrorOfWant(t *testing.T) {
	f, path := newFile(t, `{"a":1}`)
	broken := errors.New("broken")
	if _, err := f.Write(context.Background(), func(context.Context, *Stats) (Stats, error) { return Stats{}, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if got := read(t, path); got != `{"a":1}` {
		t.Errorf("written: %s", got)
	}
}

// Temporary files of killed writers are cleared away; others' files are not.
func TestSweep(t *testing.T) {
	f, path := newFile(t, "{}")
	temporary := filepath.Join(filepath.Dir(path), "."+base+".tmp-0123456789abcdef")
	write(t, temporary, "half")
	write(t, path+".bak", "theirs")
	project(t, f, figures)
	if _, err := os.Stat(temporary); err == nil {
		t.Error("a killed writer's file is still there")
	}
	read(t, path+".bak")
}

func TestBaseline(t *testing.T) {
	for _, c := range []struct {
		content string
		want    int
		known   bool
	}{{"-", 0, true}, {"", 0, true}, {`{}`, 0, true}, {`{"stats":{"localModelStats":{"successCount":4}}}`, 4, true}, {`{"stats":{"loc`, 0, false}} {
		f, _ := newFile(t, c.content)
		for _, wait := range []bool{false, true} {
			got, known := f.Baseline(context.Background(), wait)
			if got.SuccessCount != c.want || known != c.known {
				t.Errorf("%q, wait %t: %+v, %t; want %d, %t", c.content, wait, got, known, c.want, c.known)
			}
		}
	}
}

func rootOf(path string) string { return filepath.Dir(filepath.Dir(path)) }

// memoryOf is where a test's user keeps what was last written.
func memoryOf(path string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(path)), "user", "last.json")
}
