// Package documents runs the commands that the documents tell people to type.
package documents

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/binary"
)

func TestMain(m *testing.M) {
	code := m.Run()
	binary.Remove()
	os.Exit(code)
}

const root = "../.."

var documents = []string{
	"README.md", "SECURITY.md", "integration/README.md", "integration/clients/README.md",
	"integration/claude-plugin/README.md", "integration/claude-plugin/MIGRATION.md",
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	fence    = regexp.MustCompile("(?ms)^[ \t]*```(?:sh)?\n(.*?)^[ \t]*```")
	inline   = regexp.MustCompile("`([^`\n]+)`")
	comment  = regexp.MustCompile(`\s+#.*$`)
	prefixes = []string{"localmodel ", "go test ", "make "}
)

// commands are the lines of shell blocks, and code in running text that begins
// like one.
func commands(text string) []string {
	var out []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		out = append(out, strings.Split(m[1], "\n")...)
	}
	for _, m := range inline.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		out = append(out, strings.ReplaceAll(m[1], `\|`, "|")) // as in a table
	}
	var kept []string
	for _, line := range out {
		line = comment.ReplaceAllString(strings.TrimSpace(line), "")
		if i := strings.LastIndex(line, "| localmodel "); i >= 0 {
			line = line[i+2:]
		}
		line, _, _ = strings.Cut(line, " | ") // what reads it is another program
		starts := func(p string) bool { return strings.HasPrefix(line, p) }
		if slices.ContainsFunc(prefixes, starts) && !slices.Contains(kept, line) {
			kept = append(kept, line)
		}
	}
	return kept
}

// words splits a command line at spaces outside quotes.
func words(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}

// placeholder is a word that a person replaces.
var placeholder = regexp.MustCompile(`^[A-Z]+$|…`)

func TestCommandsOfTheDocuments(t *testing.T) {
	makefile, ran := read(t, "Makefile"), map[string]int{}
	for _, doc := range documents {
		for _, line := range commands(read(t, doc)) {
			w := words(line)
			if slices.ContainsFunc(w, placeholder.MatchString) {
				continue
			}
			ran[w[0]]++
			switch w[0] {
			case "make":
				if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(w[1]) + `:`).MatchString(makefile) {
					t.Errorf("%s: %s: there is no such target", doc, line)
				}
			case "go":
				checkGoTest(t, doc, line, w[2:])
			default:
				t.Run(line, func(t *testing.T) { runLocalmodel(t, doc, line, w[1:]) })
			}
		}
	}
	if ran["make"] < 2 || ran["go"] < 15 || ran["localmodel"] < 8 {
		t.Errorf("the documents hold %v: the test looks at little", ran)
	}
}

// checkGoTest sees that the packages are there and that -run names tests of
// theirs; they run with all the others.
func checkGoTest(t *testing.T, doc, line string, args []string) {
	t.Helper()
	pattern := ""
	var files []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-run":
			i++
			pattern = args[i]
		case strings.HasPrefix(args[i], "./"):
			dir, rest, _ := strings.Cut(args[i], "/...")
			found, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
			if err != nil || len(found) == 0 && (rest != "" || !strings.HasSuffix(args[i], "...")) {
				t.Errorf("%s: %s: %s has no tests", doc, line, args[i])
			}
			files = append(files, found...)
		}
	}
	for _, one := range strings.Split(pattern, "|") {
		test := regexp.MustCompile(`(?m)^func ` + one)
		if pattern != "" && !slices.ContainsFunc(files, func(f string) bool {
			data, err := os.ReadFile(f)
			return err == nil && test.Match(data)
		}) {
			t.Errorf("%s: %s: there is no test %s", doc, line, one)
		}
	}
}

// runLocalmodel runs the command as a new user in a project that has the
// tickets it names, with neither Ollama nor a proxy. Exit 1 is an answer (it
// works with less); 2 is a command line that is wrong.
func runLocalmodel(t *testing.T, doc, line string, args []string) {
	project := t.TempDir()
	for _, m := range regexp.MustCompile(`[\w./-]+\.md`).FindAllString(line, -1) {
		path := filepath.Join(project, filepath.FromSlash(m))
		text := "---\nid: BUG-14\ntitle: Mend it\ncomplexity: simple\n---\n# BUG-14: Mend it\n"
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), binary.Path(t), args...)
	cmd.Dir = project
	cmd.Env = binary.Env(t, "OLLAMA_HOST=127.0.0.1:9", "LITELLM_BASE_URL=http://127.0.0.1:9")
	cmd.Stdin = strings.NewReader("Add a login button\n")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return
	}
	if err != nil || len(out) == 0 && args[0] != "serve" && args[0] != "export" {
		t.Errorf("%s: %v\n%s", doc, err, out)
	}
}

// Files that the documents name are there.
func TestPathsOfTheDocuments(t *testing.T) {
	path := regexp.MustCompile(`^(cmd|tools|routing|statestore|prompts|integration|\.github/workflows|\.claude-plugin)(/[\w.\-]+)+$`)
	link := regexp.MustCompile(`\]\(([\w./-]+)\)`)
	checked := 0
	for _, doc := range documents {
		text := read(t, doc)
		var paths []string
		for _, m := range inline.FindAllStringSubmatch(text, -1) {
			if path.MatchString(m[1]) && !strings.HasPrefix(m[1], "tools/list") && !strings.HasPrefix(m[1], "tools/call") { // methods, not files
				paths = append(paths, m[1])
			}
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			paths = append(paths, filepath.Join(filepath.Dir(doc), m[1]))
		}
		for _, p := range paths {
			checked++
			if _, err := os.Stat(filepath.Join(root, p)); err != nil {
				t.Errorf("%s names %s, which is not there", doc, p)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d paths found: the test looks at nothing", checked)
	}
}
