package documents

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tinygguf"
)

const module = "github.com/fjbelchi/localmodel"

// kinds are the programs in the documents, and what is done with their lines.
func kinds() map[string]func(*testing.T, string) error {
	return map[string]func(*testing.T, string) error{
		"localmodel": runLocalmodel, "echo": runLocalmodel, "export": runExport,
		"go": runGo, "make": runMake, "ollama": runOllama,
		"claude": runClaude, "/plugin": runPlugin, "/localmodel": runSlash,
	}
}

// user is somebody who has localmodel on the PATH and a project with the demo's
// backlog, and neither Ollama nor a proxy.
type user struct {
	project, bin string
	env          []string
}

func newUser(t *testing.T, env ...string) user {
	t.Helper()
	u := user{project: t.TempDir(), bin: t.TempDir()}
	u.put(t, "localmodel", binary.Path(t))
	if err := os.CopyFS(u.project, os.DirFS(filepath.Join(root, "cmd/localmodel/demo/project"))); err != nil {
		t.Fatal(err)
	}
	u.env = binary.Env(t, append([]string{"OLLAMA_HOST=127.0.0.1:9", "LITELLM_BASE_URL=http://127.0.0.1:9",
		"PATH=" + u.bin + string(os.PathListSeparator) + os.Getenv("PATH")}, env...)...)
	return u
}

// put makes a program known to the user's shell.
func (u user) put(t *testing.T, name, program string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	to := filepath.Join(u.bin, name)
	if os.Link(program, to) == nil {
		return
	}
	data, err := os.ReadFile(program) // on another file system
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// shell runs a line as the user's shell does; the error holds what it said.
func (u user) shell(t *testing.T, line string) (out string, err error) {
	t.Helper()
	bash := parts.Program(t, "bash")
	cmd := exec.CommandContext(t.Context(), bash, "-o", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = u.project, u.env
	cmd.Stdin = strings.NewReader("Add a login button\n")
	text, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, text)
	}
	return string(text), err
}

// less are the commands that exit with 1 where there is neither Ollama nor a
// proxy, and what they say then.
var less = map[string]string{"doctor": "It works with less", "ask": "cheap did not answer"}

