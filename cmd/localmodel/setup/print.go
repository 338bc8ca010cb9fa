package setup

import (
	"fmt"
	"io"
	"slices"

	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
)

// marks are what a person sees of a state.
var marks = map[State]term.Mark{
	Done:    {Sign: "✓", Colour: term.Green},
	Same:    {Sign: "✓", Colour: term.Green},
	Would:   {Sign: "·", Colour: term.Dim},
	Refused: {Sign: "-", Colour: term.Yellow},
	Missing: {Sign: "!", Colour: term.Yellow},
	Failed:  {Sign: "✗", Colour: term.Red},
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
