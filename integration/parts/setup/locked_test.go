package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// resolves says why a step could choose a version at install time; "" = it
// cannot. A program without a rule is refused: whoever adds one adds its rule.
func resolves(s step) string {
	has := func(want ...string) bool {
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(s.run, w) })
	}
	if len(s.run) < 2 {
		return fmt.Sprintf("no rule for %q", s.run)
	}
	switch program, first := filepath.Base(s.run[0]), s.run[1]; program {
	case "python", "python3":
		return pipResolves(s.run[1:], has)
	case filepath.Base(npm()):
		if first != "ci" || len(s.run) > 2 && !strings.HasPrefix(s.run[2], "-") {
			return "npm installs from its lock only as `npm ci`"
		}
	case "go":
		switch {
		case first == "install":
			pkg := s.run[len(s.run)-1]
			if !regexp.MustCompile(`@v\d+\.\d+\.\d+$`).MatchString(pkg) {
				return pkg + " names no version"
			}
		case !slices.Contains(s.env, "GOFLAGS=-mod=readonly"):
			return "go may edit go.mod without GOFLAGS=-mod=readonly"
		case !parts.Has(filepath.Join(s.dir, "go.sum")):
			return s.dir + " has no go.sum"
		case strings.Contains(strings.Join(s.run, " "), "@"):
			return "go gets a version beside go.mod"
		case first == "build" || first == "mod" && s.run[2] == "download":
		default:
			return "no rule for go " + first
		}
	case "cmake":
		// It builds what lies unpacked: its tools come from a lock, and nothing is fetched.
		if !has("--build") && !has("-DLLAMA_USE_PREBUILT_UI=OFF") {
			return "cmake may fetch the pages of llama.cpp's server"
		}
	default:
		return "no rule for " + program
	}
	return ""
}

func pipResolves(args []string, has func(...string) bool) string {
	switch {
	case len(args) > 1 && args[0] == "-m" && args[1] == "venv":
	case len(args) > 2 && args[1] == "pip" && args[2] == "check":
	case len(args) > 2 && args[1] == "pip" && (args[2] == "install" || args[2] == "download"):
		source := has("download", "--no-binary", ":all:", "--no-build-isolation")
		if !has("--no-deps", "--require-hashes") || !source && !has("--only-binary", ":all:") {
			return "pip resolves without --no-deps --require-hashes --only-binary :all:"
		}
		takesValue := []string{"--only-binary", "--no-binary", "-d", "-r", "--progress-bar"}
		for i := 3; i < len(args); i++ {
			if slices.Contains(takesValue, args[i]) {
				i++
			} else if !strings.HasPrefix(args[i], "-") {
				return "pip gets " + args[i] + " beside its lock"
			}
		}
	default:
		return fmt.Sprintf("no rule for python %q", args)
	}
	return ""
}

func TestRecipes_NothingResolves(t *testing.T) {
	root, err := parts.Root()
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, r := range recipes() {
		made[r.part] = true
		var installs, checks bool
		for _, s := range r.steps(place{root: root, dir: t.TempDir(), file: "file"}) {
			if len(s.run) == 0 {
				continue
			}
			if why := resolves(s); why != "" {
				t.Errorf("%s, %s: %s", r.part, s.name, why)
			}
			line := strings.Join(s.run, " ")
			installs = installs || strings.Contains(line, "pip install")
			checks = checks || strings.Contains(line, "pip check")
		}
		if installs && !checks {
			t.Errorf("%s: no `pip check` after --no-deps: a lock that is not complete would not be noticed", r.part)
		}
	}
	for _, p := range parts.All() {
		if p.Cached != nil && !made[p.Name] {
			t.Errorf("%s has no recipe", p.Name)
		}
	}
}

