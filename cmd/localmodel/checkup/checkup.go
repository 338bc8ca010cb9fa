// Package checkup judges what was found of this machine: what works, what does
// not, and the command that fixes it. Judge looks at nothing itself, so that
// every verdict can be tested on facts; Run gathers them, Fixer does what can be
// done.
package checkup

import (
	"fmt"
	"io"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/advice"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
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
	Health    routing.Health
	Model     routing.ModelInfo // as far as ModelErr is nil
	ModelErr  error
	NumCtx    int    // tokens
	Memory    int64  // of this machine, bytes; 0 = not known
	LocalHost bool   // Ollama runs on this machine
	Installed string // path of the ollama program; "" = not found
	ByProxy   bool   // the local tier is the proxy's
	ByServer  bool   // the local tier is the server at LOCALMODEL_LOCAL_URL

	LocalProxy bool   // the proxy runs on this machine, or would
	LiteLLM    string // path of the litellm program; "" = not found

	DefaultKey bool
	Cloud      bool // paid tiers may be asked
	Fallback   []policy.Tier
	SpentUSD   float64 // today
	DailyUSD   float64

	State      string // where the journal is
	JournalErr error  // why nothing can be recorded
	Stats      projection.Stats
	Warnings   []string // of the state file
	StateFile  bool     // it exists
	// KeepsStateFile reports whether the state file follows the journal.
	KeepsStateFile bool

	GuardMode string
	Guard     []GuardClass

	Shell     advice.Shell
	Problems  []string // of the configuration
	Untrusted []string // what the project asks for and the user has not trusted
	Settings  []settings.Value
	Clients   []clients.Found
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
	r.Checks = append(r.Checks, f.ollama()...)
	if text := f.Health.Ollama.SlotsError; text != "" {
		r.Checks = append(r.Checks, Check{Name: "slots", Status: Advice, Text: text})
	}
	r.Checks = append(r.Checks, f.proxy()...)
	r.Checks = append(r.Checks, f.journal()...)
	r.Checks = append(r.Checks, f.guard())
	r.Checks = append(r.Checks, f.configuration()...)
	r.Checks = append(r.Checks, f.clients())
	for _, c := range r.Checks {
		for i, fix := range c.Fixes {
			c.Fixes[i] = f.Shell.Say(fix)
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

// marks are what a person sees of a status.
var marks = map[Status]struct {
	mark   string
	colour term.Colour
}{OK: {"✓", term.Green}, Advice: {"!", term.Yellow}, Less: {"!", term.Yellow}, Fail: {"✗", term.Red}}

// Print writes the report for a person; all adds the whole configuration, of
// which only what is not default is shown otherwise.
func (r Report) Print(out io.Writer, paint term.Painter, all bool) {
	widest := 0
	for _, c := range r.Checks {
		widest = max(widest, len(c.Name))
	}
	for _, c := range r.Checks {
		m := marks[c.Status]
		head := fmt.Sprintf("%s %-*s  ", m.mark, widest, c.Name)
		text := term.Wrap(term.Width(out), head, c.Text)
		fmt.Fprint(out, strings.Replace(text, m.mark, paint.Paint(m.colour, m.mark), 1))
		for _, fix := range c.Fixes {
			term.Print(out, "  → ", fix)
		}
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
