package clients

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients/entry"
)

// An older entry of the user's own in each hand-made file: replaced, and after
// uninstall there again, to the byte, with no file left beside.
func TestUninstall_AfterReplace_GivesTheOldEntryBack(t *testing.T) {
	for _, file := range handMade(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			c := clientOf(t, file)
			before, err := c.format.Insert(bytes.TrimPrefix(load(t, file), bom), entry.Entry{Command: "/home/me/go/bin/localmodel"})
			must(t, err)
			before = bytes.ReplaceAll(before, []byte(`"args": []`), []byte(`"args": ["serve","--old"]`))
			path := filepath.Join(t.TempDir(), "config")
			must(t, os.WriteFile(path, before, 0o600))
			replace := func(e entry.Entry) {
				t.Helper()
				ch, err := c.Install(path, e, true)
				must(t, err)
				if ch.Same {
					t.Fatal("the old entry is the new one")
				}
				_, err = ch.Apply()
				must(t, err)
			}
			replace(c.Entry("/usr/local/bin/localmodel", place, []entry.Variable{{Name: "Z", Value: "1"}, {Name: "A", Value: "2"}, {Name: "LOCALMODEL_CLOUD", Value: "never"}}))
			replace(c.Entry("/opt/localmodel", place, nil))
			ch, err := c.Uninstall(path)
			must(t, err)
			if !ch.OldEntry {
				t.Error("it does not know that an old entry comes back")
			}
			_, err = ch.Apply()
			must(t, err)
			if d := cmp.Diff(string(before), string(load(t, path))); d != "" {
				t.Errorf("after uninstall (-want +got):\n%s", d)
			}
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
				t.Errorf("%d files are left, %v", len(left), err)
			}
		})
	}
}

// In each client's own form of file: what install made is replaced, and uninstall
// leaves what was there before the first install.
func TestUninstall_AfterReplace_OfEachClient(t *testing.T) {
	for _, c := range All() {
		path := filepath.Join(t.TempDir(), "config")
		for _, command := range []string{"/usr/bin/localmodel", "/opt/localmodel", "/home/me/localmodel"} {
			ch, err := c.Install(path, c.Entry(command, place, nil), true)
			must(t, err)
			_, err = ch.Apply()
			must(t, err)
		}
		uninstall(t, c, path)
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
			t.Errorf("%s: %d files are left of none, %v", c.Name, len(left), err)
		}
	}
}

// bigTOML is a configuration of about that many bytes, in short lines.
func bigTOML(size int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "k%d=1\n", i)
	}
	return []byte(b.String())
}

// The work of an edit grows with the file, not with its square: four times the
// file allocates about four times the bytes, and 2 MB in 200,000 lines take less
// than three minutes of a busy machine, where to look each key up among all
// before it takes a multiple of that on an idle one.
func TestTOML_IsEditedInLinearTime(t *testing.T) {
	edit := func(doc []byte) uint64 {
		t.Helper()
		c, err := Lookup("codex")
		must(t, err)
		path := filepath.Join(t.TempDir(), "config.toml")
		must(t, os.WriteFile(path, doc, 0o600))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		install(t, c, path, c.Entry("localmodel", place, nil))
		must(t, os.Remove(path+".before-localmodel")) // so that the text is edited back
		uninstall(t, c, path)
		runtime.ReadMemStats(&after)
		if !bytes.Equal(load(t, path), doc) {
			t.Error("not a byte should have changed")
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	start := time.Now()
	small, big := edit(bigTOML(500_000)), edit(bigTOML(2_000_000))
	took := time.Since(start)
	t.Logf("%d and %d bytes allocated, %s", small, big, took)
	if big > 6*small {
		t.Errorf("four times the file took %.1f times the work", float64(big)/float64(small))
	}
	if took > 3*time.Minute {
		t.Errorf("it took %s", took)
	}
}
