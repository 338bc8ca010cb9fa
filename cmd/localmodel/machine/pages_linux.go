package machine

import (
	"bufio"
	"fmt"
	"io"
	"os"
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
	maps, err := os.Open("/proc/self/smaps")
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

// cleanRanges returns where the program's file is mapped for reading and no page
// was ever written: a written one would be lost. A build whose addresses are set
// at the start (-buildmode=pie) has such pages, made read-only afterwards; there
// the kernel counts anonymous memory. maps is as /proc/PID/smaps.
func cleanRanges(maps io.Reader, program string) (clean []addressRange) {
	var at addressRange // of the mapping whose lines are read, empty where it is none of ours
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"): // from-to rights offset device inode path
			at = addressRange{}
			// The path may have spaces.
			if strings.HasSuffix(lines.Text(), " "+program) && (fields[1] == "r-xp" || fields[1] == "r--p") {
				at = parseRange(fields[0])
			}
		case len(fields) == 3 && fields[0] == "Anonymous:" && fields[1] == "0" && at != addressRange{}:
			clean = append(clean, at)
		}
	}
	return clean
}

// parseRange reads two hexadecimal addresses with a hyphen between; the zero
// range is returned for anything else.
func parseRange(text string) addressRange {
	var r addressRange
	if _, err := fmt.Sscanf(text, "%x-%x", &r.from, &r.to); err != nil || r.to <= r.from {
		return addressRange{}
	}
	return r
}
