// Package winpath gives Windows' paths one form each. A directory has several
// there: with the prefix of the kernel (\\?\C:\p), with a drive in small
// letters, beneath either name of WSL's share. Compared as text they are
// different, and a ticket would lie outside of its own project.
package winpath

import (
	"runtime"
	"strings"
)

// Clean is Form on Windows, and elsewhere the path itself.
func Clean(path string) string {
	if runtime.GOOS != "windows" {
		return path
	}
	return Form(path)
}

// Form is the one form of a path of Windows: without the kernel's prefix, the
// drive in capitals, WSL's share by its present name. What cannot be said
// without the prefix, such as a volume's id, keeps it. It does no I/O.
func Form(path string) string {
	path = strings.ReplaceAll(path, "/", `\`)
	for _, prefix := range []string{`\\?\`, `\\.\`, `\??\`} {
		rest, found := strings.CutPrefix(path, prefix)
		if !found {
			continue
		}
		if share, ok := cutFold(rest, `UNC\`); ok {
			path = `\\` + share
		} else if hasDrive(rest) {
			path = rest
		}
		break
	}
	if hasDrive(path) {
		return strings.ToUpper(path[:1]) + path[1:]
	}
	for _, host := range []string{`\\wsl$\`, `\\wsl.localhost\`} {
		if rest, ok := cutFold(path, host); ok {
			return `\\wsl.localhost\` + rest
		}
	}
	return path
}

// hasDrive reports whether a path begins with a drive and a separator.
func hasDrive(path string) bool {
	return len(path) >= 3 && path[1] == ':' && path[2] == '\\' &&
		(path[0] >= 'a' && path[0] <= 'z' || path[0] >= 'A' && path[0] <= 'Z')
}

func cutFold(path, prefix string) (rest string, found bool) {
	if len(path) < len(prefix) || !strings.EqualFold(path[:len(prefix)], prefix) {
		return path, false
	}
	return path[len(prefix):], true
}
