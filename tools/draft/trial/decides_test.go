package trial

import (
	"testing"

	"github.com/fjbelchi/localmodel/tools/draft"
)

func TestDecides(t *testing.T) {
	for name, row := range map[string]struct{ changed, command, want string }{
		"source":            {"cart.go", "go test ./... && gofmt -e cart.go", ""},
		"makefile":          {"Makefile", "make test", "Makefile"},
		"package":           {"web/package.json", "npm test", "web/package.json"},
		"script":            {"scripts/test.sh", "true && ./scripts/test.sh -v", "scripts/test.sh"},
		"script by a shell": {"scripts/test.sh", "bash scripts/test.sh", "scripts/test.sh"},
		"a test":            {"test_a.py", "python3 -m unittest test_a.py", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := decides([]draft.Change{{File: draft.File{Path: "other.go"}}, {File: draft.File{Path: row.changed}}}, []string{"true", row.command})
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
