// Package programs finds the programs that a user has installed: those that PATH
// names, but for a program of the project that is open. npx, direnv and virtual
// environments put directories of a project on PATH, and a project may be a
// stranger's.
package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"strings"
)

// Find returns the path of the first program of that name on PATH, "" where
// there is none. It skips a directory that PATH names relative to the working
// directory, one in the project, and a node_modules of a directory above.
//
// The project is the repository, or the directory, of the working directory and
// of CLAUDE_PROJECT_DIR. The user's home directory is no project.
func Find(name string) string {
	projects := openProjects()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) || slices.ContainsFunc(projects, func(p project) bool { return p.has(dir) }) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// project is a directory that is open, and the repository that it is in.
type project struct {
	dir  string
	root string // dir, where it is in no repository
}

func openProjects() (open []project) {
	home, _ := os.UserHomeDir() // "" is above nothing
	for _, dir := range []string{".", os.Getenv("CLAUDE_PROJECT_DIR")} {
		if dir == "" {
			continue
		}
		dir, err := filepath.Abs(dir)
		if err != nil {
			continue
		}
		dir = resolve(dir)
		p := project{dir: dir, root: repository(dir)}
		if home = resolve(home); within(home, p.root) {
			p.root = ""
		}
		open = append(open, p)
	}
	return open
}

// repository returns the nearest directory with a .git, from dir upwards, or dir.
func repository(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

func (p project) has(dir string) bool {
	for _, dir := range []string{filepath.Clean(dir), resolve(dir)} { // both what it is and where it leads
		owner, _, found := strings.Cut(dir, string(filepath.Separator)+"node_modules"+string(filepath.Separator))
		if p.root != "" && within(dir, p.root) || found && within(p.dir, owner) {
			return true
		}
	}
	return false
}

// within reports whether dir is top or beneath it.
func within(dir, top string) bool {
	rel, err := filepath.Rel(top, dir)
	return err == nil && filepath.IsLocal(rel)
}

// resolve returns dir without links, or dir where it does not exist.
func resolve(dir string) string {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		return resolved
	}
	return filepath.Clean(dir)
}
