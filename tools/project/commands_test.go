package project

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

func TestCommands_OfProjectAndTicket(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		body  string
		want  []string
	}{
		"nothing":       {nil, "", nil},
		"quality gates": {map[string]string{"backlog.config.json": `{"qualityGates":{"testCommand":"npm test","buildCommand":"npm run build"}}`}, "", []string{"npm test", "npm run build"}},
		"make":          {map[string]string{"Makefile": "CC := gcc\n.PHONY: test\nlint test: deps\n\tgo test\nbuild:=x\ntests:\n"}, "", []string{"make test", "make lint"}},
		"npm scripts":   {map[string]string{"package.json": `{"scripts":{"test":"vitest","lint":"eslint","start":"x","build":3}}`}, "", []string{"npm run test", "npm run lint"}},
		"pnpm":          {map[string]string{"package.json": `{"scripts":{"test":"vitest"}}`, "pnpm-lock.yaml": ""}, "", []string{"pnpm run test"}},
		"Go":            {map[string]string{"go.mod": "module x"}, "", []string{"go test ./..."}},
		"the ticket's":  {nil, "Run `go test ./cart -run Total` and\n\n    $ make e2e\n\nnot `go` nor `rm -rf x`.", []string{"go test ./cart -run Total", "make e2e"}},
		"hostile":       {map[string]string{"backlog.config.json": `{"qualityGates":{"testCommand":"npm test\nrm -rf /","lintCommand":"a` + "`" + `b","buildCommand":7}}`, "package.json": "["}, "", nil},
		"each once":     {map[string]string{"backlog.config.json": `{"qualityGates":{"testCommand":"go test ./..."}}`, "go.mod": "module x"}, "`go test ./...`", []string{"go test ./..."}},
	} {
		t.Run(name, func(t *testing.T) {
			got := write(t, c.files).Commands(t.Context(), ticket.Ticket{Body: c.body})
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// write makes a project of those files.
func write(t *testing.T, files map[string]string) Project {
	t.Helper()
	p := Project{Root: t.TempDir()}
	for name, text := range files {
		file := filepath.Join(p.Root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}
