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

// Patch renders the changes as one patch that `git apply` takes.
func Patch(changes []Change) (string, Stats) {
	var (
		b strings.Builder
		s Stats
	)
	for _, c := range changes {
		from, to := "a/"+c.Path, "b/"+c.Path
		fmt.Fprintf(&b, "diff --git %s %s\n", quotePath(from), quotePath(to))
		from, to = quotePath(from), quotePath(to)
		if !c.Exists {
			b.WriteString("new file mode 100644\n")
			from = "/dev/null"
		}
		text := udiff.Unified(from, to, c.Text, c.After)
		b.WriteString(text)
		s.Files++
		for i, line := range strings.Split(text, "\n") {
			switch {
			case i < 2:
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
	plain := true
	for i := range len(p) {
		if p[i] < 0x20 || p[i] > 0x7e || p[i] == '"' || p[i] == '\\' {
			plain = false
		}
	}
	if plain {
		return p
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(p) {
		switch c := p[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c > 0x7e:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
