package ticket_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

// TestReadVariants reads small files of the variants that people use beside the usual
// spelling of each form: "== path", the text, and what is expected after "=>".
func TestReadVariants(t *testing.T) {
	files, err := filepath.Glob("testdata/variants/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq("\n"+string(data), "\n== ") {
			path, rest, _ := strings.Cut(part, "\n")
			text, expected, ok := strings.Cut(rest, "\n=> ")
			if path == "" || !ok {
				continue
			}
			count++
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+path, func(t *testing.T) {
				var want wanted
				if err := json.Unmarshal([]byte(expected), &want); err != nil {
					t.Fatal(err)
				}
				d, err := ticket.Read(path, []byte(text+"\n"), nil)
				if err != nil {
					t.Fatal(err)
				}
				compareDocument(t, d, want)
				if said := textOf(want["warned"]); !strings.Contains(strings.Join(d.Head.Warnings, "; "),
					said) {
					t.Errorf("warnings %q do not say %q", d.Head.Warnings, said)
				}
				if want["warned"] == nil &&
					slices.ContainsFunc(d.Head.Warnings, func(w string) bool {
						return !strings.Contains(w,
							"not valid YAML")
					}) {
					t.Errorf("warnings %q, want none", d.Head.Warnings)
				}
			})
		}
	}
	if count < 60 {
		t.Errorf("%d variants, want at least 60", count)
	}
}
