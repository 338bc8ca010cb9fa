package rootfs

import (
	"context"
	"path/filepath"

	"github.com/fjbelchi/localmodel/internal/winpath"
)

// Named opens the directory for a file that the user named, and returns the
// file's name in it. Beneath the project that is the project's root, so that no
// link is followed where the name is written to; elsewhere it is the file's own
// directory, and links that lead to it are the user's.
func Named(ctx context.Context, project, path string) (*Root, string, error) {
	abs, err := filepath.Abs(winpath.Clean(path))
	if err != nil {
		return nil, "", err
	}
	for _, dir := range spellings(project) {
		name, err := filepath.Rel(dir, abs)
		if err == nil && filepath.IsLocal(name) {
			root, err := Open(ctx, dir)
			return root, name, err
		}
	}
	root, err := Open(ctx, filepath.Dir(abs))
	return root, filepath.Base(abs), err
}

// spellings are the paths of a directory: as given, and with its links resolved.
func spellings(dir string) []string {
	if dir == "" {
		return nil
	}
	abs, err := filepath.Abs(winpath.Clean(dir))
	if err != nil {
		return nil
	}
	real, err := resolved(abs)
	if err != nil || real == abs {
		return []string{abs}
	}
	return []string{abs, real}
}

// WriteNamed replaces a file that the user named; see Named.
func WriteNamed(ctx context.Context, project, path string, data []byte, w Write) error {
	root, name, err := Named(ctx, project, path)
	if err != nil {
		return err
	}
	defer root.drop()
	return root.Replace(ctx, name, data, w)
}
