//go:build unix && !linux

package process

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func isolate(attr *syscall.SysProcAttr, _ syscall.Signal) { attr.Setpgid = true }

// Children lists the processes started by a process.
func Children(parent int) ([]int, error) {
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(parent)).Output() //nolint:gosec,noctx // answers at once
	if err != nil {
		return nil, fmt.Errorf("pgrep: %w", err)
	}
	var pids []int
	for _, word := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("pgrep: %w", err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