func TestResolves_Refused(t *testing.T) {
	for name, run := range map[string]string{
		"pip resolves dependencies": "python3 -m pip install --require-hashes --only-binary :all: -r lock",
		"pip without hashes":        "python3 -m pip install --no-deps --only-binary :all: -r lock",
		"pip builds from source":    "python3 -m pip install --no-deps --require-hashes -r lock",
		"pip gets tools to build":   "python3 -m pip download --no-deps --require-hashes --no-binary :all: -r lock",
		"pip gets a name":           "venv/bin/python -m pip install --no-deps --require-hashes --only-binary :all: -r lock litellm",
		"npm install":               npm() + " install",
		"npm ci of a name":          npm() + " ci x@latest",
		"go install latest":         "go install example.org/x@latest",
		"go install a branch":       "go install example.org/x@main",
		"go build of any module":    "go build example.org/x",
		"go get":                    "go get example.org/x@v1.0.0",
		"a program without a rule":  "curl https://example.org/x.tar.gz",
	} {
		if resolves(step{run: strings.Fields(run)}) == "" {
			t.Errorf("%s: %q is taken for locked", name, run)
		}
	}
}

func TestLocks_Complete(t *testing.T) {
	root, err := parts.Root()
	if err != nil {
		t.Fatal(err)
	}
	read := func(lock string) []byte {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(lock)))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	locked := regexp.MustCompile(`^[a-z0-9._-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}`)
	for _, lock := range []string{parts.LiteLLMLock, parts.SmolLock, parts.ClientLock(parts.PythonSDK)} {
		text := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(read(lock)), "")
		for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", ""), "\n") {
			if line != "" && !locked.MatchString(line) {
				t.Errorf("%s: no version or no hash: %.100s", lock, line)
			}
		}
	}
	locks := []string{parts.InspectorLock, parts.NodeMCPLock}
	for _, name := range parts.NPMClients {
		locks = append(locks, parts.ClientLock(name))
	}
	for _, lock := range locks {
		var l struct {
			Packages map[string]struct{ Version, Integrity string }
		}
		if err := json.Unmarshal(read(lock), &l); err != nil {
			t.Fatal(err)
		}
		for name, p := range l.Packages {
			if name != "" && (p.Version == "" || p.Integrity == "") {
				t.Errorf("%s: no version or no hash: %s", lock, name)
			}
		}
	}
}

// A later release of a dependency must not be looked at, nor stop the set-up.
func TestPip_FutureReleaseInTheIndex(t *testing.T) {
	if !pip() {
		parts.Absent(t, "pip", "this Python has none")
	}
	index := t.TempDir()
	top := wheel(t, index, "top", "1.0", "dep[extra]>=1.0")
	dep := wheel(t, index, "dep", "1.0", "")
	wheel(t, index, "dep", "9.0", "")
	lock := filepath.Join(t.TempDir(), "lock.txt")
	text := fmt.Sprintf("top==1.0 --hash=sha256:%s\ndep==1.0 --hash=sha256:%s\n", top, dep)
	if err := os.WriteFile(lock, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	install := func(args []string) (string, error) {
		target := t.TempDir()
		args = append(args, "--no-index", "--find-links", index, "--target", target)
		out, err := exec.Command(python(), args...).CombinedOutput()
		dirs, _ := filepath.Glob(filepath.Join(target, "dep-*.dist-info"))
		return fmt.Sprint(dirs) + string(out), err
	}
	steps := installVenv(parts.LiteLLMLock)(place{dir: "x", file: "litellm"})
	at := slices.IndexFunc(steps, func(s step) bool { return s.name == "pip install" })
	args := slices.Clone(steps[at].run[1:])
	args[slices.Index(args, "-r")+1] = lock
	if got, err := install(args); err != nil || !strings.Contains(got, "dep-1.0.dist-info") {
		t.Errorf("the lock does not decide: %v\n%s", err, got)
	}
	// The same with a resolver: what the flags are there for.
	args = slices.DeleteFunc(args, func(a string) bool { return a == "--no-deps" })
	if got, err := install(args); err == nil && strings.Contains(got, "dep-1.0.dist-info") {
		t.Log("this pip resolves to the lock by itself: the flags are not what decides")
	}
}

// wheel writes a Python package without content and returns its hash.
func wheel(t *testing.T, dir, name, version, requires string) (sha string) {
	t.Helper()
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	if requires != "" {
		metadata += "Requires-Dist: " + requires + "\n"
	}
	path := filepath.Join(dir, fmt.Sprintf("%s-%s-py3-none-any.whl", name, version))
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	for file, text := range map[string]string{
		"METADATA": metadata,
		"WHEEL":    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"RECORD":   "",
	} {
		w, err := z.Create(info + file)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