// runLocalmodel runs the line in a project that has the tickets it names.
func runLocalmodel(t *testing.T, line string) error {
	_, rest, ok := strings.Cut(line, "localmodel ")
	if !ok {
		return errors.New("localmodel is not called with a command")
	}
	args := words(rest)
	u := newUser(t)
	switch {
	case args[0] == "eval":
		u.withOllama(t, ollamatest.Steered)
		for _, id := range []string{"FEAT-002", "TASK-003", "FEAT-004", "FEAT-005"} { // one open one is enough
			if err := os.Remove(filepath.Join(u.project, "backlog", id+".md")); err != nil {
				t.Fatal(err)
			}
		}
		if slices.Contains(args, "--drafts") {
			line += " --limit 1" // each task of each model takes half a minute
		}
	case slices.Contains(args, "free") || slices.Equal(args, []string{"ask"}):
		u.withOllama(t, "says-pong")
	}
	for _, m := range regexp.MustCompile(`[\w./-]+\.md`).FindAllString(line, -1) {
		file := filepath.Join(u.project, filepath.FromSlash(m))
		text := "---\nid: BUG-14\ntitle: Fix it\ncomplexity: simple\n---\n# BUG-14: Fix it\n"
		if _, err := os.Stat(file); err == nil {
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if args[0] == "uninstall" { // there is something to take out
		if _, err := u.shell(t, "localmodel install "+args[1]); err != nil {
			return err
		}
	}
	if before, after, piped := strings.Cut(line, " | "); piped && !strings.HasPrefix(after, "localmodel ") {
		// What reads it is another program: it may not be here, have other flags,
		// or end before it has read all.
		line = before
	}
	out, err := u.shell(t, line)
	var exit *exec.ExitError
	switch said := less[args[0]]; {
	case errors.As(err, &exit) && args[0] == "setup" && exit.ExitCode() == 3 && strings.Contains(out, "Nothing was changed"):
		return nil // it is not at a terminal
	case errors.As(err, &exit) && exit.ExitCode() == 1 && said != "" && strings.Contains(strings.Join(strings.Fields(out), " "), said):
		return nil
	case err != nil:
		return err
	case out == "" && args[0] != "export":
		return errors.New("it says nothing")
	}
	return nil
}

// withOllama gives the user a real Ollama, in which the model that is used
// without a setting is a small one made for tests.
func (u *user) withOllama(t *testing.T, model string) {
	t.Helper()
	s := ollamatest.Shared(t)
	if model == "says-pong" {
		s.Create(t, model, tinygguf.Options{Arch: tinygguf.Qwen3, Say: []tinygguf.Text{{Text: tinygguf.Start + "PONG" + tinygguf.End, Boost: 30}}})
	}
	s.Copy(t, model, "qwen3-coder:30b")
	u.env = append(append(u.env, binary.Patient()...), "OLLAMA_HOST="+s.URL, "LOCALMODEL_NUM_CTX=8192")
}

// runExport sets the variable for doctor, which says 2 of a value that cannot
// be used and shows one that it knows.
func runExport(t *testing.T, line string) error {
	out, err := newUser(t).shell(t, line+"; localmodel doctor --all")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() != 1 {
		return err
	}
	name, _, _ := strings.Cut(words(line)[1], "=")
	if !regexp.MustCompile(`(?m)^  ` + name + ` .*(\n {3,}.*)?\(environment\)`).MatchString(out) {
		return fmt.Errorf("doctor knows no setting %s:\n%s", name, out)
	}
	return nil
}

// runGo installs and runs from this checkout. Of a go test it sees that the
// packages and the tests that it names are there: they run with all the others.
func runGo(t *testing.T, line string) error {
	args := words(unassigned(line))[1:]
	switch {
	case slices.Contains(args, "test"):
		return namesTests(args)
	case args[0] == "install":
		return installs(t, args[1])
	case args[0] == "run":
		u := newUser(t)
		out, err := u.goTool(t, nil, args...)
		if err == nil && out == "" {
			err = errors.New("it says nothing")
		}
		return err
	}
	return errors.New("only go test, go run and go install are known here")
}

// goTool runs the go command in the checkout as the user, with the caches of
// this machine, and with the flags that other tests build with.
func (u user) goTool(t *testing.T, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = root, append(slices.Clone(u.env), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -trimpath -buildvcs=false"), "CGO_ENABLED=0")
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOENV"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return string(out), err
}

// installs installs the package from the checkout, since the newest release may
// be older than the document, and starts it.
func installs(t *testing.T, pkg string) error {
	dir, ok := strings.CutPrefix(pkg, module+"/")
	dir, latest := strings.CutSuffix(dir, "@latest")
	if !ok || !latest {
		return fmt.Errorf("%s is not the newest of a package of %s", pkg, module)
	}
	u := newUser(t)
	bin := t.TempDir()
	if _, err := u.goTool(t, []string{"GOBIN=" + bin}, "install", "./"+dir); err != nil {
		return err
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, path.Base(dir)), "version").Output()
	if err == nil && !strings.HasPrefix(string(out), "localmodel ") {
		err = fmt.Errorf("the installed program says %q", out)
	}
	return err
}

// namesTests sees that the packages are there and that -run names tests of
// theirs.
func namesTests(args []string) error {
	pattern, base := "", root
	var files []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-run":
			i++
			pattern = args[i]
		case args[i] == "-C":
			i++
			base = filepath.Join(root, args[i])
		case strings.HasPrefix(args[i], "./"):
			found := testFiles(base, args[i])
			if len(found) == 0 {
				return fmt.Errorf("%s has no tests", args[i])
			}
			files = append(files, found...)
		}
	}
	for _, one := range strings.Split(pattern, "|") {
		test := regexp.MustCompile(`(?m)^func (?:Test|Fuzz)?` + strings.TrimPrefix(one, "^"))
		if one != "" && one != "^$" && !slices.ContainsFunc(files, func(f string) bool {
			data, err := os.ReadFile(f)
			return err == nil && test.Match(data)
		}) {
			return fmt.Errorf("there is no test %s", one)
		}
	}
	return nil
}

