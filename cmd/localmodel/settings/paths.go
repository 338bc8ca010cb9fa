package settings

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/winpath"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// checkOwner uses no directory of another user's: who made it would say where the
// user's tickets go. A home in a shared place, such as /tmp, is enough for that.
func (s *Set) checkOwner(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, readTime)
	defer stop()
	for _, dir := range []*string{&s.Dirs.Config, &s.Dirs.State} {
		if *dir != "" && !rootfs.Own(ctx, *dir) {
			s.problem("%s belongs to another user, so nothing in it is used: set HOME to a directory of your own", *dir)
			*dir = ""
		}
	}
}

// resolveState makes the journal's path a whole one. What lies in a project's
// .claude is the project's, whoever names it.
func (s *Set) resolveState() {
	r := row("LOCALMODEL_STATE")
	v, _ := s.values[r.Name].(string)
	if s.from[r.Name] == fromDefault || journal.IsPostgres(v) {
		return
	}
	if rest, ok := strings.CutPrefix(v, "~/"); ok {
		v = filepath.Join(s.Home(), rest)
	}
	v = winpath.Clean(filepath.Clean(v))
	if within(filepath.Join(s.Root, ".claude"), v) {
		s.problem("%s is inside the project's .claude, whose content is not yours; the default is used", s.label(r, v, s.from[r.Name]))
		s.values[r.Name], s.from[r.Name] = s.ownJournal(), fromDefault
		return
	}
	s.values[r.Name] = v
}

// within reports whether a path is in a directory, by its name or by what it is.
func within(dir, path string) bool {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	for _, one := range []string{dir, followed(dir)} {
		for _, other := range []string{path, followed(path)} {
			rel, err := filepath.Rel(one, other)
			if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
				return true
			}
		}
	}
	return false
}

func followed(path string) string {
	for dir, rest := path, ""; ; dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest)
		}
		if dir == filepath.Dir(dir) {
			return path
		}
	}
}

func (s *Set) root() string {
	if v := s.env("CLAUDE_PROJECT_DIR"); v != "" {
		if info, err := os.Stat(v); err == nil && info.IsDir() {
			return winpath.Clean(v)
		}
		s.problem("CLAUDE_PROJECT_DIR=%s is no directory; the working directory is used", quote(v))
	}
	dir, err := os.Getwd()
	if err != nil {
		s.problem("the working directory cannot be read: %v", err)
		return "."
	}
	return winpath.Clean(dir)
}

// Home is the user's directory, "" where it is not known.
func (s *Set) Home() string {
	return cmp.Or(s.Getenv("HOME"), s.Getenv("USERPROFILE"))
}

// KeepsStateFile reports whether .claude/implementer-state.json is kept: as
// LOCALMODEL_STATE_FILE says, else where it exists already or the project has
// its own settings file.
func (s *Set) KeepsStateFile(ctx context.Context) bool {
	mode := Get[string](s, "LOCALMODEL_STATE_FILE")
	return mode == "on" || mode == "auto" && (s.Project.Found || s.HasStateFile(ctx))
}

// HasStateFile reports whether something is where the state file would be.
func (s *Set) HasStateFile(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, readTime)
	defer stop()
	root, err := rootfs.Open(ctx, s.Root)
	if err != nil {
		return false
	}
	defer root.Close() //nolint:errcheck // only read
	_, err = root.Lstat(ctx, filepath.Join(".claude", "implementer-state.json"))
	return err == nil
}
