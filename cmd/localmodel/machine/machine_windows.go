package machine

import (
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryStatus is Windows' MEMORYSTATUSEX.
type memoryStatus struct {
	length, load                               uint32
	total, free, pageTotal, pageFree           uint64
	virtualTotal, virtualFree, virtualExtended uint64
}

// Memory is the bytes of this machine; 0 where they are not known.
func Memory() int64 {
	s := memoryStatus{}
	s.length = uint32(unsafe.Sizeof(s))
	ok, _, _ := syscall.NewLazyDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx").Call(uintptr(unsafe.Pointer(&s)))
	if ok == 0 {
		return 0
	}
	return int64(s.total)
}

// detach gives the program no console of ours.
func detach(cmd *exec.Cmd) {
	const detachedProcess, newProcessGroup = 0x8, 0x200
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: detachedProcess | newProcessGroup, HideWindow: true}
}

func free(dir string) (int64, bool) {
	var bytes uint64
	name, err := windows.UTF16PtrFromString(dir)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(name, &bytes, nil, nil)
	}
	return int64(bytes), err == nil //nolint:gosec // no disk has so much
}
