package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

const module = "github.com/fjbelchi/localmodel/"

// arrows says which packages of ours a directory may import, beside those
// beneath it; a directory that is not listed follows its nearest listed parent.
// integration tests may import anything, and every room what lies in internal.
var arrows = map[string][]string{
	"cmd":   {"tools", "tools/background", "tools/decide", "tools/deps", "tools/draft", "tools/draft/parse", "tools/draft/trial", "tools/plan", "tools/references", "tools/stdio", "tools/ticket", "routing", "routing/policy", "routing/place", "routing/prices", "statestore", "statestore/calls", "statestore/guard", "statestore/journal", "statestore/money", "statestore/project", "statestore/projection", "prompts"},
	"tools": {"routing", "routing/policy", "routing/policy/category", "statestore", "statestore/calls", "statestore/guard", "statestore/journal", "statestore/projection", "prompts", "prompts/paths"},
	"tools/plan": {"tools/background", "tools/contract", "tools/decide", "tools/deps", "tools/draft", "tools/draft/trial", "tools/project", "tools/ticket",
		"routing", "routing/policy", "statestore", "statestore/drafts", "statestore/guard", "statestore/journal", "prompts", "prompts/paths"},
	"tools/decide":                    {"tools/contract", "tools/deps", "tools/ticket", "routing", "routing/policy", "routing/prices", "statestore", "statestore/decisions", "statestore/guard", "statestore/journal", "prompts"},
	"tools/deps":                      {"tools/background", "tools/draft", "tools/project", "routing", "routing/policy", "statestore", "statestore/decisions", "statestore/drafts", "statestore/guard", "statestore/projection"},
	"tools/contract":                  {},
	"tools/project":                   {"prompts/paths", "routing/policy", "tools/contract", "tools/ticket"},
	"tools/references":                {"prompts/paths", "statestore/decisions", "tools/contract", "tools/project", "tools/ticket"},
	"tools/stdio":                     {},
	"tools/background":                {},
	"tools/draft":                     {"prompts"},
	"tools/ticket":                    {},
	"routing":                         {},
	"statestore":                      {"routing/policy"},
	"statestore/project":              {},
	"statestore/later":                {},
	"statestore/calls":                {"routing/policy", "statestore/journal", "statestore/later", "statestore/sqldb"},
	"statestore/decisions":            {"statestore/journal", "statestore/sqldb"},
	"statestore/drafts":               {"routing/policy", "statestore/calls", "statestore/guard", "statestore/journal", "statestore/sqldb"},
	"statestore/guard":                {"statestore/journal", "statestore/sqldb"},
	"statestore/journal":              {"routing/policy", "statestore/later", "statestore/outbox", "statestore/projection", "statestore/sqldb"},
	"statestore/money":                {"statestore/journal", "statestore/sqldb"},
	"statestore/outbox":               {"statestore/later", "statestore/sqldb"},
	"statestore/projection":           {"routing/policy", "statestore/later"},
	"statestore/sqldb":                {},
	"prompts":                         {},
	"internal/jsondepth":              {},
	"internal/lazy":                   {},
	"internal/plain":                  {"internal/lazy"},
	"internal/rootfs":                 {"internal/jsondepth", "internal/lazy", "internal/winpath"},
	"internal/advice":                 {"internal/lazy"},
	"internal/winpath":                {},
	"internal/programs":               {},
	"internal/secrets":                {"internal/lazy", "internal/plain"},
	"internal/userdirs":               {},
	"integration/testkit/fakeserver":  {"routing", "routing/policy"},
	"integration/testkit/tiers":       {"integration/testkit/fakeserver", "routing", "routing/policy"},
	"integration":                     {},
	"integration/release":             {"cmd/localmodel/settings", "integration/testkit/mcpchild"}, // whose defaults its entries have
	"integration/train":               {"routing/policy/category"},
	"integration/testkit/journaltest": {"integration/parts", "integration/testkit/pgtest", "statestore/journal"},
	"integration/testkit/obedient":    {"routing/policy"},
	"integration/parts":               {"cmd/localmodel/term"}, // progress on a terminal
	"integration/bench": {"integration/testkit/binary", "integration/bench/fleetsim", "integration/testkit/mcpchild", "integration/testkit/ollamatest", "integration/parts", "integration/testkit/process",
		"tools/ticket"}, // whose parser is measured by itself
}

// mayBackends are the rooms that put backends together.
var mayBackends = []string{"cmd", "integration/testkit/tiers"}

