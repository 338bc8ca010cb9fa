package trial

import "os/exec"

func ownGroup(*exec.Cmd) {}
