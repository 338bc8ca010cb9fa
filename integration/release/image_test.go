package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// engine runs buildah with images of the test's own.
type engine struct {
	t       *testing.T
	program string
	flags   []string
}

func newEngine(t *testing.T) engine {
	t.Helper()
	program, dir := parts.Program(t, "buildah"), t.TempDir()
	e := engine{t, program, []string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}}
	cmd := exec.CommandContext(t.Context(), program, append(e.flags, "from", "scratch")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		parts.Absent(t, "buildah", "it makes no container here: "+string(out))
	}
	return e
}

func (e engine) do(args ...string) string {
	e.t.Helper()
	return output(e.t, "", []string{"BUILDAH_ISOLATION=chroot"}, e.program, append(e.flags, args...)...)
}

// TestImage_AsAnyUser builds the image over an empty base and runs it as a user
// that it knows nothing of: in a project of that user, with the state on the
// image's own directory and a model on the host.
func TestImage_AsAnyUser(t *testing.T) {
	e := newEngine(t)
	model := ollamatest.Shared(t)
	b := hostBundle(t)
	program := binary.Path(t)
	context := t.TempDir() // as GoReleaser fills it
	copyInto(t, program, filepath.Join(context, b.os, b.arch, "localmodel"), 0o755)
	const state = "integration/release/image/state"
	must(t, os.CopyFS(filepath.Join(context, state), os.DirFS(state)))

	base := e.do("from", "scratch")
	e.do("config", "--user", "65532", base) // as the base that the Dockerfile names
	e.do("commit", "--quiet", base, "localhost/base")
	e.do("build", "--quiet", "--from", "localhost/base", "--platform", b.os+"/"+b.arch, "--tag", "localhost/localmodel",
		"--file", "integration/release/Dockerfile", context)
	c := e.do("from", "--add-host", "host.docker.internal:127.0.0.1", "localhost/localmodel")

	project := t.TempDir()
	must(t, os.Chmod(filepath.Dir(project), 0o755)) //nolint:gosec // another user enters it
	must(t, os.Chmod(project, 0o777))               //nolint:gosec // as above
	host := strings.Replace(model.URL, "127.0.0.1", "host.docker.internal", 1)
	run := func(args ...string) string {
		return e.do(append([]string{"run", "--user", "4321:4321", "--volume", project + ":/project",
			"--env", "OLLAMA_HOST=" + host, "--env", "LOCALMODEL_MODEL=" + ollamatest.Steered, "--env", "LOCALMODEL_FALLBACK=none",
			"--env", "LOCALMODEL_LOCAL_REMOTE=allow", "--env", "LOCALMODEL_DEADLINE=5m", "--env", "LOCALMODEL_FIRST_TOKEN_TIMEOUT=5m",
			c, "--", "/usr/local/bin/localmodel"}, args...)...)
	}
	if got := run("call", "classify_ticket", `{"ticket":"# The cart crashes\nIt divides by zero.","route":"local"}`); !strings.Contains(got, `"by":"local"`) {
		t.Errorf("the host's model did not classify: %s", got)
	}
	if got := run("call", "record_gate_outcome", `{"ticket_id":"A-1","gate":"lint","outcome":"pass"}`); !strings.Contains(got, `"action":"continue"`) {
		t.Errorf("nothing recorded: %s", got)
	}
	if got := run("projects", "--json"); !strings.Contains(got, "/project") {
		t.Errorf("the journal of the next container does not know the project: %s", got)
	}
}

func copyInto(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(to), 0o755)) //nolint:gosec // as in a release
	must(t, os.WriteFile(to, read(t, from), mode))
}
