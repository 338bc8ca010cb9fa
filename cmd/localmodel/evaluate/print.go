package evaluate

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// counts lists a map's entries, each in a form of its key and its number.
func counts(m map[string]int, form string) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf(form, key, m[key]))
	}
	return strings.Join(out, ", ")
}

func (r Report) lead() string {
	return fmt.Sprintf("%d tickets, of which %d have a category and %d a complexity to judge by.", r.Tickets, r.Labelled.Category, r.Labelled.Complexity)
}

// Print writes the comparison for a person.
func (r Report) Print(out io.Writer) {
	term.Print(out, "", r.lead())
	for _, w := range r.Warnings {
		term.Print(out, "! ", w)
	}
	fmt.Fprintln(out)
	var rows [][]string
	for _, s := range r.Models {
		rows = append(rows, []string{s.Model, s.Category.All.Brief(), s.Complexity.All.Brief(), s.Classify.P50.String(), s.Classify.P95.String(), dollars(s.CostUSD)})
	}
	term.Table(out, []string{"Right, 95 % interval", "category", "complexity", "p50", "p95", "cost"}, rows)
	for _, s := range r.Models {
		s.print(out)
	}
	if len(r.Agreement) > 0 {
		fmt.Fprintln(out, "\nAgreement on the complexity")
		for _, a := range r.Agreement {
			term.Print(out, "  ", a.A+" and "+a.B+": "+a.words())
		}
	}
}

func (s Score) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n", plain.Line(s.Model))
	field := func(name, text string) {
		if text != "" {
			term.Print(out, fmt.Sprintf("  %-12s", name), text)
		}
	}
	field("category", s.Category.words())
	field("complexity", s.Complexity.words())
	if s.Model == Rules {
		return
	}
	if b := s.Rules; b != nil && b.Category.N+b.Complexity.N > 0 {
		field("rules alone", fmt.Sprintf("on the same tickets: category %s, complexity %s", b.Category.Brief(), b.Complexity.Brief()))
	}
	if s.Routed.N > 0 {
		field("with rules", s.Routed.Whole()+" of the complexities, after the rules have set their floor")
	}
	field("no answer", s.failures())
	if p := s.Plans; p != nil {
		field("plans", p.words()+fmt.Sprintf("; %s p50, %s p95", s.Plan.P50.String(), s.Plan.P95.String()))
	}
	field("tokens", fmt.Sprintf("%d in, %d out, %s", s.TokensIn, s.TokensOut, dollars(s.CostUSD)))
	if c := s.Calibration; c != nil {
		field("confidence", fmt.Sprintf("Brier %.3f, calibration error %.3f, over %d answers", c.Brier, c.Error, c.Answers))
		for _, b := range c.Bins {
			field("", fmt.Sprintf("%.1f to %.1f: %s right %s", b.From, b.To, meter(b.Right.Rate), b.Right.Whole()))
		}
		field("threshold", c.words())
	} else {
		field("confidence", "none was given")
	}
}

// meter draws a share as a bar.
func meter(v float64) string {
	const cells = 20
	full := int(v*cells + .5)
	return strings.Repeat("█", full) + strings.Repeat("░", cells-full)
}

func (a Accuracy) words() string {
	var out []string
	for _, c := range a.Classes {
		out = append(out, c.Name+" "+c.Right.Whole())
	}
	return strings.Join(out, "; ")
}

func (p Plans) words() string {
	text := p.Accepted.Whole() + " accepted"
	if p.Repaired > 0 {
		text += fmt.Sprintf(" (%d after a repair)", p.Repaired)
	}
	return text + fmt.Sprintf(", %d of %d files and %d of %d criteria covered", p.Files.K, p.Files.N, p.Criteria.K, p.Criteria.N)
}

func (c *Calibration) words() string {
	cut, ok := c.At()
	if !ok {
		return fmt.Sprintf("none recommended from %d answers, at least %d are needed", c.Answers, leastAnswers)
	}
	if cut.Kept.K == 0 {
		return fmt.Sprintf("no answer of it is worth keeping beside %s: with LOCALMODEL_MIN_CONFIDENCE=%.2f none is, and %.0f %% are right", c.Next, cut.Threshold, cut.Whole*100)
	}
	text := fmt.Sprintf("LOCALMODEL_MIN_CONFIDENCE=%.2f keeps %.0f %% of the answers", cut.Threshold, cut.Kept.Rate*100)
	if cut.Right.N > 0 {
		text += fmt.Sprintf(", %.0f %% of them right", cut.Right.Rate*100)
	}
	return text + fmt.Sprintf("; with %s for the rest %.0f %% are right", c.Next, cut.Whole*100)
}

func (a Agreement) words() string {
	text := a.Same.Whole()
	if a.Kappa != nil {
		text += fmt.Sprintf(", kappa %.2f", *a.Kappa)
	}
	return text
}

func dollars(usd float64) string {
	if usd == 0 {
		return "$0"
	}
	return fmt.Sprintf("$%.4f", usd)
}
