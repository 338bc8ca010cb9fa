// Package proxy_test proves the proxy tiers end to end: the real LiteLLM with
// the shipped configurations, a real Ollama, and the program as it is built.
package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
)

func TestMain(m *testing.M) { os.Exit(litellmtest.Main(m)) }

// shell is a project directory and the environment that localmodel runs in.
type shell struct {
	bin, root string
	env       []string
}

// newShell makes an empty project. Nothing of the machine's own settings is in
// its environment; env adds to it, and the last value of a name wins.
func newShell(t *testing.T, env ...string) *shell {
	t.Helper()
	s := &shell{bin: binary.Path(t), root: t.TempDir()}
	s.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.root, "USERPROFILE=" + s.root, "XDG_CACHE_HOME=" + filepath.Join(s.root, "cache"),
		"TMPDIR=" + os.TempDir(), "SystemRoot=" + os.Getenv("SystemRoot"), "CLAUDE_PROJECT_DIR=" + s.root, "LOCALMODEL_STATE=" + filepath.Join(s.root, "state", "journal.db")}, append(binary.Patient(), env...)...)
	return s
}

// write puts a file into the project.
func (s *shell) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.root, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ran is what a run of localmodel left.
type ran struct {
	code        int
	out, errOut string
	took        time.Duration
}

func (r ran) get(path string) gjson.Result { return gjson.Get(r.out, path) }

func (r ran) String() string {
	return fmt.Sprintf("exit %d after %s\nstdout: %s\nstderr: %s", r.code, r.took.Round(time.Millisecond), r.out, r.errOut)
}

// run runs localmodel to its end.
func (s *shell) run(t *testing.T, in string, args ...string) ran {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, s.bin, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.root, s.env, strings.NewReader(in)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), errOut.String(), time.Since(start)}
}
