package evaluate

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
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

// failures describes why there was no answer.
func (s Score) failures() string { return counts(s.Failed, "%[2]d %[1]s") }

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

// Page is the comparison as a page.
func (r Report) Page() page.Page {
	p := page.Page{Title: "Models side by side", Made: r.Made, Notes: r.notes(), Lead: r.lead(), Sections: []page.Section{r.overview()}}
	if r.Labelled.Category > 0 {
		p.Sections = append(p.Sections, r.classes("Category", func(s Score) Accuracy { return s.Category }))
	}
	if r.Labelled.Complexity > 0 {
		p.Sections = append(p.Sections, r.classes("Complexity", func(s Score) Accuracy { return s.Complexity }))
	}
	for _, s := range r.Models {
		if s.Calibration != nil {
			p.Sections = append(p.Sections, s.calibrationSection())
		}
	}
	if t := r.planTable(); len(t.Rows) > 0 {
		p.Sections = append(p.Sections, page.Section{Title: "Plans", Table: t})
	}
	if len(r.Agreement) > 0 {
		t := &page.Table{Head: []string{"Two models", "say the same", "kappa"}}
		for _, a := range r.Agreement {
			kappa := "-"
			if a.Kappa != nil {
				kappa = fmt.Sprintf("%.2f", *a.Kappa)
			}
			t.Rows = append(t.Rows, []string{a.A + " and " + a.B, a.Same.Brief(), kappa})
		}
		p.Sections = append(p.Sections, page.Section{Title: "Agreement on the complexity", Table: t})
	}
	return p
}

func (r Report) overview() page.Section {
	t := &page.Table{Head: []string{"Model", "category right", "complexity right", "complexity by rules", "with rules", "p50", "p95", "tokens in + out", "cost", "no answer"}}
	for _, s := range r.Models {
		row := []string{s.Model, s.Category.All.Brief(), s.Complexity.All.Brief(), "", s.Routed.Brief(), "", "", "", "", ""}
		if s.Model != Rules { // which take no time and no tokens
			row[3] = s.Rules.Complexity.Brief()
			row = append(row[:5], s.Classify.P50.String(), s.Classify.P95.String(),
				fmt.Sprintf("%d + %d", s.TokensIn, s.TokensOut), dollars(s.CostUSD), s.failures())
		}
		t.Rows = append(t.Rows, row)
	}
	return page.Section{Title: "At a glance", Table: t}
}

func (r Report) classes(title string, of func(Score) Accuracy) page.Section {
	var all []page.Range
	t := &page.Table{Head: []string{"Model", "class", "right", "share", "95 % interval", "answers"}}
	for _, m := range r.Models {
		a := of(m)
		if a.All.N == 0 {
			continue
		}
		all = append(all, page.Range{Label: m.Model, Share: a.All})
		for _, c := range a.Classes {
			t.Rows = append(t.Rows, []string{m.Model, c.Name, c.Right.String(), c.Right.Percent(), c.Right.Interval(),
				counts(a.Said[c.Name], "%[1]s %[2]d")})
		}
	}
	return page.Section{Title: title, Table: t, Charts: []page.Chart{{SVG: page.Ranges(title+" right, by model", all),
		Caption: "The dot is the share that is right, the line its 95 % interval."}}}
}

func (s Score) calibrationSection() page.Section {
	c := s.Calibration
	t := &page.Table{Head: []string{"Confidence", "mean", "right", "share", "95 % interval"}}
	for _, b := range c.Bins {
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%.1f to %.1f", b.From, b.To), fmt.Sprintf("%.2f", b.Confidence), b.Right.String(),
			b.Right.Percent(), b.Right.Interval()})
	}
	kept, whole := page.Curve{Class: "three"}, page.Curve{Class: "one"}
	for _, cut := range c.Cuts {
		kept.X, kept.Y = append(kept.X, cut.Threshold), append(kept.Y, cut.Kept.Rate)
		whole.X, whole.Y = append(whole.X, cut.Threshold), append(whole.Y, cut.Whole)
	}
	mark, caption := -1.0, ""
	if c.Threshold != nil {
		mark = *c.Threshold
		caption = "The dashed line is the threshold recommended: the lowest that the sample cannot distinguish from the best."
	}
	return page.Section{Title: "How sure is " + s.Model, Table: t,
		Text: fmt.Sprintf("Brier score %.3f, calibration error %.3f, over %d answers; %s.", c.Brier, c.Error, c.Answers, c.words()),
		Charts: []page.Chart{
			{SVG: page.Reliability("Reliability of "+s.Model, c.Bins), Caption: "On the dashed line a model is right as often as it is sure; below it, it is too sure of itself. Larger dots are more answers, lines for 95 % intervals."},
			{Keys: []page.Key{{Class: "one", Name: "right, with " + c.Next + " for the rest"}, {Class: "three", Name: "kept"}},
				SVG:     page.Curves("What a threshold does to "+s.Model, "threshold", "share", []page.Curve{kept, whole}, mark),
				Caption: caption},
		}}
}

func (r Report) planTable() *page.Table {
	t := &page.Table{Head: []string{"Model", "accepted", "repaired", "files covered", "criteria covered", "p50", "p95"}}
	for _, s := range r.Models {
		if p := s.Plans; p != nil {
			t.Rows = append(t.Rows, []string{s.Model, p.Accepted.Whole(), fmt.Sprint(p.Repaired), p.Files.String(),
				p.Criteria.String(), s.Plan.P50.String(), s.Plan.P95.String()})
		}
	}
	return t
}

func (r Report) notes() []string {
	out := []string{
		"Each model is asked for the category and the complexity of every ticket; its id, whose prefix names the category, is hidden. What the ticket or the labels file states is what an answer is judged by.",
		"rules is what the program says without any model: keywords and the number of files. With rules is a model's complexity after the rules have set their floor, as classify_ticket decides it.",
		"Confidence is the model's own probability of the complexity it named. The Brier score is its mean squared distance from what was right: 0 is perfect, 0.25 what always saying one half gets.",
		"The threshold recommended is the lowest whose share of right answers, with the next tier for what falls below it, is within one standard error of the best.",
		"p50 and p95 are times of a classification, the loading of the model left out.",
		fmt.Sprintf("Costs are the proxy's own, or list prices of %s. Prompts of version %s.", r.PricesDate, r.Prompt),
	}
	return append(out, r.Warnings...)
}
