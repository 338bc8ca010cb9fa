package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// engine runs buildah with images of the test's own.
type engine struct {
	t       *testing.T
	program string
	store   []string // flags: where its images and containers lie, as podman has them
}

func newEngine(t *testing.T) engine {
	t.Helper()
	program, dir := parts.Program(t, "buildah"), t.TempDir()
	e := engine{t, program, []string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}}
	cmd := exec.CommandContext(t.Context(), program, append(e.store, "from", "scratch")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		parts.Absent(t, "buildah", "it makes no container here: "+string(out))
	}
	return e
}

func (e engine) do(args ...string) string {
	e.t.Helper()
	return output(e.t, "", []string{"BUILDAH_ISOLATION=chroot"}, e.program, append(e.store, args...)...)
}

// builtImage is the name of the image that build makes.
const builtImage = "localhost/localmodel"

// build builds the image over an empty base, as GoReleaser does it.
func (e engine) build() {
	t := e.t
	b := hostBundle(t)
	context := t.TempDir()
	copyInto(t, binary.Path(t), filepath.Join(context, b.os, b.arch, "localmodel"), 0o755)
	const state = "integration/release/image/state"
	must(t, os.CopyFS(filepath.Join(context, state), os.DirFS(state)))
	base := e.do("from", "scratch")
	e.do("config", "--user", "65532", base) // as the base that the Dockerfile names
	e.do("commit", "--quiet", base, "localhost/base")
	e.do("build", "--quiet", "--from", "localhost/base", "--platform", b.os+"/"+b.arch, "--tag", builtImage,
		"--file", "integration/release/Dockerfile", context)
}

// openProject is a directory that any user may write.
func openProject(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755)) //nolint:gosec // another user enters it
	must(t, os.Chmod(dir, 0o777))               //nolint:gosec // as above
	return dir
}

// TestImage_AsAnyUser runs the image as a user that it knows nothing of: in a
// project of that user, with the state on the image's own directory and a model
// on the host.
func TestImage_AsAnyUser(t *testing.T) {
	e := newEngine(t)
	model := ollamatest.Shared(t)
	e.build()
	c := e.do("from", "--add-host", "host.docker.internal:127.0.0.1", builtImage)

	project := openProject(t)
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

// TestImage_NamedVolume holds that a new volume, which podman fills from the
// image, may be written by the image's user and by any other, and that the next
// container finds there what the one before has counted.
func TestImage_NamedVolume(t *testing.T) {
	e := newEngine(t)
	podman := parts.Program(t, "podman")
	runtime := parts.Program(t, "runc")
	e.build()
	flags := slices.Concat([]string{"--runtime", runtime}, e.store, []string{"run", "--rm", "--network", "none",
		// Where more than this process has may not be set.
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"})
	try := exec.CommandContext(t.Context(), podman, append(flags, builtImage, "version")...)
	if out, err := try.CombinedOutput(); err != nil {
		parts.Absent(t, "podman", "it runs no container here: "+string(out))
	}
	for i, user := range []string{"", "4321:4321"} {
		record := func(id string) string {
			args := slices.Concat(flags, []string{"--volume", fmt.Sprintf("journal%d:/state", i), "--volume", openProject(t) + ":/project"})
			if user != "" {
				args = append(args, "--user", user)
			}
			return output(t, "", nil, podman, append(args, builtImage, "call", "record_gate_outcome",
				`{"ticket_id":"`+id+`","gate":"commit","outcome":"pass","event_id":"`+id+`:commit:1","route":"local"}`)...)
		}
		record("A-1")
		if got := gjson.Get(record("A-2"), "stats.successCount").Int(); got != 2 {
			t.Errorf("user %q: %d counted on the volume, want 2", user, got)
		}
	}
}

func copyInto(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(to), 0o755)) //nolint:gosec // as in a release
	must(t, os.WriteFile(to, read(t, from), mode))
}
