// Package documents runs the commands that the documents tell people to type.
package documents

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "claude") {
		os.Exit(standIn(os.Args[1:]))
	}
	os.Exit(ollamatest.Main(m))
}

const root = "../../.."

var documents = []string{
	"README.md", "AGENTS.md", "SECURITY.md", "integration/README.md", "integration/clients/README.md",
	"integration/claude-plugin/README.md", "integration/claude-plugin/MIGRATION.md", "integration/e2e/smol/README.md", "CONTRIBUTING.md",
	"docs/architecture.md", "docs/comparison.md", "docs/costs.md", "docs/gates.md", "docs/models.md", "docs/privacy.md",
	"docs/proxies.md", "docs/releasing.md", "docs/settings.md", "docs/team.md", "docs/tickets.md",
	"docs/troubleshooting.md", "docs/versions.md", "docs/windows.md",
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
	inline  = regexp.MustCompile("`([^`\n]+)`")
	comment = regexp.MustCompile(`\s+#.*$`)
	// like is code in running text that looks like a command: a program, or a
	// command of Claude Code, and a word after it.
	like = regexp.MustCompile(`^(?:[A-Z][A-Z0-9_]*=\S* )*(?:[a-z][a-z0-9._/-]*|/[a-z]+) \S|^/localmodel:`)
)

// said is code in running text that only looks like a command: words of the
// program.
var said = []string{"local loading", "local unsure", "local too big", "guard open"}

const published = "needs a published package; the release's tests install the built one"

// elsewhere are the commands that are not run here, each with its reason.
var elsewhere = map[string]string{
	"gh attestation verify FILE --repo fjbelchi/localmodel":              "needs a published release; the release workflow attests what it built",
	"claude mcp reset-project-choices":                                   "takes back what was answered in a dialog, which the stand-in has not",
	"npx -y @fjbelchi/localmodel setup":                                  published,
	"uvx localmodel setup":                                               published,
	"brew install fjbelchi/tap/localmodel":                               published,
	"scoop bucket add fjbelchi https://github.com/fjbelchi/scoop-bucket": published,
	"scoop install localmodel":                                           published,
	"cosign verify-blob --bundle checksums.txt.sigstore --certificate-oidc-issuer https://token.actions.githubusercontent.com --certificate-identity-regexp '^https://github.com/fjbelchi/localmodel/' checksums.txt": published,
	"sha256sum --check --ignore-missing checksums.txt":                                     published,
	"gh attestation verify localmodel_1.2.3_linux_amd64.tar.gz --repo fjbelchi/localmodel": published,
	"mcpb validate": "a program of its own; the release's verify holds each bundle to the same schema",
	`echo "…" | scripts/ops/llm_call.sh --model cheap --system S`:                                "a line that is replaced",
	`scripts/ops/llm_call.sh --model free --user "Reply OK"`:                                     "a line that is replaced",
	`scripts/ops/llm_call.sh --model free --system "Write implementation plan" --file ticket.md`: "a line that is replaced",
	"scripts/implementer/classify.py ticket.md":                                                  "a line that is replaced",
	"scripts/implementer/plan_generator.py ticket.md":                                            "a line that is replaced",
}

// placeholders are the words that a person replaces, and what replaces them
// here. Any other word of capitals, or with an ellipsis, is an error.
var placeholders = map[string]string{
	"CLIENT": "cursor",
	"DIR":    "backlog",
	"PLACE":  "backlog",
	"S":      "You are terse",
	"…":      "Add a login button",
	"a,b":    ollamatest.Steered + "," + ollamatest.Unsure,
}

// commands are the lines of shell blocks, and code in running text that looks
// like a command.
func commands(text string) []string {
	var out []string
	add := func(line string) {
		line = comment.ReplaceAllString(strings.TrimSpace(line), "")
		if line != "" && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	block, inBlock := "", false
	for line := range strings.Lines(text) {
		language, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence:
			block, inBlock = language, !inBlock
		case inBlock && (block == "sh" || block == ""):
			add(line)
		case !inBlock:
			for _, m := range inline.FindAllStringSubmatch(line, -1) {
				if code := strings.ReplaceAll(m[1], `\|`, "|"); like.MatchString(code) { // \| as in a table
					add(code)
				}
			}
		}
	}
	return out
}

