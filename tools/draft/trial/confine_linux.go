package trial

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// leastLandlock is the first version of Landlock that also holds truncation
// (Linux 6.2).
const leastLandlock = 3

// landlock is the version of Landlock that the system has; 0 = none.
func landlock() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// canConfine reports whether RunConfined works here.
func canConfine() bool { return landlock() >= leastLandlock }

// What Landlock is to forbid: all that writes.
const (
	writesFile = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	writes     = writesFile | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER
)

// devices may be written to: they keep nothing.
var devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/random", "/dev/urandom"}

// RunConfined replaces this process by a command that can write beneath the
// directories only: args are the directories, "--" and the command, which gets env. It returns
// the exit code of a command that could not be run.
func RunConfined(args, env []string, errs io.Writer) int {
	err := errors.New("no command")
	for i, arg := range args {
		if arg == "--" && i+1 < len(args) {
			err = execConfined(args[:i], args[i+1:], env)
			break
		}
	}
	fmt.Fprintln(errs, err)
	return notExecutable
}

func execConfined(dirs, command, env []string) error {
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // what is forbidden to this thread is forbidden to what it becomes
	attr := unix.LandlockRulesetAttr{Handled_access_fs: writes}
	//nolint:gosec // the kernel reads the struct during the call
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)),
		unsafe.Sizeof(attr.Handled_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	for _, dir := range dirs {
		if err := allow(ruleset, dir, writes); err != nil {
			return fmt.Errorf("landlock %s: %w", dir, err)
		}
	}
	for _, device := range devices {
		_ = allow(ruleset, device, writesFile) // one that is not there needs no rule
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	return syscall.Exec(program, command, env) //nolint:gosec // a command that the user trusted
}

func allow(ruleset uintptr, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)                                                               //nolint:errcheck // only named
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)} //nolint:gosec // a descriptor
	//nolint:gosec // the kernel reads the struct during the call
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, ruleset, unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// isolate gives the command a network namespace of its own, without a network,
// and a process namespace: with the command ends whatever it started, and it
// ends with this process.
func isolate(cmd *exec.Cmd) bool {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:   syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
	}
	return true
}
