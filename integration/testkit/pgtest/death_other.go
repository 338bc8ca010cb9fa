//go:build !linux

package pgtest

import "os/exec"

func diesWithUs(*exec.Cmd) {} // only Linux has it
