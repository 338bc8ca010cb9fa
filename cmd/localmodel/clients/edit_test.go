package clients

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients/entry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// clientOf is the client whose format a test file has.
func clientOf(t *testing.T, file string) Client {
	t.Helper()
	wanted := "cursor"
	if filepath.Ext(file) == ".toml" {
		wanted = "codex"
	}
	c, err := Lookup(wanted)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var place = Place{OS: "linux", Home: "/home/me", Root: "/srv/shop", Lookup: func(string) (string, bool) { return "", false }}

func handMade(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"testdata/*.json", "testdata/*.toml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 45 {
		t.Fatalf("only %d hand-made files found", len(files))
	}
	return files
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return data
}

func install(t *testing.T, c Client, path string, e entry.Entry) (backup string) {
	t.Helper()
	ch, err := c.Install(path, e, false)
	must(t, err)
	if ch.Same {
		t.Fatal("install found its entry already there")
	}
	backup, err = ch.Apply()
	must(t, err)
	return backup
}

func uninstall(t *testing.T, c Client, path string) {
	t.Helper()
	ch, err := c.Uninstall(path)
	must(t, err)
	if ch.Same {
		t.Fatal("uninstall found no entry")
	}
	_, err = ch.Apply()
	must(t, err)
}

// Each hand-made file after install, as a golden file beside it; a second
// install changes nothing; uninstall gives back every byte.
func TestInstallAndUninstallOfHandMadeFiles(t *testing.T) {
	for _, file := range handMade(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			c, before := clientOf(t, file), load(t, file)
			path := filepath.Join(t.TempDir(), "config")
			must(t, os.WriteFile(path, before, 0o600))
			e := c.Entry("/usr/local/bin/localmodel", place, nil)

			backup := install(t, c, path, e)
			after := load(t, path)
			golden := file + ".after"
			if *update {
				must(t, os.WriteFile(golden, after, 0o644))
			}
			if d := cmp.Diff(string(load(t, golden)), string(after)); d != "" {
				t.Errorf("after install (-want +got):\n%s", d)
			}
			if !bytes.Equal(load(t, backup), before) {
				t.Errorf("the backup is not the file as it was")
			}
			if ch, err := c.Install(path, e, false); err != nil || !ch.Same {
				t.Errorf("second install: same %v, error %v", ch != nil && ch.Same, err)
			}

			uninstall(t, c, path)
			if d := cmp.Diff(string(before), string(load(t, path))); d != "" {
				t.Errorf("after uninstall (-want +got):\n%s", d)
			}
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
				t.Errorf("%d files are left, %v", len(left), err)
			}
		})
	}
}

// Without the backup, uninstall takes the entry out as text: what stays is the
// old file's data with all its comments.
func TestUninstallWithoutBackup(t *testing.T) {
	for _, file := range handMade(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			c, before := clientOf(t, file), load(t, file)
			path := filepath.Join(t.TempDir(), "config")
			must(t, os.WriteFile(path, before, 0o600))
			must(t, os.Remove(install(t, c, path, c.Entry("localmodel", place, nil))))
			if c.Snippet(c.Entry("localmodel", place, nil)) == string(load(t, path)) {
				t.Skip("the file is what install makes of none")
			}
			uninstall(t, c, path)
			after := load(t, path)
			if installed, exists, err := c.Installed(path); installed || !exists || err != nil {
				t.Errorf("installed %v, exists %v, %v", installed, exists, err)
			}
			squeeze := func(doc []byte) string {
				text := strings.Join(strings.Fields(string(doc)), "")
				text = strings.NewReplacer(`"mcpServers":{}`, "", ",", "").Replace(text)
				return strings.ReplaceAll(text, "{}", "") // an empty list of servers may stay behind
			}
			if squeeze(before) != squeeze(after) {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
			// Where other servers are listed, not a byte differs.
			if bytes.Contains(before, []byte(`"command"`)) && c.Name == "cursor" {
				if d := cmp.Diff(string(before), string(after)); d != "" && !strings.Contains(file, "nested-elsewhere") {
					t.Errorf("(-want +got):\n%s", d)
				}
			}
		})
	}
}

// What is added after install stays when uninstall takes the entry out.
func TestUninstallKeepsWhatCameLater(t *testing.T) {
	for _, tc := range []struct{ client, before, later, want string }{
		{
			"cursor", "{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"a\" }\n  }\n}\n",
			"    \"z\": { \"command\": \"z\" } // mine\n  }\n}\n",
			"{\n  \"mcpServers\": {\n    \"a\": { \"command\": \"a\" },\n    \"z\": { \"command\": \"z\" } // mine\n  }\n}\n",
		},
		{
			"codex", "model = \"o4\"\n",
			"\n# mine\n[mcp_servers.z]\ncommand = \"z\"\n",
			"model = \"o4\"\n\n# mine\n[mcp_servers.z]\ncommand = \"z\"\n",
		},
	} {
		c, err := Lookup(tc.client)
		must(t, err)
		path := filepath.Join(t.TempDir(), "config")
		must(t, os.WriteFile(path, []byte(tc.before), 0o644))
		install(t, c, path, c.Entry("localmodel", place, nil))
		text := string(load(t, path))
		if tc.client == "cursor" {
			text = strings.TrimSuffix(text, "\n  }\n}\n") + ",\n" + tc.later
		} else {
			text += tc.later
		}
		must(t, os.WriteFile(path, []byte(text), 0o644))
		uninstall(t, c, path)
		if d := cmp.Diff(tc.want, string(load(t, path))); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.client, d)
		}
	}
}

// What cannot be edited safely is refused, named, and left alone.
func TestRefusals(t *testing.T) {
	for _, tc := range []struct{ client, doc, want string }{
		{"cursor", "{\n  \"mcpServers\": {\n    \"a\": {,}\n  }\n}", "line 3"},
		{"cursor", `{"mcpServers": {}`, "line 1"},
		{"cursor", `[]`, "object"},
		{"cursor", `"text"`, "object"},
		{"cursor", `{"mcpServers": []}`, `"mcpServers" is no object`},
		{"cursor", `{"mcpServers": null}`, `"mcpServers" is no object`},
		{"cursor", `{"mcpServers": {}, "mcpServers": {}}`, "twice"},
		{"cursor", `{"mcpServers": {"localmodel": {}, "localmodel": {}}}`, "twice"},
		{"cursor", "{}\n{}", "line 2"},
		{"cursor", "\xff\xfe{\x00}\x00", "invalid"},
		{"cursor", "<<<<<<< HEAD\n{}\n=======\n", "line 1"},
		{"codex", "a = \n", "line 1"},
		{"codex", "[mcp_servers.a]\ncommand = \"a\"\n[mcp_servers.a]\n", "line 3"},
		{"codex", "mcp_servers = 3\n", "no table"},
		{"codex", "mcp_servers = { a = { command = \"a\" } }\n", "would not parse"},
		{"codex", "[[mcp_servers]]\nx = 1\n", "no table"},
	} {
		c, err := Lookup(tc.client)
		must(t, err)
		path := filepath.Join(t.TempDir(), "config")
		must(t, os.WriteFile(path, []byte(tc.doc), 0o644))
		_, err = c.Install(path, c.Entry("localmodel", place, nil), false)
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("%q: got error %v, want one with %q", tc.doc, err, tc.want)
		}
		if string(load(t, path)) != tc.doc {
			t.Errorf("%q was changed", tc.doc)
		}
	}
}