// backends are the packages beneath routing that answer questions: a new one
// needs no line here.
func backends(t *testing.T, files []sourceFile) []string {
	t.Helper()
	const method = ") Ask(ctx context.Context, q routing.Question) (routing.Reply, *routing.Error)"
	var found []string
	for _, f := range files {
		dir := dirOf(f.path)
		if !within(dir, "routing") || strings.HasSuffix(f.path, "_test.go") || slices.Contains(found, dir) {
			continue
		}
		data, err := os.ReadFile(filepath.Join("../..", f.path))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), method) {
			found = append(found, dir)
		}
	}
	return found
}

// fences says where a library may be imported: a directory (and those beneath
// it) or one file.
var fences = map[string][]string{
	"github.com/mark3labs/mcp-go":      {"tools", "cmd"},
	"github.com/ollama/ollama/api":     {"routing/ollama"},
	"database/sql":                     {"statestore"},
	"modernc.org/sqlite":               {"statestore"},
	"github.com/jackc/pgx":             {"statestore"},
	"go.yaml.in/yaml":                  {"tools/ticket", "tools/draft"},
	"github.com/evanw/esbuild":         {"tools/draft"},
	"mvdan.cc/sh":                      {"tools/draft"},
	"github.com/aymanbagabas/go-udiff": {"tools/draft"},
	"github.com/tidwall/sjson":         {"statestore"},
	"net/http":                         {"routing"},
	"github.com/spf13/cobra":           {"cmd"},
	"github.com/tailscale/hujson":      {"cmd/localmodel/clients"},
	"github.com/pelletier/go-toml":     {"cmd/localmodel/clients", "cmd/localmodel/settings", "tools/draft", "internal/secrets"},
}

type sourceFile struct {
	path    string // slash-separated, from the module's root
	imports []string
}

// sources lists the module's Go files, without those of nested modules.
func sources(t *testing.T, root string) []sourceFile {
	t.Helper()
	var out []sourceFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"node_modules", "testdata", "vendor"}, d.Name())) {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := sourceFile{path: filepath.ToSlash(rel)}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, name)
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("only %d Go files found: the test does not look at the module", len(out))
	}
	return out
}

func dirOf(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

// within reports whether a file lies in a place: that file, or that directory or
// beneath it.
func within(file, place string) bool {
	return file == place || strings.HasPrefix(file, place+"/")
}

func ruleOf(dir string) (rule string, may []string) {
	for d := dir; d != ""; d = dirOf(d) {
		if may, ok := arrows[d]; ok {
			return d, may
		}
	}
	return "", nil
}

func TestImportsPointOneWay(t *testing.T) {
	files := sources(t, "../..")
	asked := backends(t, files)
	for _, f := range files {
		isTest := strings.HasSuffix(f.path, "_test.go")
		rule, may := ruleOf(dirOf(f.path))
		if slices.Contains(mayBackends, rule) {
			may = append(slices.Clone(may), asked...)
		}
		if rule == "" {
			t.Errorf("%s lies in no room of the house", f.path)
			continue
		}
		for _, name := range f.imports {
			ours, found := strings.CutPrefix(name, module)
			// Tests may use the test support, and the packages they prove.
			if !found || isTest && (within(f.path, "integration") || within(f.path, "cmd") || within(ours, "integration")) {
				continue
			}
			if within(ours, rule) || slices.Contains(may, ours) {
				continue
			}
			if within(ours, "internal") && !within(f.path, "internal") {
				continue
			}
			if isTest && within(ours, dirOf(f.path)) {
				continue
			}
			t.Errorf("%s imports %s; %s may import %v", f.path, ours, rule, may)
		}
	}
}

func TestLibrariesStayBehindTheirFences(t *testing.T) {
	used := map[string]bool{}
	for _, f := range sources(t, "../..") {
		if strings.HasSuffix(f.path, "_test.go") || within(f.path, "integration") {
			continue
		}
		for _, name := range f.imports {
			for library, places := range fences {
				if name != library && !strings.HasPrefix(name, library+"/") {
					continue
				}
				used[library] = true
				if !slices.ContainsFunc(places, func(p string) bool { return within(f.path, p) }) {
					t.Errorf("%s imports %s, which belongs in %v", f.path, name, places)
				}
			}
		}
	}
	for library := range fences {
		if !used[library] {
			t.Errorf("no file imports %s: the fence guards nothing", library)
		}
	}
}

// readers are the files that may read the environment, and what for.
var readers = map[string]string{
	"cmd/localmodel/app/config.go":  "settings",
	"internal/programs/programs.go": "PATH, as exec.LookPath does, and the project that a program may not be of",
}

func TestOnlyConfigReadsTheEnvironment(t *testing.T) {
	reads := regexp.MustCompile(`\bos\.(Getenv|LookupEnv|Environ|ExpandEnv)\b`)
	for _, f := range sources(t, "../..") {
		if strings.HasSuffix(f.path, "_test.go") || within(f.path, "integration") || readers[f.path] != "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join("../..", f.path))
		if err != nil {
			t.Fatal(err)
		}
		// main hands the look-up over without calling it.
		text := strings.ReplaceAll(string(data), "os.LookupEnv, os.Stdin", "")
		if found := reads.FindString(text); found != "" {
			t.Errorf("%s calls %s: settings are read in cmd/localmodel/app/config.go alone", f.path, found)
		}
	}
}

func TestModuleCanBeInstalled(t *testing.T) {
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if bad := regexp.MustCompile(`(?m)^(replace|exclude)\b`).FindString(string(data)); bad != "" {
		t.Errorf("go.mod has a %s directive: `go install` of a version refuses it", bad)
	}
}

// inBackticks finds what a document names as code.
var inBackticks = regexp.MustCompile("`([^`\n]+)`")

func TestPathsInDocumentsExist(t *testing.T) {
	rooms := regexp.MustCompile(`^(cmd|internal|tools|routing|statestore|prompts|integration|\.ci|\.github|\.claude-plugin)(/[\w.\-/]*)?$`)
	for _, doc := range []string{"README.md", "AGENTS.md", "CONTRIBUTING.md", "docs/architecture.md"} {
		data, err := os.ReadFile(filepath.Join("../..", doc))
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, m := range inBackticks.FindAllStringSubmatch(string(data), -1) {
			if !rooms.MatchString(m[1]) || m[1] == "tools/list" || m[1] == "tools/call" { // methods of MCP
				continue
			}
			checked++
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("%s names `%s`, which is not there", doc, m[1])
			}
		}
		if checked == 0 {
			t.Errorf("%s names no path: the test looks at nothing", doc)
		}
	}
}

