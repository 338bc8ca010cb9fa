// Package project says under which name a directory's rows are in the journal.
//
// What lies in a project may be hostile, and must not claim another project's
// name. In a journal of one's own the name is a real path: of the main working
// tree, where the directory is a worktree linked to it and git's links point both
// ways, else of the directory itself. A directory inside a repository is not
// looked for further up.
//
// In a team's journal paths say nothing, so the name is the remote's address.
// That is in .git/config, which git never takes from a remote; who unpacks an
// archive with a .git of its own gives its author that name. It is believed all
// the same: a name gives no access and moves no money, and LOCALMODEL_PROJECT
// overrides it.
package project

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/winpath"
)

const (
	// maxName bounds a name, bytes.
	maxName = 1000
	// maxLink bounds the file of a link of git's, bytes.
	maxLink = 8 << 10
	// maxConfig bounds .git/config, bytes.
	maxConfig = 1 << 20
)

// ErrNoRemote says that a team's journal has no name for a directory.
var ErrNoRemote = errors.New("no remote named origin identifies this project; set LOCALMODEL_PROJECT")

// Check says what is wrong with a name that somebody chose.
func Check(name string) error {
	switch {
	case name == "" || len(name) > maxName:
		return fmt.Errorf("a project's name has 1 to %d bytes", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable):
		return errors.New("a project's name has printable characters only")
	}
	return nil
}

// unprintable matches control and format characters, bidirectional ones too.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Local is the name of a directory in a journal of one's own, by git's links.
func Local(ctx context.Context, dir string) (string, error) {
	return within(ctx, dir, func(tree string) (string, error) {
		common, linked := commonDir(ctx, tree)
		switch {
		case !linked:
			return tree, nil
		case filepath.Base(common) == ".git":
			return filepath.Dir(common), nil
		}
		return common, nil // of a bare repository
	})
}

// Remote is the name of a directory in a team's journal: the address of origin.
func Remote(ctx context.Context, dir string) (string, error) {
	return within(ctx, dir, func(tree string) (string, error) {
		gitDir := filepath.Join(tree, ".git")
		if info, err := os.Lstat(gitDir); err != nil || !info.IsDir() {
			common, linked := commonDir(ctx, tree)
			if !linked {
				return "", ErrNoRemote
			}
			gitDir = common
		}
		config, err := rootfs.ReadFile(ctx, gitDir, "config", maxConfig)
		if err != nil {
			return "", fmt.Errorf("%w (%w)", ErrNoRemote, err)
		}
		return normalize(originURL(string(config)))
	})
}

// commonDir is the repository that a working tree is linked to. linked is false
// where it is a main working tree, or none, or where the repository does not know
// it: then its .git says nothing.
func commonDir(ctx context.Context, tree string) (common string, linked bool) {
	link := filepath.Join(tree, ".git")
	if info, err := os.Lstat(link); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	text, ok := readLink(ctx, tree, ".git", "gitdir: ")
	if !ok {
		return "", false
	}
	admin, err := rootfs.Resolve(absolute(tree, text))
	if err != nil || filepath.Base(filepath.Dir(admin)) != "worktrees" || beneath(tree, admin) {
		return "", false
	}
	if up, ok := readLink(ctx, admin, "commondir", ""); !ok || filepath.ToSlash(up) != "../.." {
		return "", false
	}
	back, ok := readLink(ctx, admin, "gitdir", "")
	if !ok || filepath.Base(back) != ".git" || !sameDir(filepath.Dir(absolute(admin, back)), tree) {
		return "", false
	}
	common = filepath.Dir(filepath.Dir(admin))
	if head, err := os.Lstat(filepath.Join(common, "HEAD")); err != nil || !head.Mode().IsRegular() {
		return "", false // no repository, but a folder of worktrees in somebody's project
	}
	return common, true
}

// readLink reads a file of one line, a path after a prefix.
func readLink(ctx context.Context, dir, name, prefix string) (string, bool) {
	data, err := rootfs.ReadFile(ctx, dir, name, maxLink)
	if err != nil {
		return "", false
	}
	text, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), prefix)
	if !ok || text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", false
	}
	return text, true
}

func absolute(dir, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// beneath reports whether a path is a directory or in it; both are real.
func beneath(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err != nil || rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func sameDir(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// within runs fn on a directory's real path, for at most as long as ctx.
func within(ctx context.Context, dir string, fn func(tree string) (string, error)) (string, error) {
	name, err := rootfs.Within(ctx, func() (string, error) {
		abs, err := filepath.Abs(winpath.Clean(dir))
		if err != nil {
			return "", err
		}
		tree, err := filepath.EvalSymlinks(abs)
		if err != nil {
			return "", err
		}
		return fn(winpath.Clean(tree))
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return "", fmt.Errorf("the project's directory does not answer: %w", err)
	case err == nil && len(name) > maxName:
		return "", fmt.Errorf("its path has more than %d bytes; set LOCALMODEL_PROJECT", maxName)
	}
	return name, err
}
