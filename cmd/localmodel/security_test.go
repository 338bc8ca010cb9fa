package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each promise of SECURITY.md names tests that hold it, and they are there.
func TestSecurityPromisesHaveTests(t *testing.T) {
	data, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(data), "| Promise | Held by |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	tests := testNames(t)
	rows := strings.Split(table, "\n")
	if len(rows) < 10 {
		t.Fatalf("%d promises found, want at least 10", len(rows))
	}
	for _, row := range rows {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		held := strings.Split(cells[len(cells)-1], ", ")
		if len(cells) != 2 || held[0] == "" {
			t.Errorf("no test holds %.60q", row)
			continue
		}
		for _, name := range held {
			if !tests[name] {
				t.Errorf("%s, which holds %.60q, is not there", name, cells[0])
			}
		}
	}
}

// testNames are the tests of the whole module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	names := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
