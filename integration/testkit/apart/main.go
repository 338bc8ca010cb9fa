// Command apart runs a command (`go test ./...`) with a HOME of its own, and
// fails if a file of this program's is left there at the end: a test that writes
// into HOME would write into its user's. What other programs leave, as a
// machine's compilers do, is said alone. Go's caches and the parts stay where
// they are.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/internal/rootfs"
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
	if err := errors.Join(testkit.SetHome(home), os.RemoveAll(home), os.MkdirAll(home, 0o700), withoutTelemetry()); err != nil {
		return err
	}
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // what the caller asks for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	ran := cmd.Run()
	left, err := files(home)
	var ours []string
	for _, name := range left {
		if isOurs(home, name) {
			ours = append(ours, name)
		} else {
			fmt.Fprintln(os.Stderr, "apart: another program wrote into HOME:", name)
		}
	}
	if len(ours) > 0 {
		err = errors.Join(err, fmt.Errorf("written into HOME: %s", strings.Join(ours, ", ")))
	}
	return errors.Join(ran, err)
}

// isOurs reports whether a file beneath home has this program's name in its path
// or its text, as whatever it writes for itself or into a client's settings has.
func isOurs(home, name string) bool {
	const program, most = "localmodel", 1 << 20 // bytes: settings are smaller
	if strings.Contains(name, program) {
		return true
	}
	data, err := rootfs.ReadFile(context.Background(), home, name, most)
	return err == nil && bytes.Contains(data, []byte(program))
}

// telemetryMode is the go command's own file, beneath the user's directory for
// settings: no variable stops it from counting its runs there.
var telemetryMode = filepath.Join("go", "telemetry", "mode")

func withoutTelemetry() error {
	config, err := os.UserConfigDir()
	if err != nil {
		return err
	}
	path := filepath.Join(config, telemetryMode)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte("off"), 0o600)
}

// files are those beneath a directory, but for what withoutTelemetry wrote.
func files(home string) (left []string, err error) {
	err = filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, string(filepath.Separator)+telemetryMode) {
			return err
		}
		name, err := filepath.Rel(home, path)
		left = append(left, name)
		return err
	})
	return left, err
}
