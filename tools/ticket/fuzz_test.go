package ticket_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.md")
	if err != nil || len(files) == 0 {
		f.Fatal("no tickets in testdata", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{"---", "---\n---", "---\na: *a\n---\n", "---\n<<: [\n", "\xff\xfe", "a\x00", "\r\r\n", "```", "<!--", "a <!--\n-->",
		inFiles + "| `a`, `b.c` | \\| |", inCriteria + "- [x] **AC-1:** a\n  b", inDepends + "| [A-1](b) |"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ticket.Parse(data)
		lf := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
		if len(lf)+strings.Count(lf, "\n") <= ticket.MaxBytes && len(data) <= ticket.MaxBytes {
			sameForAllLineEnds(t, lf, got, err)
		}
		if err != nil {
			var e *ticket.Error
			if !errors.As(err, &e) || e.Cause == "" || e.Next == "" || len(err.Error()) >= 500 {
				t.Fatalf("error %T of %d bytes: %v", err, len(err.Error()), err)
			}
			if e.Line < 0 || e.Line > 1+strings.Count(lf, "\n") {
				t.Fatalf("line %d of %d: %v", e.Line, 1+strings.Count(lf, "\n"), err)
			}
			return
		}
		holds(t, got)
	})
}

func sameForAllLineEnds(t *testing.T, lf string, got ticket.Ticket, err error) {
	t.Helper()
	for _, text := range []string{lf, strings.ReplaceAll(lf, "\n", "\r\n")} {
		other, otherErr := ticket.Parse([]byte(text))
		if diff := cmp.Diff(got, other, cmpopts.IgnoreFields(ticket.Ticket{}, "Hash")); diff != "" {
			t.Fatal("line ends change the ticket", diff)
		}
		if (err == nil) != (otherErr == nil) || err != nil && err.Error() != otherErr.Error() {
			t.Fatalf("line ends change the error: %v, %v", err, otherErr)
		}
	}
}

// holds checks what is true of every ticket.
func holds(t *testing.T, got ticket.Ticket) {
	t.Helper()
	distinct := func(what string, list []string) {
		seen := map[string]bool{}
		for _, s := range list {
			if s == "" || s != strings.TrimSpace(s) || seen[s] {
				t.Fatalf("%s: %q is empty, untrimmed or there twice", what, s)
			}
			seen[s] = true
		}
		if len(list) > 1000 {
			t.Fatalf("%d %s", len(list), what)
		}
	}
	var paths, ids []string
	for _, f := range got.Files {
		if paths = append(paths, f.Path); strings.Contains(f.Path, `\`) || strings.HasPrefix(f.Path, "./") {
			t.Fatalf("path %q is not clean", f.Path)
		}
		switch f.Action {
		case "", "create", "modify", "delete":
		default:
			t.Fatalf("action %q", f.Action)
		}
	}
	for _, c := range got.Criteria {
		if ids = append(ids, c.ID); c.Text == "" {
			t.Fatalf("%s has no text", c.ID)
		}
	}
	distinct("paths", paths)
	distinct("criteria", ids)
	distinct("dependencies", got.DependsOn)
	distinct("labels", got.Labels)
	if len(got.Hash) != 64 || strings.Contains(got.Body, "\r") || len(got.Warnings) > 26 {
		t.Fatalf("hash %q, %d warnings", got.Hash, len(got.Warnings))
	}
}
