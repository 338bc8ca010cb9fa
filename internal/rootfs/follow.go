package rootfs

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/winpath"
)

// maxElements bounds a path with those of its links, in elements. A system takes half
// as many.
const maxElements = 4096

// follow returns where an absolute path leads, without links; where something of it is
// missing or closed, the directory that this would be in, and the error: the answer on
// a path outside must not reveal what is there. Each element is looked at once, since
// a project may hold links that lead deep, or from one to the next.
func follow(full string) (at string, missing error) {
	at = top(full)
	rest := elements(full)
	for queued := len(rest); len(rest) > 0; {
		if queued > maxElements {
			return at, errors.New("is reached through too many links")
		}
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		target, err := os.Readlink(next)
		if err != nil { // no link
			if _, err = os.Lstat(next); err != nil {
				return at, err
			}
			at = next
			continue
		}
		if target = winpath.Clean(target); filepath.IsAbs(target) || strings.HasPrefix(target, string(filepath.Separator)) {
			at = cmp.Or(filepath.VolumeName(target), filepath.VolumeName(at)) + string(filepath.Separator)
		}
		queued += len(elements(target))
		rest = slices.Concat(elements(target), rest)
	}
	return at, nil
}

// Resolve is filepath.EvalSymlinks of an absolute path that a project names, without the
// time that its links may take.
func Resolve(path string) (string, error) {
	at, err := follow(path)
	if err != nil {
		return "", err
	}
	return resolved(at)
}

// top is the directory above all on a path's volume.
func top(path string) string { return filepath.VolumeName(path) + string(filepath.Separator) }

func elements(path string) []string {
	return strings.Split(filepath.ToSlash(path[len(filepath.VolumeName(path)):]), "/")
}
