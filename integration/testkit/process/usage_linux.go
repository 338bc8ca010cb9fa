package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Stat is the fields of /proc/PID/stat by their numbers in proc(5), but for pid and
// name.
func Stat(pid int) ([]string, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// The name is in parentheses, and may have any.
	fields := strings.Fields("0 pid name " + string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 23 {
		return nil, fmt.Errorf("%s has %d fields", path, len(fields))
	}
	return fields, nil
}

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
	fields, err := Stat(pid)
	if err != nil {
		return u, err
	}
	field := func(n int) int { v, _ := strconv.Atoi(fields[n]); return v }
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
