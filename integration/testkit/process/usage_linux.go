package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ReadUsage looks into /proc.
func ReadUsage(pid int) (u Usage, err error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		n := 0
		if words := strings.Fields(rest); len(words) > 0 {
			n, _ = strconv.Atoi(words[0])
		}
		switch name {
		case "VmRSS":
			u.RSS = n << 10
		case "RssAnon":
			u.Own = n << 10
		case "VmHWM":
			u.PeakRSS = n << 10
		case "Threads":
			u.Threads = n
		}
	}
	files, err := os.ReadDir(dir + "fd")
	if err != nil {
		return u, err
	}
	for _, f := range files {
		if name, err := os.Readlink(dir + "fd/" + f.Name()); err == nil { // else closed meanwhile
			u.Files = append(u.Files, name)
		}
	}
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, err
	}
	// What follows the name in parentheses begins with field 3.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 15 {
		return u, fmt.Errorf("%sstat has %d fields", dir, len(fields))
	}
	field := func(n int) int { v, _ := strconv.Atoi(fields[n-3]); return v }
	u.Spawned = field(11) + field(13) + field(16) + field(17)
	threads, err := filepath.Glob(dir + "task/*/schedstat")
	for _, t := range threads {
		text, _ := os.ReadFile(t) // the thread may have ended
		if words := strings.Fields(string(text)); len(words) > 0 {
			ns, _ := strconv.ParseInt(words[0], 10, 64)
			u.CPU += time.Duration(ns)
		}
	}
	return u, err
}