// testFiles are those of one package, or of all beneath.
func testFiles(base, pkg string) []string {
	dir, all := strings.CutSuffix(pkg, "...")
	var files []string
	_ = filepath.WalkDir(filepath.Join(base, dir), func(p string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // no such directory: no files
		case d.IsDir() && (d.Name() == "node_modules" || !all && p != filepath.Join(base, dir)):
			return filepath.SkipDir
		case strings.HasSuffix(p, "_test.go"):
			files = append(files, p)
		}
		return nil
	})
	return files
}

// runMake asks make what the target would do: the targets of the documents take
// minutes to hours, and one of them is running this test. What go they would
// run is looked at as if it were in the document.
func runMake(t *testing.T, line string) error {
	parts.Program(t, "make")
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"-n"}, words(line)[1:]...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	for l := range strings.Lines(string(out)) {
		w := words(unassigned(l))
		switch {
		case len(w) > 2 && w[0] == "go" && slices.Contains(w, "test"):
			err = namesTests(w[1:])
		case len(w) > 2 && w[0] == "go" && w[1] == "run":
			_, err = os.Stat(filepath.Join(root, w[2]))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(l), err)
		}
	}
	return nil
}

// runOllama holds the line to the program's own usage. The model has 18 GB and
// is not pulled; a real server is started by every test that needs one.
func runOllama(t *testing.T, line string) error {
	w := words(unassigned(line))
	if len(w) != map[string]int{"serve": 2, "pull": 3}[w[1]] {
		return errors.New("ollama serve, or ollama pull MODEL")
	}
	if table := read(t, "cmd/localmodel/settings/table.go"); w[1] == "pull" && !strings.Contains(table, `"`+w[2]+`"`) {
		return fmt.Errorf("%s is not the model that is used without a setting", w[2])
	}
	ollama, err := parts.Find(parts.Ollama)
	if err != nil {
		return nil //nolint:nilerr // held to the form alone
	}
	out, err := exec.CommandContext(t.Context(), ollama, w[1], "--help").CombinedOutput()
	if usage := map[string]string{"serve": "ollama serve", "pull": "ollama pull MODEL"}[w[1]]; err == nil && !strings.Contains(string(out), usage) {
		err = fmt.Errorf("this Ollama has no %s:\n%s", usage, out)
	}
	return err
}

// The example of README.md is what a user with nothing on the machine gets.
func TestExampleOfTheReadme(t *testing.T) {
	text := read(t, "README.md")
	m := regexp.MustCompile("(?s)```sh\n(localmodel call classify_ticket [^\n]+)\n```\n\n```json\n(.*?)```").FindStringSubmatch(text)
	if m == nil {
		t.Fatal("README.md has no command followed by its result")
	}
	out, err := newUser(t).shell(t, m[1])
	if err != nil {
		t.Fatal(err)
	}
	var want, got any
	if err := errors.Join(json.Unmarshal([]byte(m[2]), &want), json.Unmarshal([]byte(out), &got)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-README +got):\n%s", m[1], d)
	}
}

// What doctor says of a missing proxy can be done by whoever has no clone: the
// files it names are in the repository it names.
func TestFixForTheProxy(t *testing.T) {
	out, err := newUser(t).shell(t, "localmodel doctor --json || test $? = 1")
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Checks []struct {
			Name  string
			Fixes []string
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var fixes string
	for _, c := range report.Checks {
		if c.Name == "proxy" {
			fixes = strings.Join(c.Fixes, "\n")
		}
	}
	m := regexp.MustCompile(`^git clone --depth 1 https://(\S+)\ncd localmodel/(\S+)\n(?:python3 -m pip .* -r (\S+)\n)?litellm --config (\S+) `).FindStringSubmatch(fixes)
	if m == nil || m[1] != module {
		t.Fatalf("fixes are\n%s", fixes)
	}
	for _, file := range []string{m[3], m[4]} {
		if _, err := os.Stat(filepath.Join(root, m[2], file)); err != nil {
			t.Error(err)
		}
	}
}
