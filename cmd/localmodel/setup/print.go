package setup

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
)

// marks are what a person sees of a state.
var marks = map[State]struct {
	mark   string
	colour term.Colour
}{
	Done: {"✓", term.Green}, Same: {"✓", term.Green}, Would: {"·", term.Dim}, Refused: {"-", term.Yellow},
	Missing: {"!", term.Yellow}, Failed: {"✗", term.Red},
}

// Print writes one step for a person.
func (o Outcome) Print(out io.Writer, paint term.Painter) {
	m := marks[o.State]
	line := term.Wrap(term.Width(out), fmt.Sprintf("%s %-7s  ", m.mark, o.Name), o.Text)
	fmt.Fprint(out, strings.Replace(line, m.mark, paint.Paint(m.colour, m.mark), 1))
	for _, fix := range o.Fixes {
		term.Print(out, "  → ", fix)
	}
}

// Print writes how it ended, and what comes next.
func (r Report) Print(out io.Writer) {
	fmt.Fprintln(out)
	for _, next := range r.Next {
		term.Print(out, "Next: ", next)
	}
	term.Print(out, "", r.verdict())
}

func (r Report) verdict() string {
	switch {
	case r.Exit == ExitNobody:
		return "Nothing was changed: not a terminal. localmodel setup --yes does the above without asking. (exit 3)"
	case r.Exit == ExitFailed:
		return "Something could not be written; see above. (exit 2)"
	case r.Exit == ExitMissing && r.DryRun:
		return "Dry run: nothing was changed. What is missing is named above. (exit 1)"
	case r.DryRun:
		return "Dry run: nothing was changed."
	case r.Exit == ExitMissing:
		return "Not all is there yet; do what is named above and run localmodel setup again. (exit 1)"
	case r.declined():
		return "Set up, but for what is marked - above; localmodel setup asks again."
	case r.Unsure:
		return "Set up, but rules will classify most tickets: " + r.Model + " is too unsure. localmodel doctor looks again at any time."
	}
	return "Set up. localmodel doctor looks again at any time."
}

// declined reports whether a file that setup would have written was left as it
// is.
func (r Report) declined() bool {
	return slices.ContainsFunc(r.Steps, func(o Outcome) bool {
		return o.State == Refused && (o.Name == StepConfig || o.Name == StepClients)
	})
}
