package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The program learns a word that only one label uses, in a repository that it
// has not seen, and writes it down.
func TestRun_LearnsWords(t *testing.T) {
	var data strings.Builder
	data.WriteString("label\trepository\tsubject\n")
	for _, repository := range []string{"a/a", "b/b", "c/c"} {
		for range 20 {
			data.WriteString("BUG\t" + repository + "\tzonk in cart\n")
			data.WriteString("FEAT\t" + repository + "\tblorp in cart\n")
			data.WriteString("TASK\t" + repository + "\tgrault in cart\n")
		}
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.tsv"), filepath.Join(dir, "out.tsv")
	if err := os.WriteFile(in, []byte(data.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	if err := run(in, out, 400, &report); err != nil {
		t.Fatal(err)
	}
	var total string
	for line := range strings.Lines(report.String()) {
		if strings.HasPrefix(line, "all ") {
			total = line
		}
	}
	if fields := strings.Fields(total); len(fields) < 6 || fields[1] != "180" || fields[5] != "1.000" {
		t.Errorf("all 180 should be right with words:\n%s", report.String())
	}
	weights, err := os.ReadFile(out) //nolint:gosec // the test's own file
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(weights), "w:zonk\t") {
		t.Errorf("no weight for zonk:\n%s", weights)
	}
}

func TestRead_BadLines(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":       "",
		"no tabs":       "BUG a/a crash\n",
		"unknown label": "BUGS\ta/a\tcrash\n",
	} {
		path := filepath.Join(t.TempDir(), "in.tsv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
