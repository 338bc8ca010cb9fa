package clients

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients/entry"
)

const others = "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"a\" }\n  }\n}\n"

func cursor(t *testing.T) (Client, entry.Entry) {
	t.Helper()
	c, err := Lookup("cursor")
	must(t, err)
	return c, c.Entry("localmodel", place, nil)
}

func TestNewFileInANewDirectory(t *testing.T) {
	c, e := cursor(t)
	path := filepath.Join(t.TempDir(), "a", "b", "mcp.json")
	if backup := install(t, c, path, e); backup != "" {
		t.Errorf("a backup of nothing: %s", backup)
	}
	if got := string(load(t, path)); got != c.Snippet(e) {
		t.Errorf("got %q", got)
	}
	uninstall(t, c, path)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file that install made is still there: %v", err)
	}
}

func TestLinksAndModesAreKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows, and modes mean little")
	}
	c, e := cursor(t)
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "dotfiles"), 0o755))
	target := filepath.Join(dir, "dotfiles", "cursor.json")
	must(t, os.WriteFile(target, []byte(others), 0o640))
	link := filepath.Join(dir, "mcp.json")
	must(t, os.Symlink(filepath.Join("dotfiles", "cursor.json"), link))

	backup := install(t, c, link, e)
	if to, err := os.Readlink(link); err != nil || to != filepath.Join("dotfiles", "cursor.json") {
		t.Errorf("the link is gone: %q %v", to, err)
	}
	if !bytes.Contains(load(t, target), []byte(`"localmodel"`)) {
		t.Error("the file behind the link was not changed")
	}
	for _, path := range []string{target, backup} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
	uninstall(t, c, link)
	if got := string(load(t, link)); got != others {
		t.Errorf("after uninstall: %q", got)
	}
}

func TestOddFilesAreRefused(t *testing.T) {
	c, e := cursor(t)
	dir := t.TempDir()
	if _, err := c.Install(dir, e, false); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
	big := filepath.Join(dir, "big")
	must(t, os.WriteFile(big, bytes.Repeat([]byte(" "), maxFile+1), 0o644))
	if _, err := c.Install(big, e, false); err == nil || !strings.Contains(err.Error(), "more than any configuration") {
		t.Errorf("a huge file: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	link := filepath.Join(dir, "dangling")
	must(t, os.Symlink("nowhere", link))
	if _, err := c.Install(link, e, false); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a dangling link: %v", err)
	}
}

func TestChangeOfAnotherProgramIsNotOverwritten(t *testing.T) {
	c, e := cursor(t)
	path := filepath.Join(t.TempDir(), "mcp.json")
	must(t, os.WriteFile(path, []byte(others), 0o644))
	ch, err := c.Install(path, e, false)
	must(t, err)
	const meanwhile = `{"mcpServers":{"b":{"command":"b"}}}`
	must(t, os.WriteFile(path, []byte(meanwhile), 0o644))
	if _, err := ch.Apply(); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("got %v", err)
	}
	if got := string(load(t, path)); got != meanwhile {
		t.Errorf("the file is now %q", got)
	}
}

func TestBackupsAreNeverOverwritten(t *testing.T) {
	c, e := cursor(t)
	path := filepath.Join(t.TempDir(), "mcp.json")
	must(t, os.WriteFile(path, []byte(others), 0o644))
	must(t, os.WriteFile(path+".before-localmodel", []byte("an old one"), 0o644))
	backup := install(t, c, path, e)
	if backup != path+".before-localmodel-2" {
		t.Errorf("the backup is %s", backup)
	}
	if got := string(load(t, path+".before-localmodel")); got != "an old one" {
		t.Errorf("the old backup is now %q", got)
	}
	uninstall(t, c, path)
	if got := string(load(t, path)); got != others {
		t.Errorf("after uninstall: %q", got)
	}
}

func TestAnotherEntryOfOursGivesWayOnlyWhenAsked(t *testing.T) {
	c, _ := cursor(t)
	path := filepath.Join(t.TempDir(), "mcp.json")
	must(t, os.WriteFile(path, []byte(others), 0o644))
	install(t, c, path, c.Entry("/old/localmodel", place, nil))
	e := c.Entry("/new/localmodel", place, []entry.Variable{{Name: "LOCALMODEL_CLOUD", Value: "never"}})
	if _, err := c.Install(path, e, false); !errors.Is(err, ErrDiffers) {
		t.Fatalf("got %v, want ErrDiffers", err)
	}
	ch, err := c.Install(path, e, true)
	must(t, err)
	if _, err := ch.Apply(); err != nil {
		t.Fatal(err)
	}
	text := string(load(t, path))
	if strings.Contains(text, "/old/") || !strings.Contains(text, "/new/") || !strings.Contains(text, `"a": { "command": "a" }`) {
		t.Errorf("after replace:\n%s", text)
	}
	uninstall(t, c, path)
	if got := string(load(t, path)); got != others {
		t.Errorf("after uninstall: %q", got)
	}
}

