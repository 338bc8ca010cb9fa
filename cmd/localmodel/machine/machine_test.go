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
