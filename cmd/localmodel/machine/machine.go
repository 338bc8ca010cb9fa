// Package machine is what differs between operating systems: how much memory
// there is, and how to leave a program running.
package machine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Leave starts a program that outlives this process and its terminal, with
// variables added to its environment and what it says written to an open file.
// It returns the program's process id.
func Leave(program string, args, variables []string, out *os.File) (pid int, err error) {
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // named by the caller, and to outlive us
	cmd.Env = append(cmd.Environ(), variables...)
	cmd.Stdout, cmd.Stderr = out, out
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", program, err)
	}
	pid = cmd.Process.Pid
	go cmd.Wait() //nolint:errcheck // collects it if it ends while we live
	return pid, nil
}

// Free is the bytes that a directory, or the nearest one above it that is
// there, has room for; 0 where they are not known.
func Free(dir string) int64 {
	for {
		bytes, ok := free(dir)
		above := filepath.Dir(dir)
		if ok || above == dir {
			return bytes
		}
		dir = above
	}
}
