package parts

import (
	"os/exec"
	"testing"
)

// System are the words of REQUIRE that are no parts: programs that a system
// has or lacks, and what its kernel lets an ordinary process do.
var System = []string{
	"bash", "buildah", "fish", "git", "ip", "make", "man", "node", "npm", "npx", "pip", "podman", "ps", "python3", "runc", "script", "sh", "strace", "unshare", "zsh",
	"interrupt",   // send Ctrl-C to another process
	"landlock",    // forbid a program of one's own to write
	"mount",       // mount a file system, as root
	"terminal",    // open a pseudo-terminal
	"smol-drafts", // time for five drafts by a real model
}

// Program returns the path of a program of the system. Where it is absent the
// test ends as Absent says.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Absent(t, name, "it is not on the PATH")
	}
	return path
}

// Absent ends a test whose requirement the machine lacks: it is skipped by the
// word, or fails where REQUIRE names that.
func Absent(t testing.TB, word, why string) {
	t.Helper()
	if Required(word) {
		t.Fatalf("REQUIRE names %s: %s", word, why)
	}
	t.Skipf("%s: %s", word, why)
}