// Each direct dependency is named with its reason.
func TestDependenciesHaveReasons(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	agents, err := os.ReadFile("../../AGENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1)
	if len(direct) < 5 {
		t.Fatalf("only %d direct dependencies found", len(direct))
	}
	for _, m := range direct {
		if !strings.Contains(string(agents), m[1]) {
			t.Errorf("AGENTS.md gives no reason for %s", m[1])
		}
	}
}

// openers are the places that may open paths, beside internal/rootfs: none of
// them opens one that came from outside.
var openers = map[string]string{
	"cmd/localmodel/clients/file.go": "makes the directory of a client's file that the user named",
	"cmd/localmodel/demo/demo.go":    "a temporary directory of its own",
	"cmd/localmodel/evaluate/drafts": "removes a directory of its own in the user's state directory",
	"cmd/localmodel/app/look.go":     "a temporary directory of its own",
	"cmd/localmodel/machine":         "files of the system",
	"statestore/journal/sequence.go": "the last number acknowledged, beside the journal",
	"statestore/sqldb":               "the journal, in the user's state directory",
	"tools/draft":                    "scratch copies in the user's state directory",
}

// A path that came from outside may be a link, a pipe or a device, or become one
// in between: internal/rootfs opens it, and nobody else.
func TestOnlyRootfsOpensPaths(t *testing.T) {
	opens := regexp.MustCompile(`\b(os\.(Open\w*|ReadFile|WriteFile|Create\w*|Mkdir\w*|Rename|Remove\w*|ReadDir|DirFS|Symlink|Link|Chmod|Truncate)` +
		`|filepath\.(Walk\w*|Glob)|flock\.New|ioutil\.\w+)\(`)
	used := map[string]bool{}
	for _, f := range sources(t, "../..") {
		if strings.HasSuffix(f.path, "_test.go") || within(f.path, "integration") || within(f.path, "internal/rootfs") {
			continue
		}
		data, err := os.ReadFile(filepath.Join("../..", f.path))
		if err != nil {
			t.Fatal(err)
		}
		found := opens.FindString(string(data))
		if found == "" {
			continue
		}
		may := false
		for place := range openers {
			if within(f.path, place) {
				may, used[place] = true, true
			}
		}
		if !may {
			t.Errorf("%s calls %s): files are opened by internal/rootfs", f.path, found)
		}
	}
	for place := range openers {
		if !used[place] {
			t.Errorf("%s opens nothing: take it off the list", place)
		}
	}
}

// A program that was built in its own directory is easily committed with it, and
// stays in every clone.
func TestLayout_NoLargeFileIsCommitted(t *testing.T) {
	const most = 1 << 20 // bytes; the largest lock has a quarter of it
	list := exec.CommandContext(t.Context(), parts.Program(t, "git"), "ls-files", "-z")
	list.Dir = filepath.Join("..", "..")
	names, err := list.Output()
	if err != nil {
		parts.Absent(t, "git", "this is no checkout: "+err.Error())
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(list.Dir, name)); err == nil && info.Size() > most {
			t.Errorf("%s has %d bytes, want at most %d", name, info.Size(), most)
		}
	}
}
