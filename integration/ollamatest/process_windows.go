package ollamatest

import (
	"errors"
	"os/exec"
	"strconv"
)

func isolate(*exec.Cmd) {}

func interrupt(cmd *exec.Cmd) { killGroup(cmd) } // no gentle way without a console

func killGroup(cmd *exec.Cmd) {
	_ = exec.Command("taskkill", "/F", "/T", "/PID", strconv.Itoa(cmd.Process.Pid)).Run() //nolint:gosec,noctx // ends at once
}

func children(int) ([]int, error) {
	return nil, errors.New("the runners of a server are not looked for on Windows")
}

const diesWithParent = false

func groupLives(int) bool { return false }