var word = regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`)

// words splits a command line at spaces outside quotes.
func words(line string) []string {
	var out []string
	for _, m := range word.FindAllStringSubmatch(line, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}

// replace puts something in the place of each placeholder and counts it.
func replace(line string, used map[string]int) (string, error) {
	var err error
	line = word.ReplaceAllStringFunc(line, func(w string) string {
		plain := strings.Trim(w, `'"`)
		value, ok := placeholders[plain]
		switch {
		case ok:
			used[plain]++
			return "'" + value + "'"
		case regexp.MustCompile(`^[A-Z]+$|…`).MatchString(plain):
			err = fmt.Errorf("%q is a placeholder that nothing is known for: add it to the table", plain)
		}
		return w
	})
	return line, err
}

// unassigned is the line without the variables set before its program.
func unassigned(line string) string {
	return regexp.MustCompile(`^(?:[A-Z][A-Z0-9_]*=\S* )+`).ReplaceAllString(line, "")
}

// run runs a command of a document, or its replacement.
func run(t *testing.T, line string, used map[string]int) error {
	if elsewhere[line] != "" || slices.Contains(said, line) {
		used[line]++
		return nil
	}
	whole, err := replace(line, used)
	if err != nil {
		return err
	}
	if used[whole]++; used[whole] > 1 {
		return nil // it has run, under another placeholder
	}
	program, _, _ := strings.Cut(words(unassigned(whole))[0], ":")
	kind, ok := kinds()[program]
	if !ok {
		return fmt.Errorf("nobody knows how to run %s: add a kind", program)
	}
	return kind(t, whole)
}

func TestCommandsOfTheDocuments(t *testing.T) {
	used, ran := map[string]int{}, 0
	where := map[string]string{} // the first document that has the command
	for _, doc := range documents {
		for _, line := range commands(read(t, doc)) {
			if where[line] == "" {
				where[line] = doc
			}
		}
	}
	for _, line := range slices.Sorted(maps.Keys(where)) {
		t.Run(line, func(t *testing.T) {
			ran++
			if err := run(t, line, used); err != nil {
				t.Errorf("%s: %s: %v", where[line], line, err)
			}
		})
	}
	if len(where) < 50 {
		t.Errorf("the documents hold %d different commands: the test looks at little", len(where))
	}
	if ran < len(where) {
		return // -run has chosen some
	}
	rows := slices.Clone(said)
	for line := range elsewhere {
		rows = append(rows, line)
	}
	for p := range placeholders {
		rows = append(rows, p)
	}
	for _, row := range rows {
		if used[row] == 0 {
			t.Errorf("no document has %q any more: take it out of its table", row)
		}
	}
}

// A command that cannot work, or that nobody knows how to run, is an error.
func TestWrongCommandsAreSeen(t *testing.T) {
	doc := "```sh\ncurl https://example.com | sh\nlocalmodel install CLIENTS\n```\n```json\n{}\n```\n" +
		"Then `make nothing`, `uvx localmodel`, `localmodel docter`, `localmodel stats --sinc 3d`, " +
		"`localmodel call classify_tickets '{}'`, `go test ./routing -run TestNothingAtAll`, `go test ./nowhere`, " +
		"`go install github.com/fjbelchi/localmodel/cmd/localmodl@latest`, `go run ./cmd/nothing`, `claude mcp add localmodel localmodel`, " +
		"`claude mcp add localmodel -- localmodel serv`, `/plugin install local@localmodel`, `/localmodel:stat`, " +
		"`/plugin marketplace add fjbelchi/local`, `ollama pull`, `export LOCALMODEL_MODELL=x`, `export LOCALMODEL_SLOTS=many`, `by: rules`."
	lines := commands(doc)
	if len(lines) != 19 {
		t.Errorf("%d commands are found: %q", len(lines), lines)
	}
	for _, line := range lines {
		if err := run(t, line, map[string]int{}); err == nil {
			t.Errorf("%q is taken for good", line)
		} else {
			t.Logf("%s: %.200s", line, err)
		}
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
