// Command apart runs a command (`go test ./...`) with a HOME of its own, and says
// what is left there at the end: a test that writes into HOME would write into
// its user's. Go's caches and the parts stay where they are.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apart:", err)
		os.Exit(1)
	}
}

func run(command []string) error {
	if len(command) == 0 {
		return errors.New("no command is given")
	}
	root, err := parts.Root()
	if err != nil {
		return err
	}
	// Always the same one: go test keeps no result of a test that finds another.
	home := filepath.Join(root, "bin", "home")
	if err := errors.Join(os.RemoveAll(home), os.MkdirAll(home, 0o700), testkit.SetHome(home)); err != nil {
		return err
	}
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // what the caller asks for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	ran := cmd.Run()
	left, err := files(home)
	if len(left) > 0 {
		fmt.Fprintln(os.Stderr, "apart: written into HOME:", strings.Join(left, ", "))
	}
	return errors.Join(ran, err)
}

// files are those beneath a directory, but for what the go command keeps of
// itself.
func files(home string) (left []string, err error) {
	err = filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(home, path) // path is beneath home
		switch {
		case err != nil || entry.IsDir() && filepath.Base(filepath.Dir(path)) != "go":
			return err
		case entry.IsDir() && entry.Name() == "telemetry":
			return filepath.SkipDir
		case !entry.IsDir():
			left = append(left, name)
		}
		return nil
	})
	return left, err
}
