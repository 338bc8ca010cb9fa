package settings

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestEdit(t *testing.T) {
	model := []Assignment{{"model", "m:1"}}
	for name, c := range map[string]struct {
		before, after string
		change        []Assignment
	}{
		"nothing there":     {"", "model = \"m:1\"\n", model},
		"the same":          {"model = \"m:1\" # mine\n", "model = \"m:1\" # mine\n", model},
		"another value":     {"# a\nmodel = 'x' # b\nlog = \"info\"\n", "# a\nmodel = \"m:1\" # b\nlog = \"info\"\n", model},
		"a hash in a value": {"model = \"a # b\" # c\n", "model = \"m:1\" # c\n", model},
		"a quoted key":      {"\"model\" = \"x\"\n", "\"model\" = \"m:1\"\n", model},
		"another type":      {"model = 3\n", "model = \"m:1\"\n", model},
		"a list of lines": {"fallback = [\n  \"cheap\", # c\n]\nlog = \"info\"\n", "fallback = \"\"\nlog = \"info\"\n",
			[]Assignment{{"fallback", ""}}},
		"a string of lines":     {"model = \"\"\"\nmodel = 'no'\n\"\"\"\nlog = 'info'\n", "model = \"m:1\"\nlog = 'info'\n", model},
		"inside a string":       {"state = '''\nmodel = 'no'\n'''\n", "state = '''\nmodel = 'no'\n'''\nmodel = \"m:1\"\n", model},
		"no newline at the end": {"log = \"info\"", "log = \"info\"\nmodel = \"m:1\"\n", model},
		"CRLF":                  {"log = \"info\"\r\n", "log = \"info\"\r\nmodel = \"m:1\"\r\n", model},
		"CRLF, a value":         {"model = \"x\"\r\nlog = \"info\"\r\n", "model = \"m:1\"\r\nlog = \"info\"\r\n", model},
		"byte order mark":       {"\ufefflog = \"info\"\n", "\ufefflog = \"info\"\nmodel = \"m:1\"\n", model},
		"before a table": {"log = \"info\"\n\n# of mine\n[mine]\nmodel = \"x\"\n",
			"log = \"info\"\nmodel = \"m:1\"\n\n# of mine\n[mine]\nmodel = \"x\"\n", model},
		"a table alone": {"[mine]\nx = 1\n", "model = \"m:1\"\n[mine]\nx = 1\n", model},
		"two settings": {"# c\n", "# c\nmodel = \"m:1\"\nnum_ctx = \"8192\"\n",
			[]Assignment{{"model", "m:1"}, {"num_ctx", "8192"}}},
		"quotes and backslashes": {"", "model = \"a\\\"b\\\\c\"\n", []Assignment{{"model", `a"b\c`}}},
	} {
		got, err := edit([]byte(c.before), c.change)
		if err != nil || string(got) != c.after {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.after)
		}
		again, err := edit(got, c.change)
		if err != nil || string(again) != string(got) {
			t.Errorf("%s: a second time %q, %v", name, again, err)
		}
	}
}

func TestEdit_RefusesWhatItCannotPlace(t *testing.T) {
	for name, text := range map[string]string{
		"no TOML":           "model = = 3\n",
		"a table":           "[model]\nx = 1\n",
		"twice":             "model = 1\nmodel = 2\n",
		"a dotted key":      "model.x = 1\n",
		"control character": "",
	} {
		value := "m"
		if text == "" {
			value = "a\x00b"
		}
		got, err := edit([]byte(text), []Assignment{{"model", value}})
		if err == nil || !strings.Contains(err.Error(), `add it by hand: model = "`) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestSave(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "config", "localmodel")
	path := filepath.Join(dir, configName)
	save := func(want bool) {
		t.Helper()
		changed, err := Save(t.Context(), dir, []Assignment{{"model", "m"}})
		if err != nil || changed != want {
			t.Fatalf("changed %v, %v; want %v", changed, err, want)
		}
	}
	save(true)
	save(false)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	// A link to where the user keeps such files stays one.
	kept := filepath.Join(home, "dotfiles.toml")
	if err := os.WriteFile(kept, []byte("# mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(kept, path); err != nil {
		t.Skip("links: ", err)
	}
	save(true)
	if data, err := os.ReadFile(kept); err != nil || string(data) != "# mine\nmodel = \"m\"\n" {
		t.Errorf("got %q, %v", data, err)
	}
	if _, err := os.Readlink(path); err != nil {
		t.Error(err)
	}
}

// What Windows' editors write is read, too.
func TestLoad_ByteOrderMark(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "localmodel")
	if runtime.GOOS == "darwin" {
		dir = filepath.Join(home, "Library", "Application Support", "localmodel")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, configName), []byte("\ufeffmodel = \"m\"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"HOME": home, "USERPROFILE": home, "XDG_CONFIG_HOME": home, "AppData": home}
	s := Load(t.Context(), func(name string) (string, bool) { v, ok := variables[name]; return v, ok })
	if got := Get[string](s, "LOCALMODEL_MODEL"); got != "m" || len(s.Problems) > 0 {
		t.Errorf("got %q, %v", got, s.Problems)
	}
}
