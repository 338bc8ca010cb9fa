package clients

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

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
			path, ofProject, err := c.File(p, project)
			if ofProject {
				c = c.In(p.Root)
			}
			if err != nil || seen[path] {
				continue
			}
			seen[path] = true
			if installed, _, err := c.Installed(path); installed || err != nil {
				out = append(out, Found{c.Title, shown(path, p), err})
			}
		}
	}
	// Claude Code also keeps servers and plugins in files of its own, which it
	// alone writes.
	for _, own := range []struct{ name, title string }{{".claude.json", "Claude Code"}, {".claude/plugins/installed_plugins.json", "Claude Code plugin"}} {
		path := filepath.Join(p.Home, filepath.FromSlash(own.name))
		data, err := rootfs.ReadNamed(context.Background(), path, maxOwnFile)
		if p.Home != "" && err == nil && strings.Contains(string(data), `"localmodel`) {
			out = append(out, Found{own.title, shown(path, p), nil})
		}
	}
	return out
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
	if c.program != "" {
		if _, err := exec.LookPath(c.program); err == nil {
			return true
		}
	}
	paths := make([]string, 0, len(c.traces)+1)
	for _, name := range c.traces {
		if p.Home != "" {
			paths = append(paths, filepath.Join(p.Home, name))
		}
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
