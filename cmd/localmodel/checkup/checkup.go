// Package checkup judges what was found of this machine: what works, what does
// not, and the command that fixes it. Judge looks at nothing itself, so that
// every verdict can be tested on facts; Run gathers them, Fixer does what can be
// done.
package checkup

import (
	"fmt"
	"io"
	"slices"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/statestore/projection"
)

// Status is a check's verdict.
type Status string

// OK works. Advice works too, and something could be better. Less means that a
// fallback or the rules answer. Fail means that nothing can be recorded, or
// that a setting cannot be used.
const (
	OK     Status = "ok"
	Advice Status = "advice"
	Less   Status = "less"
	Fail   Status = "fail"
)

// Check is one thing looked at. Each of Fixes is a command that fixes it, or
// says what would.
type Check struct {
	Name   string   `json:"name"`
	Status Status   `json:"status"`
	Text   string   `json:"text"`
	Fixes  []string `json:"fixes,omitempty"`
}

// Facts is what was found.
type Facts struct {
	Config    *app.Config
	Settings  []settings.Value
	Untrusted []string // what the project asks for and the user has not trusted
	Clients   []clients.Found

	Health    routing.Health
	Model     routing.ModelInfo // as far as ModelErr is nil
	ModelErr  error
	Memory    int64  // of this machine, bytes; 0 = not known
	Installed string // path of the ollama program on this machine; "" = not found
	LiteLLM   string // path of the litellm program; "" = not found

	SpentUSD   float64 // today
	JournalErr error   // why nothing can be recorded
	Stats      projection.Stats
	Warnings   []string // of the state file
	StateFile  bool     // it exists
	Guard      []GuardClass
}

// GuardClass is the guard's word on one class of tickets.
type GuardClass struct {
	Class string
	Open  bool
	Words string
}

// Report is every check, and the configuration as resolved.
type Report struct {
	Exit          int              `json:"exit"`
	Checks        []Check          `json:"checks"`
	Configuration []settings.Value `json:"configuration"`
}

// Judge makes the report. Exit is 0 where all works, 1 where it works with
// less, 2 where nothing can be recorded or a setting cannot be used.
func Judge(f Facts) Report {
	r := Report{Configuration: f.Settings}
	r.Checks = slices.Concat(f.ollama(), f.slots(), f.proxy(), f.journal(), f.guard(), f.configuration(), f.clients())
	for _, c := range r.Checks {
		for i, fix := range c.Fixes {
			c.Fixes[i] = f.Config.Shell.Say(fix)
		}
		switch {
		case c.Status == Fail:
			r.Exit = 2
		case c.Status == Less && r.Exit == 0:
			r.Exit = 1
		}
	}
	return r
}

var marks = map[Status]term.Mark{
	OK:     {Sign: "✓", Colour: term.Green},
	Advice: {Sign: "!", Colour: term.Yellow},
	Less:   {Sign: "!", Colour: term.Yellow},
	Fail:   {Sign: "✗", Colour: term.Red},
}

// Print writes the report for a person; all adds the whole configuration, of
// which only what is not default is shown otherwise.
func (r Report) Print(out io.Writer, paint term.Painter, all bool) {
	widest := 0
	for _, c := range r.Checks {
		widest = max(widest, len(c.Name))
	}
	for _, c := range r.Checks {
		paint.Marked(out, marks[c.Status], fmt.Sprintf("%-*s", widest, c.Name), c.Text, c.Fixes)
	}
	r.printSettings(out, paint, all)
	fmt.Fprintln(out)
	term.Print(out, "", r.verdict())
}

func (r Report) printSettings(out io.Writer, paint term.Painter, all bool) {
	var shown []settings.Value
	widest := 0
	for _, s := range r.Configuration {
		if all || s.From != "default" {
			shown = append(shown, s)
			widest = max(widest, len(s.Name))
		}
	}
	fmt.Fprintln(out, "\nConfiguration")
	for _, s := range shown {
		term.Print(out, fmt.Sprintf("  %-*s  ", widest, s.Name), s.Value+" ("+s.From+")")
	}
	if n := len(r.Configuration) - len(shown); n > 0 {
		text := fmt.Sprintf("%d more at their defaults; localmodel doctor --all shows them", n)
		if len(shown) == 0 {
			text = fmt.Sprintf("all %d settings are at their defaults; localmodel doctor --all shows them", n)
		}
		fmt.Fprint(out, paint.Paint(term.Dim, term.Wrap(term.Width(out), "  ", text)))
	}
}

func (r Report) verdict() string {
	switch r.Exit {
	case 0:
		return "All works."
	case 1:
		return "It works with less: where the local model or a tier is missing, the next one answers, and at the end the rules and templates. (exit 1)"
	}
	return "Errors found: outcomes cannot be recorded. Fix them first. (exit 2)"
}
