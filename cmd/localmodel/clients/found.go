package clients

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients/entry"
	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/programs"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// maxOwnFile bounds what is read of the files in which Claude Code also keeps
// histories.
const maxOwnFile = 64 << 20

// Found is a configuration file that has a localmodel entry, or that cannot be
// read: then Err says why.
type Found struct {
	Title, Path string // Path begins with ~ or is relative to the project
	Err         error
}

// Find looks into every client's files, the project's and the user's.
func Find(p Place) []Found {
	var out []Found
	seen := map[string]bool{}
	for _, c := range All() {
		for _, project := range []bool{true, false} {
			there, path, err := c.at(p, project)
			if err != nil || seen[path] {
				continue
			}
			seen[path] = true
			if installed, _, err := there.Installed(path); installed || err != nil {
				out = append(out, Found{c.Title, shown(path, p), err})
			}
		}
	}
	for _, own := range []struct{ path, title string }{
		{p.claudeFile(), "Claude Code"},
		{filepath.Join(p.claudeDir(), "plugins", "installed_plugins.json"), "Claude Code plugin"},
	} {
		if mentions(own.path) {
			out = append(out, Found{own.title, shown(own.path, p), nil})
		}
	}
	return out
}

// claudeDir is where Claude Code keeps the user's settings and plugins, "" where
// neither CLAUDE_CONFIG_DIR nor the home is known.
func (p Place) claudeDir() string { return cmp.Or(p.env(claudeConfigDir), p.inHome(".claude")) }

// claudeFile is where it keeps the user's servers. It alone writes that.
func (p Place) claudeFile() string {
	return filepath.Join(cmp.Or(p.env(claudeConfigDir), p.Home), ".claude.json")
}

const claudeConfigDir = "CLAUDE_CONFIG_DIR"

// mentions reports whether a file that a client alone writes names us.
func mentions(path string) bool {
	if !filepath.IsAbs(path) {
		return false
	}
	data, err := rootfs.ReadNamed(context.Background(), path, maxOwnFile)
	return err == nil && strings.Contains(string(data), `"`+entry.Name)
}

// pluginEnabled is the settings file of Claude Code that enables our plugin, ""
// where none does: the project's own settings win over the user's.
func (p Place) pluginEnabled() (file string) {
	read := func(path string, data []byte, err error) {
		if err != nil || jsondepth.Check(data) != nil || !gjson.ValidBytes(data) {
			return
		}
		gjson.GetBytes(data, "enabledPlugins").ForEach(func(key, enabled gjson.Result) bool {
			if plugin, _, _ := strings.Cut(key.Str, "@"); plugin == entry.Name {
				file = ""
				if enabled.Bool() {
					file = path
				}
			}
			return true
		})
	}
	if path := filepath.Join(p.claudeDir(), "settings.json"); filepath.IsAbs(path) {
		data, err := rootfs.ReadNamed(context.Background(), path, maxFile)
		read(path, data, err)
	}
	for _, name := range []string{"settings.json", "settings.local.json"} {
		inside := filepath.Join(".claude", name)
		data, err := rootfs.ReadFile(context.Background(), p.Root, inside, maxFile)
		read(filepath.Join(p.Root, inside), data, err)
	}
	return file
}

// besides warns of a second server of the same tools beside the client's entry.
func (c Client) besides(p Place) string {
	if c.Name != claudeCode {
		return ""
	}
	file := p.pluginEnabled()
	if file == "" {
		return ""
	}
	return "Warning: the plugin is enabled too, by " + plain.Line(shown(file, p)) + ", so Claude Code starts two servers with the same tools.\n" +
		"Keep one: claude plugin disable localmodel, or localmodel uninstall claude-code\n"
}

func shown(path string, p Place) string {
	if rel, err := filepath.Rel(p.Root, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return tilde(path, p.Home)
}

// Present reports whether the client seems to be installed: its program is on
// PATH, or it has left its directory in the user's home.
func (c Client) Present(p Place) bool {
	if c.program != "" && programs.Find(c.program) != "" {
		return true
	}
	var paths []string
	for _, name := range c.traces {
		if p.Home != "" {
			paths = append(paths, filepath.Join(p.Home, name))
		}
	}
	if dir := p.env(claudeConfigDir); c.Name == claudeCode && dir != "" {
		paths = []string{dir}
	}
	if c.user != nil {
		if file := c.user(p); filepath.IsAbs(file) {
			paths = append(paths, filepath.Dir(file))
		}
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}
