package machine

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ReleaseProgram takes the pages of the program's own file out of this process:
// code and constants, most of which only the start needed. An idle server then
// maps what it runs, a tenth of what the start left mapped.
//
// It saves what is counted against this process, and page tables. It frees no
// page by itself: they are clean, lie in the page cache, and are shared by every
// server of this machine; the kernel could drop them before, too, and now finds
// them unmapped. What is needed again is mapped again, 16 pages a fault, and
// read from the disk only where memory was so short that the kernel had dropped
// it.
func ReleaseProgram() {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close() //nolint:errcheck // only read
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, r := range cleanRanges(maps, program) {
		// A failure costs the saving alone.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, r.from, r.to-r.from, syscall.MADV_DONTNEED)
	}
}

// addressRange is the addresses from from up to to.
type addressRange struct{ from, to uintptr }

// cleanRanges returns where the program's file is mapped and nothing can have
// been written: a page that was written would be lost.
func cleanRanges(maps io.Reader, program string) (clean []addressRange) {
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// from-to rights offset device inode path; the path may have spaces.
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || !strings.HasSuffix(lines.Text(), " "+program) || fields[1] != "r-xp" && fields[1] != "r--p" {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		a, err := strconv.ParseUint(from, 16, 64)
		if err != nil {
			continue
		}
		if b, err := strconv.ParseUint(to, 16, 64); err == nil && a < b {
			clean = append(clean, addressRange{uintptr(a), uintptr(b)})
		}
	}
	return clean
}
