package statestore

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// wide are the statements that may read or sort more than one ticket's rows,
// by their beginning, and why.
var wide = map[string]string{
	"SELECT id FROM (SELECT id, at FROM outcomes": "reads as many rows as its LIMIT says, in the table's order",
	"SELECT COALESCE(SUM(usd), 0) FROM spend":     "a row for each user and day; for reports",
	"SELECT name, seq FROM projects":              "a row for each project; after an unclean end",
	"SELECT hour, kind, n, tokens_in":             "for reports",
}

// Every statement that knows a table of the journal finds its rows by an index,
// those of a ticket by the ticket, so that a reply takes as long with 100,000
// tickets as with ten.
func TestStatements_UseAnIndex(t *testing.T) {
	ctx := context.Background()
	s := newStore(t, journal.Options{Root: t.TempDir()})
	for _, stmt := range statements(t) {
		steps := explain(ctx, t, s, stmt)
		ofOneTicket := slices.ContainsFunc(steps, func(step string) bool { return strings.Contains(step, "ticket=?") })
		if aboutOneTicket.MatchString(stmt) && !ofOneTicket {
			t.Errorf("%s\n\t%s", steps, stmt)
		}
		for _, step := range steps {
			scans := strings.HasPrefix(step, "SCAN ") && step != "SCAN CONSTANT ROW" &&
				!slices.Contains(steps, "CO-ROUTINE "+strings.TrimPrefix(step, "SCAN ")) // a query of its own, with steps of its own
			sorts := strings.Contains(step, "TEMP B-TREE") && !ofOneTicket
			if (scans || sorts) && !isWide(stmt) {
				t.Errorf("%s\n\t%s", step, stmt)
			}
		}
	}
}

var aboutOneTicket = regexp.MustCompile(`^(SELECT|UPDATE|DELETE)[^;]*WHERE[^;]*\bticket = \?`)

func isWide(stmt string) bool {
	for beginning := range wide {
		if strings.HasPrefix(stmt, beginning) {
			return true
		}
	}
	return false
}

func explain(ctx context.Context, t *testing.T, s *Store, stmt string) (steps []string) {
	t.Helper()
	err := s.Read(ctx, func(q sqldb.Q, _ int64) error {
		rows, err := q.Rows(ctx, "EXPLAIN QUERY PLAN "+strings.ReplaceAll(stmt, "?", "1"))
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // only read
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				return err
			}
			steps = append(steps, step)
		}
		return rows.Err()
	})
	if err != nil {
		t.Errorf("%v\n\t%s", err, stmt)
	}
	return steps
}

// statements are the package's string literals that are whole statements.
func statements(t *testing.T) (found []string) {
	t.Helper()
	var files []string
	for _, dir := range []string{".", "calls", "decisions", "drafts", "guard", "journal", "money", "outbox"} {
		more, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(more) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(more), err)
		}
		files = append(files, more...)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if _, ok := n.(*ast.BinaryExpr); ok { // one that is put together
				return false
			}
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, _ := strconv.Unquote(lit.Value)
				for _, verb := range []string{"SELECT ", "UPDATE ", "DELETE "} {
					if strings.HasPrefix(text, verb) {
						found = append(found, text)
					}
				}
			}
			return true
		})
	}
	return found
}
