package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// row is a client's line in the table.
type row struct {
	Client, Version string
	Protocol        string // MCP version that it speaks
	Tools, Called   int    // tools that it offers its model, and that answered
	Error           string // an error's text as its model sees it
	Canceled        string // a canceled call as its model sees it
	CanceledBy      string // what ends a call that is not answered
	Notified        bool   // the client sent notifications/cancelled
}

// table has a row for each client that is driven.
const table = "CLIENTS.md"

// version is the one that a client's lock names.
func version(t *testing.T, part string) string {
	t.Helper()
	lock := filepath.FromSlash(parts.ClientLock(part))
	file, form := "package.json", `"dependencies": \{\s*"[^"]+": "([^"]+)"`
	if part == parts.PythonSDK {
		file, form = "requirements.in", `==(\S+)`
	}
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.Dir(lock), file))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(form).FindSubmatch(text)
	if found == nil {
		t.Fatalf("%s names no version", file)
	}
	return string(found[1])
}

var (
	// What differs from run to run in a text: times, and a client's own traces.
	seconds = regexp.MustCompile(`\d+\.\d{4} seconds`)
	trace   = regexp.MustCompile(`(?s)Stack backtrace:.*`)
)

// cell is a text in the table.
func cell(text string) string {
	text = trace.ReplaceAllString(seconds.ReplaceAllString(text, "N seconds"), "(its own stack)")
	text = strings.Join(strings.Fields(text), " ")
	return "`" + strings.NewReplacer("|", `\|`, "`", "'").Replace(text) + "`"
}

func (r *row) String() string {
	cancel := r.CanceledBy + ", without `notifications/cancelled`"
	if r.Notified {
		cancel = r.CanceledBy + ", with `notifications/cancelled`"
	}
	canceled := "nothing"
	if r.Canceled != "" {
		canceled = cell(r.Canceled)
	}
	return fmt.Sprintf("| %s | %s | %s | %d of %d | %d of %d | %s | %s | %s |", r.Client, r.Version, r.Protocol,
		r.Tools, len(steps), r.Called, len(steps), cancel, canceled, cell(r.Error))
}

// hold compares the client's row with the table's, or writes it there.
func (r *row) hold(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "| "+r.Client+" |") })
	if at < 0 {
		t.Fatalf("%s has no row in %s", r.Client, table)
	}
	if lines[at] == r.String() {
		return
	}
	if !*update {
		t.Errorf("%s: the table has\n%s\nwant\n%s", table, lines[at], r)
		return
	}
	lines[at] = r.String()
	if err := os.WriteFile(table, []byte(strings.Join(lines, "\n")), 0o644); err != nil { //nolint:gosec // a page
		t.Fatal(err)
	}
}
