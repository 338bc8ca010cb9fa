//go:build unix

package projection

import "os"

// syncDir makes a rename in the directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the project's own directory
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // only read
	return d.Sync()
}
