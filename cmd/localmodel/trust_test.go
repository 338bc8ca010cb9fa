package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
)

// TestProjectCommands_Trust holds that the commands of a project count only as
// they were when they were trusted, apart from its other settings, and that
// nothing is said of them where drafts are off.
func TestProjectCommands_Trust(t *testing.T) {
	env := environment{"CLAUDE_PROJECT_DIR": t.TempDir(), "HOME": t.TempDir()}
	const gates = `,"qualityGates":{"testCommand":"go test ./...","lintCommand":"go vet ./..."}}`
	asking := strings.TrimSuffix(strings.TrimSpace(askingProject), "}") + gates
	load := func(content string) *app.Config {
		t.Helper()
		if err := os.WriteFile(filepath.Join(env["CLAUDE_PROJECT_DIR"], "backlog.config.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return configOf(t, "", env)
	}
	trusted := func(what, content, want string) {
		t.Helper()
		c := load(content)
		lines, why := settings.TrustedCommands(t.Context(), c.Dirs.State, c.Root)
		if got := strings.Join(lines, ";"); got != want || (why == "") != (want != "") {
			t.Errorf("%s: runs %q (%s), want %q", what, got, why, want)
		}
	}
	c := load(asking)
	trusted("not trusted", asking, "")
	if _, err := settings.Trust(t.Context(), c.Dirs.State, c.Root, c.Project.Requests); err != nil {
		t.Fatal(err)
	}
	trusted("the address trusted alone", asking, "")
	if notes := strings.Join(load(asking).TrustNotes(), " "); notes != "" {
		t.Errorf("drafts are off, and it says %q", notes)
	}
	env["LOCALMODEL_DRAFT"] = "on"
	if notes := strings.Join(load(asking).TrustNotes(), " "); !strings.Contains(notes, "localmodel trust --commands") {
		t.Errorf("drafts are on, and it says %q", notes)
	}
	if _, err := settings.Trust(t.Context(), c.Dirs.State, c.Root, c.Project.Commands); err != nil {
		t.Fatal(err)
	}
	trusted("trusted", asking, "go vet ./...;go test ./...")
	if c := load(asking); len(c.TrustNotes()) != 0 || c.Proxy != "http://elsewhere:4000" {
		t.Errorf("both trusted: proxy %s, notes %q", c.Proxy, c.TrustNotes())
	}
	trusted("one changed", strings.Replace(asking, "go vet", "rm", 1), "")
	trusted("one more", strings.Replace(asking, `"testCommand"`, `"buildCommand":"make","testCommand"`, 1), "")
	trusted("one less", strings.Replace(asking, `"testCommand":"go test ./...",`, "", 1), "")
	trusted("not one line", strings.Replace(asking, "go vet", `go\nvet`, 1), "")
	trusted("no file of settings", "[", "")
	if changed, err := settings.Trust(t.Context(), c.Dirs.State, c.Root, nil); !changed || err != nil {
		t.Fatal(changed, err)
	}
	trusted("revoked", asking, "")
}
