// Package trial runs a project's own commands on a copy of its working tree that
// holds a draft's changes, without a network and without writing elsewhere where
// the system can forbid that.
package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/tools/draft"
)

// Project is what the project's own commands run on: trusted by its user.
type Project struct {
	Root     string   // the working tree; it is only read
	Scratch  string   // directory beneath which the copy is made
	Commands []string // lines for the system's shell, in order
	Env      []string // the user's environment; what looks like a secret is left out
	// Confine is the command that calls RunConfined; none = the commands may
	// write wherever the user may.
	Confine []string
	Timeout time.Duration
}

// Limits of a scratch copy and of a command.
const (
	maxCopyFiles   = 20_000
	maxCopyBytes   = 512 << 20
	maxOutput      = 64 << 10
	commandTimeout = 10 * time.Minute
)

// Run applies the changes to a scratch copy of the working tree and runs the
// commands there, where the system can forbid it without a network and without
// writing elsewhere. The check has failed where a command does, and has not run where none could.
func (p Project) Run(ctx context.Context, changes []draft.Change) draft.Check {
	state, detail := p.run(ctx, changes)
	return draft.Check{Name: draft.CheckCommands, State: state, Detail: detail}
}

func (p Project) run(ctx context.Context, changes []draft.Change) (state draft.State, detail string) {
	const noDir = "no scratch directory: "
	if len(p.Commands) == 0 {
		return draft.NotRun, "the project names no commands"
	}
	lock, err := lockScratch(ctx, p.Scratch)
	if err != nil {
		return draft.NotRun, noDir + err.Error()
	}
	defer lock.Unlock()
	dir, err := os.MkdirTemp(p.Scratch, scratchPrefix+"*")
	if err != nil {
		return draft.NotRun, noDir + err.Error()
	}
	defer func() { _ = removeAll(dir) }()
	if err := p.copyTo(ctx, filepath.Join(dir, "tree"), changes); err != nil {
		return draft.NotRun, "no scratch copy: " + err.Error()
	}
	timeout := cmp.Or(p.Timeout, commandTimeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	sh, loose, err := p.shell(ctx, dir)
	if err != nil {
		return draft.NotRun, noDir + err.Error()
	}
	state, detail = runAll(ctx, sh, p.Commands, timeout, loose)
	if name := decides(changes, p.Commands); name != "" && state == draft.Passed {
		return draft.NotRun, fmt.Sprintf("they ran, but the draft changes what they check: %.100s", name)
	}
	return state, detail
}

// runAll runs the lines until one does not pass. loose is what the system could
// not forbid.
func runAll(ctx context.Context, sh shell, lines []string, timeout time.Duration, loose []string) (draft.State, string) {
	network := false
	for _, line := range lines {
		out, open, err := sh.run(ctx, line)
		network = network || open
		var exit *exec.ExitError
		name := fmt.Sprintf("%.60s", line)
		switch {
		case ctx.Err() != nil:
			return draft.NotRun, fmt.Sprintf("%s: not finished within %s", name, timeout)
		case errors.As(err, &exit) && (exit.ExitCode() == notExecutable || exit.ExitCode() == notFound):
			return draft.NotRun, fmt.Sprintf("%s: could not run: %s", name, lastLines(out, 400))
		case errors.As(err, &exit):
			return draft.Failed, fmt.Sprintf("%s: %v: %s", name, err, lastLines(out, 400))
		case err != nil:
			return draft.NotRun, name + ": " + err.Error()
		}
	}
	if network {
		loose = append(loose, "take the network away")
	}
	if len(loose) == 0 {
		return draft.Passed, ""
	}
	return draft.Passed, "the system could not " + strings.Join(loose, " or ")
}

// The shell's exit codes where a command could not be run.
const (
	notExecutable = 126
	notFound      = 127
)

// scratchPrefix begins the names of scratch copies.
const scratchPrefix = "scratch-"

// lockScratch waits until no other process of the user has a scratch copy, so
// that there is one at a time, and removes what a killed one left behind.
func lockScratch(ctx context.Context, dir string) (*rootfs.Lock, error) {
	root, err := rootfs.Private(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	lock, err := root.Lock(ctx, "lock", scratchPoll)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), scratchPrefix) {
			err = errors.Join(err, removeAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	return lock, nil
}

// scratchPoll is how often the lock of another process is looked at.
const scratchPoll = 200 * time.Millisecond

// copyTo copies the working tree's regular files and writes the changes into
// the copy. Special files, .git (a submodule's too) and symlinks are left out,
// but for relative links that lie within the tree: package managers need them.
func (p Project) copyTo(ctx context.Context, to string, changes []draft.Change) error {
	source, err := rootfs.Open(ctx, p.Root)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	target, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer func() { _ = target.Close() }()
	c := treeCopy{source: source, target: target}
	if err := c.directory(ctx, "."); err != nil {
		return err
	}
	for _, change := range changes {
		name := filepath.FromSlash(change.Path)
		if err := target.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := target.WriteFile(name, []byte(change.After), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// treeCopy copies a tree of regular files within the limits.
type treeCopy struct {
	source *rootfs.Root
	target *os.Root
	files  int
	bytes  int64
}

func (c *treeCopy) directory(ctx context.Context, name string) error {
	entries, more, err := c.source.List(ctx, name, maxCopyFiles)
	if err != nil {
		return err
	}
	if c.files += len(entries); more || c.files > maxCopyFiles {
		return fmt.Errorf("more than %d files", maxCopyFiles)
	}
	for _, e := range entries {
		inside := filepath.Join(name, e.Name())
		switch {
		case e.Name() == ".git":
		case e.IsDir():
			if err := c.target.Mkdir(inside, 0o700); err != nil {
				return err
			}
			err = c.directory(ctx, inside)
		case e.Type().IsRegular():
			err = c.file(ctx, inside, e)
		case e.Type()&fs.ModeSymlink != 0:
			err = c.link(inside)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// link copies a relative symlink whose target lies within the tree. A link is
// followed by nothing here: os.Root refuses to leave the copy through one. A target
// that goes back up after it went down is left out: where that leads depends on
// other links.
func (c *treeCopy) link(name string) error {
	to, err := os.Readlink(filepath.Join(c.source.Name(), name)) //nolint:forbidigo // reads the link itself, not its target
	if err != nil || to != filepath.Clean(to) || filepath.IsAbs(to) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), to)) {
		return nil //nolint:nilerr // a link that cannot be read is left out as well
	}
	return c.target.Symlink(to, name)
}

func (c *treeCopy) file(ctx context.Context, name string, e fs.DirEntry) error {
	data, err := c.source.Read(ctx, name, maxCopyBytes-c.bytes)
	if err != nil {
		return err
	}
	c.bytes += int64(len(data))
	perm := fs.FileMode(0o600)
	if info, err := e.Info(); err == nil {
		perm |= info.Mode().Perm() & 0o100
	}
	return c.target.WriteFile(name, data, perm)
}

// shell runs lines in a copy.
type shell struct {
	tree    string
	env     []string
	confine []string // what the command begins with
}

// shell prepares one for the copy in dir. loose says what the system cannot
// forbid. What is confined has a cache of its own, beside the copies, which is
// kept: that of the user may run as the user later.
func (p Project) shell(ctx context.Context, dir string) (sh shell, loose []string, err error) {
	sh = shell{tree: filepath.Join(dir, "tree"), env: commandEnv(p.Env, dir)}
	if len(p.Confine) == 0 || !canConfine() {
		return sh, []string{"forbid writing elsewhere"}, nil
	}
	cache := filepath.Join(p.Scratch, "cache")
	if tooBig(cache) {
		err = removeAll(cache)
	}
	root, e := rootfs.Private(ctx, cache)
	if err = errors.Join(err, e); err != nil {
		return sh, nil, err
	}
	_ = root.Close() // it was only made
	sh.env = append(sh.env, "XDG_CACHE_HOME="+cache, "GOCACHE="+filepath.Join(cache, "go-build"),
		"npm_config_cache="+filepath.Join(cache, "npm"))
	sh.confine = append(append(sh.confine, p.Confine...), dir, cache, "--")
	return sh, nil, nil
}

// maxCache bounds the cache of the commands, bytes: a larger one is removed.
const maxCache = 2 << 30

func tooBig(dir string) bool {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil //nolint:nilerr // what cannot be read counts as nothing
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum > maxCache
}

// run runs one line. open says that it had a network.
func (sh shell) run(ctx context.Context, line string) (out []byte, open bool, err error) {
	args := []string{"/bin/sh", "-c", line}
	if runtime.GOOS == "windows" {
		args = []string{"cmd", "/D", "/C", line}
	}
	args = append(slices.Clone(sh.confine), args...)
	runtime.LockOSThread() // a command that dies with its parent would die with the thread that started it
	defer runtime.UnlockOSThread()
	for _, isolated := range []bool{true, false} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // a command that the user trusted
		cmd.Dir, cmd.Env = sh.tree, sh.env
		cmd.WaitDelay = 5 * time.Second
		output := &bounded{}
		cmd.Stdout, cmd.Stderr = output, output
		if isolated && !isolate(cmd) {
			continue
		}
		ownGroup(cmd)
		err = cmd.Run()
		if isolated && cmd.Process == nil { // the system does not let us: again, with a network
			continue
		}
		return output.data, !isolated, err
	}
	return nil, true, err
}

// commandEnv is the environment without what looks like a secret, with a
// temporary directory of the scratch copy's own.
func commandEnv(from []string, dir string) []string {
	env := make([]string, 0, len(from)+4)
	for _, pair := range from {
		name, value, _ := strings.Cut(pair, "=")
		secret := slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(strings.ToUpper(name), word) })
		if !secret && len(secrets.Find(value)) == 0 { // such as the password in a database's address
			env = append(env, pair)
		}
	}
	return append(env, "TMPDIR="+dir, "TMP="+dir, "TEMP="+dir, "CI=true")
}

// secretWords are in the names of variables that hold secrets.
var secretWords = []string{"KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH", "LITELLM", "LOCALMODEL", "COOKIE",
	"_PWD", "WEBHOOK"}

// bounded keeps the last maxOutput bytes written to it.
type bounded struct{ data []byte }

func (b *bounded) Write(p []byte) (int, error) {
	b.data = append(b.data, p...)
	if over := len(b.data) - maxOutput; over > 0 {
		b.data = append(b.data[:0], b.data[over:]...)
	}
	return len(p), nil
}

func lastLines(out []byte, n int) string {
	text := strings.TrimSpace(string(out))
	if len(text) > n {
		text = "..." + strings.ToValidUTF8(text[len(text)-n:], "")
	}
	return text
}

// removeAll removes a scratch copy, read-only directories included.
func removeAll(dir string) error {
	_ = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			_ = os.Chmod(name, 0o700) //nolint:gosec // a directory of our own
		}
		return nil
	})
	return os.RemoveAll(dir)
}
