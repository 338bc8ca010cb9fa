package draft

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Stats counts what a patch changes.
type Stats struct {
	Files   int `json:"files"`
	Added   int `json:"added"`
	Removed int `json:"removed"`
}

// patchOf renders the changes as one patch that `git apply` takes.
func patchOf(changes []Change) (string, Stats) {
	var b strings.Builder
	s := Stats{Files: len(changes)}
	for _, c := range changes {
		from, to := quotePath("a/"+c.Path), quotePath("b/"+c.Path)
		fmt.Fprintf(&b, "diff --git %s %s\n", from, to)
		if !c.Exists {
			b.WriteString("new file mode 100644\n")
			from = "/dev/null"
		}
		text := udiff.Unified(from, to, c.Text, c.After)
		b.WriteString(text)
		for i, line := range strings.Split(text, "\n") {
			switch {
			case i < 2: // the files' names
			case strings.HasPrefix(line, "+"):
				s.Added++
			case strings.HasPrefix(line, "-"):
				s.Removed++
			}
		}
	}
	return b.String(), s
}

// quotePath writes a path as git does: quoted where it holds anything but
// printable ASCII, a quote or a backslash.
func quotePath(p string) string {
	var b strings.Builder
	for i := range len(p) {
		switch c := p[i]; {
		case c == '"' || c == '\\':
			b.Write([]byte{'\\', c})
		case c < 0x20 || c > 0x7e:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	if quoted := b.String(); quoted != p {
		return `"` + quoted + `"`
	}
	return p
}
