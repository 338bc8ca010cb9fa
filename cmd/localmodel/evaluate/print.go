package evaluate

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }

func joined(list []string, by string) string { return strings.Join(list, by) }

// Print writes the comparison for a person.
func (r Report) Print(out io.Writer) {
	term.Print(out, "", fmt.Sprintf("%d tickets, of which %d have a category and %d a complexity to judge by.", r.Tickets, r.Labelled.Category, r.Labelled.Complexity))
	for _, w := range r.Warnings {
		term.Print(out, "! ", w)
	}
	fmt.Fprintln(out)
	var rows [][]string
	for _, s := range r.Models {
		rows = append(rows, []string{s.Model, brief(s.Category.All), brief(s.Complexity.All), ms(s.Classify.P50), ms(s.Classify.P95), s.cost()})
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
		field("rules alone", fmt.Sprintf("on the same tickets: category %s, complexity %s", brief(b.Category), brief(b.Complexity)))
	}
	if s.Routed.N > 0 {
		field("with rules", whole(s.Routed)+" of the complexities, after the rules have set their floor")
	}
	field("no answer", s.failures())
	if p := s.Plans; p != nil {
		field("plans", p.words()+fmt.Sprintf("; %s p50, %s p95", ms(s.Plan.P50), ms(s.Plan.P95)))
	}
	field("tokens", fmt.Sprintf("%d in, %d out, %s", s.TokensIn, s.TokensOut, s.cost()))
	if c := s.Calibration; c != nil {
		field("confidence", fmt.Sprintf("Brier %.3f, calibration error %.3f, over %d answers", c.Brier, c.Error, c.Answers))
		for _, b := range c.Bins {
			field("", fmt.Sprintf("%.1f to %.1f: %s right %s", b.From, b.To, meter(b.Right.Rate), whole(b.Right)))
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
		out = append(out, c.Name+" "+whole(c.Right))
	}
	return joined(out, "; ")
}

func (p Plans) words() string {
	text := whole(p.Accepted) + " accepted"
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
	text := whole(a.Same)
	if a.Kappa != nil {
		text += fmt.Sprintf(", kappa %.2f", *a.Kappa)
	}
	return text
}

// whole writes a share with everything there is to say of it.
func whole(s figures.Share) string {
	return fmt.Sprintf("%d of %d, %.0f %% (%.0f to %.0f)", s.K, s.N, s.Rate*100, s.Low*100, s.High*100)
}

// brief writes it for a table.
func brief(s figures.Share) string {
	if s.N == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %% (%.0f-%.0f)", s.Rate*100, s.Low*100, s.High*100)
}

func ms(v int64) string {
	if v == 0 {
		return "-"
	}
	if v < 1000 {
		return fmt.Sprintf("%d ms", v)
	}
	return fmt.Sprintf("%.1f s", (time.Duration(v) * time.Millisecond).Seconds())
}

func (s Score) cost() string { return dollars(s.CostUSD) }

func dollars(usd float64) string {
	if usd == 0 {
		return "$0"
	}
	return fmt.Sprintf("$%.4f", usd)
}
