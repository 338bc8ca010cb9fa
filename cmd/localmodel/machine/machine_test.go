package machine

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
)

func TestMemoryIsPlausible(t *testing.T) {
	got := Memory()
	switch runtime.GOOS {
	case "linux", "darwin", "windows":
		if got < 64<<20 || got > 1<<50 {
			t.Errorf("%d bytes", got)
		}
	}
}

// A program left behind has its variables, writes into its log, and leads a
// session of its own, so that no signal of our terminal reaches it.
func TestLeave(t *testing.T) {
	sh := parts.Program(t, "sh")
	log := filepath.Join(t.TempDir(), "log")
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	pid, err := Leave(sh, []string{"-c", `echo "$LEFT $$ $(cut -d' ' -f6 /proc/$$/stat 2>/dev/null)"`}, []string{"LEFT=behind"}, out)
	if err != nil || pid <= 0 {
		t.Fatalf("%d, %v", pid, err)
	}
	var words []string
	testkit.Eventually(t, "a whole line is in the log", func() bool {
		data, _ := os.ReadFile(log) // not there yet
		words = strings.Fields(string(data))
		return len(words) > 1 && strings.HasSuffix(string(data), "\n")
	})
	if words[0] != "behind" || runtime.GOOS == "linux" && (len(words) != 3 || words[1] != words[2]) {
		t.Errorf("got %q", words)
	}
}

// A program is the user's where PATH names its directory in full, and the
// project's where PATH names it relative to the working directory.
func TestProgram_OfTheWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	name := "localmodel-test-program"
	if runtime.GOOS == "windows" {
		name += ".bat"
	}
	path := filepath.Join(dir, "bin", name)
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for where, want := range map[string]string{"bin": "", ".": "", filepath.Dir(path): path} {
		t.Setenv("PATH", where)
		if got := Program(name); got != want {
			t.Errorf("PATH=%s: got %q, want %q", where, got, want)
		}
	}
}
