package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Creatable reports whether a file could be made at path, its directories too. It
// tries in the nearest directory that is there, and leaves nothing behind.
func Creatable(path string) error {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		// A link to nowhere is there, and no directory can be made in its place.
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			continue
		}
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
		f, err := os.CreateTemp(dir, ".localmodel-*")
		if err != nil {
			return err
		}
		return errors.Join(f.Close(), os.Remove(f.Name()))
	}
}
