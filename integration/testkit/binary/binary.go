// Package binary builds localmodel for tests that run it as its users do.
package binary

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"testing"

	"github.com/gofrs/flock"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// Path returns the program, built the first time it is asked for and shared by
// all packages of a run. It is built as a release is, without the race detector:
// figures of time and memory are those of its users.
func Path(t testing.TB) string {
	t.Helper()
	path, err := Build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Build is Path for a program that is no test.
var Build = sync.OnceValues(build)

func build() (string, error) {
	root, err := parts.Root()
	if err != nil {
		return "", err
	}
	// go test keeps a result until what the test has read changes; it must see
	// the sources, or a changed program would pass with the result of the old.
	for _, dir := range []string{"cmd", "internal", "tools", "routing", "statestore", "prompts"} {
		if err := filepath.WalkDir(filepath.Join(root, dir), func(_ string, _ os.DirEntry, err error) error { return err }); err != nil {
			return "", err
		}
	}
	dir, err := parts.CheckoutCache()
	if err != nil {
		return "", err
	}
	// Packages are tested side by side: the first builds, and go leaves what is
	// up to date as it is.
	one := flock.New(filepath.Join(dir, "lock"))
	if err := one.Lock(); err != nil {
		return "", err
	}
	defer one.Unlock() //nolint:errcheck // the process ends soon
	path := filepath.Join(dir, "localmodel")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/localmodel")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build localmodel: %w\n%s", err, out)
	}
	return path, nil
}

// Env is the environment of a user who has set nothing but vars: no variable of
// localmodel, Ollama or LiteLLM of this machine shows through, and HOME is the
// test's own. No line is wrapped: the length of a temporary path or a port would
// decide where.
func Env(t testing.TB, vars ...string) []string {
	t.Helper()
	return Environ(t.TempDir(), append([]string{"COLUMNS=1000"}, vars...)...)
}

// Patient are settings of the program whose limits a busy machine does not reach,
// for tests in which something answers.
func Patient() []string {
	return []string{"LOCALMODEL_DEADLINE=5m", "LOCALMODEL_CONNECT_TIMEOUT=1m",
		"LOCALMODEL_FIRST_TOKEN_TIMEOUT=5m", "LOCALMODEL_TOKEN_TIMEOUT=5m"}
}

// Environ is Env for a program that is no test; home is to be its HOME.
func Environ(home string, vars ...string) []string {
	env := []string{"HOME=" + home, "USERPROFILE=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, ".cache"), "LocalAppData=" + home}
	hidden := regexp.MustCompile(`^(LOCALMODEL_|OLLAMA_|LITELLM_|(CLAUDE_PROJECT_DIR|XDG_(STATE|CONFIG|CACHE)_HOME|HOME|USERPROFILE|AppData|LocalAppData|COLUMNS)=)`)
	for _, v := range os.Environ() {
		if !hidden.MatchString(v) {
			env = append(env, v)
		}
	}
	return append(env, vars...)
}