func TestDiffShowsTheEditAndNothingElse(t *testing.T) {
	c, e := cursor(t)
	path := filepath.Join(t.TempDir(), "mcp.json")
	must(t, os.WriteFile(path, []byte(others), 0o644))
	ch, err := c.Install(path, e, false)
	must(t, err)
	want := "--- " + path + "\n+++ " + path + `
@@ -1,5 +1,12 @@
 {
   "mcpServers": {
-    "a": { "command": "a" }
+    "a": { "command": "a" },
+    "localmodel": {
+      "command": "localmodel",
+      "args": ["serve"],
+      "env": {
+        "CLAUDE_PROJECT_DIR": "${workspaceFolder}"
+      }
+    }
   }
 }
`
	if d := cmp.Diff(want, ch.Diff()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if string(load(t, path)) != others {
		t.Error("working out a change made it")
	}
}

func TestFilesOfEachSystem(t *testing.T) {
	top := t.TempDir()
	at := func(path string) string { return filepath.Join(top, filepath.FromSlash(path)) }
	env := map[string]string{"APPDATA": at("roaming")}
	lookup := func(k string) (string, bool) { v, ok := env[k]; return v, ok }
	p := Place{Home: at("home"), Root: at("shop"), Lookup: lookup}
	file := func(client string, project bool) (string, bool, error) {
		c, err := Lookup(client)
		must(t, err)
		return c.File(p, project)
	}
	for key, want := range map[string]string{
		"linux claude-code":      "shop/.mcp.json",
		"linux claude-desktop":   "home/.config/Claude/claude_desktop_config.json",
		"darwin claude-desktop":  "home/Library/Application Support/Claude/claude_desktop_config.json",
		"windows claude-desktop": "roaming/Claude/claude_desktop_config.json",
		"linux vscode":           "home/.config/Code/User/mcp.json",
		"darwin vscode":          "home/Library/Application Support/Code/User/mcp.json",
		"windows vscode":         "roaming/Code/User/mcp.json",
		"linux zed":              "home/.config/zed/settings.json",
		"darwin zed":             "home/.config/zed/settings.json",
		"windows zed":            "roaming/Zed/settings.json",
		"linux codex":            "home/.codex/config.toml",
		"linux copilot-cli":      "home/.copilot/mcp-config.json",
		"linux cursor":           "home/.cursor/mcp.json",
		"linux gemini":           "home/.gemini/settings.json",
	} {
		system, client, _ := strings.Cut(key, " ")
		p.OS = system
		if path, ofProject, err := file(client, false); err != nil || path != at(want) || ofProject != (client == "claude-code") {
			t.Errorf("%s: got %s, %v, %v, want %s", key, path, ofProject, err, at(want))
		}
	}
	p.OS = "linux"
	env["CODEX_HOME"] = at("elsewhere")
	if path, _, err := file("codex", false); err != nil || path != at("elsewhere/config.toml") {
		t.Errorf("CODEX_HOME: %s, %v", path, err)
	}
	if path, ofProject, err := file("codex", true); err != nil || !ofProject || path != at("shop/.codex/config.toml") {
		t.Errorf("--project: %s, %v, %v", path, ofProject, err)
	}
	p.Home = ""
	for _, client := range []string{"gemini", "zed", "claude-desktop"} {
		if path, _, err := file(client, false); err == nil || !strings.Contains(err.Error(), "HOME") {
			t.Errorf("%s without a home: %s, %v", client, path, err)
		}
	}
}

// Any text at all: never a panic, and what install adds uninstall takes out
// with the rest of the data untouched (the editors check that themselves and
// refuse otherwise; here it must have been right).
func FuzzEdit(f *testing.F) {
	files, err := filepath.Glob("testdata/*")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{"//", "/*", "{\"a\":1,//\n}", "{\"mcpServers\":{},}", "{\"mcpServers\":{/**/}}", "a=1\r", "[mcp_servers]#", "x='''\n'''"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, client := range []string{"cursor", "codex"} {
			c, err := Lookup(client)
			must(t, err)
			e := c.Entry(`C:\Program Files\localmodel "x"`, place, nil)
			have, err := c.format.Entry(doc)
			if err != nil || have != nil {
				continue
			}
			with, err := c.format.Insert(doc, e)
			if err != nil {
				continue // refused
			}
			if have, err = c.format.Entry(with); err != nil || have == nil || !cmp.Equal(have, e.Data()) {
				t.Fatalf("%s: %q became %q, read as %v, %v", client, doc, with, have, err)
			}
			if _, err := c.format.Remove(with); err != nil {
				t.Fatalf("%s: %q became %q, which uninstall refuses: %v", client, doc, with, err)
			}
		}
	})
}
