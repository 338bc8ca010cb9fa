package evaluate

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts"
)

func (r PlanReport) lead() string {
	return fmt.Sprintf("%d tickets, each planned by each model in each setting, as plan_ticket asks.", r.Tickets)
}

// Print writes the comparison for a person.
func (r PlanReport) Print(out io.Writer) {
	term.Print(out, "", r.lead())
	for _, w := range r.Warnings {
		term.Print(out, "! ", w)
	}
	fmt.Fprintln(out)
	var rows [][]string
	for _, s := range r.Columns {
		rows = append(rows, []string{s.name(), s.Accepted.Brief(), s.Time.P50.String(), s.Time.P95.String(), fmt.Sprint(s.TokensOut)})
	}
	term.Table(out, []string{"Plans, 95 % interval", "accepted", "p50", "p95", "tokens out"}, rows)
	for _, s := range r.Columns {
		fmt.Fprintf(out, "\n%s\n", plain.Line(s.name()))
		field := func(name, text string) { term.Print(out, fmt.Sprintf("  %-12s", name), text) }
		field("plans", s.words())
		field("content", fmt.Sprintf("%s steps with a place that is there, %s tests named, %s plans with a command", s.Where, s.Named, s.Verify))
		field("tokens", fmt.Sprintf("%d in, %d out, %s", s.TokensIn, s.TokensOut, dollars(s.CostUSD)))
		for i, one := range r.refused(s) {
			const most = 10
			if i == most {
				field("", fmt.Sprintf("and %d more, with --json", len(r.refused(s))-most))
				break
			}
			field(map[bool]string{true: "defects"}[i == 0], plain.Line(one.Ticket+one.end()+": "+one.defects()))
		}
	}
}

func (s PlanScore) name() string { return column(s.Model, s.Setting) }

// refused are the results of a column whose first plan was not accepted.
func (r PlanReport) refused(s PlanScore) (out []Result) {
	for _, one := range r.Plans {
		if one.Model == s.Model && one.Setting == s.Setting && (one.Failed != "" || len(one.Defects) > 0) {
			out = append(out, one)
		}
	}
	return out
}

// end is what became of a plan whose first version was refused.
func (r Result) end() string {
	if r.Failed == "" {
		return " (repaired)"
	}
	return ""
}

// defects are those of the first plan, else why there was none.
func (r Result) defects() string {
	if len(r.Defects) == 0 {
		return r.Reason
	}
	return strings.Join(r.Defects, "; ")
}

// Page is the comparison as a page.
func (r PlanReport) Page() page.Page {
	p := page.Page{Title: "Plans side by side", Made: r.Made, Lead: r.lead(), Notes: append([]string{
		"A plan is accepted when it names every affected file and criterion, places that are in the files, and says more than the ticket; each has one repair round.",
		"Defects are those of the first plan. Content is counted over the last plan of each ticket, accepted or not.",
		"p50 and p95 are times of a whole plan, its repair included, the loading of the model left out. Where no setting is named, plans are drawn as plan_ticket does.",
		fmt.Sprintf("Costs are the proxy's own, or list prices of %s. Prompts of version %s.", r.PricesDate, r.Prompt),
	}, r.Warnings...)}
	t := &page.Table{Head: []string{"Model and setting", "accepted", "repaired", "files", "criteria", "places", "tests named", "with a command", "p50", "p95", "tokens in + out", "cost"}}
	refused := &page.Table{Head: []string{"Model and setting", "ticket", "end", "first defects"}}
	var accepted []page.Range
	for _, s := range r.Columns {
		t.Rows = append(t.Rows, []string{s.name(), s.Accepted.Brief(), fmt.Sprint(s.Repaired), s.Files.String(), s.Criteria.String(), s.Where.String(), s.Named.String(), s.Verify.String(),
			s.Time.P50.String(), s.Time.P95.String(), fmt.Sprintf("%d + %d", s.TokensIn, s.TokensOut), dollars(s.CostUSD)})
		accepted = append(accepted, page.Range{Label: s.name(), Share: s.Accepted})
		for _, one := range r.refused(s) {
			end := "repaired"
			if one.Failed != "" {
				end = string(one.Failed)
			}
			refused.Rows = append(refused.Rows, []string{s.name(), one.Ticket, end, plain.Line(one.defects())})
		}
	}
	p.Sections = append(p.Sections, page.Section{Title: "At a glance", Table: t,
		Charts: []page.Chart{{SVG: page.Ranges("Plans accepted, by model and setting", accepted), Caption: "The dot is the share that is accepted, the line its 95 % interval."}}})
	if len(refused.Rows) > 0 {
		p.Sections = append(p.Sections, page.Section{Title: "What was refused at first", Table: refused})
	}
	return p
}

// WriteCSV writes one line a plan. What a ticket, a model or a server says becomes
// no formula in a spreadsheet.
func (r PlanReport) WriteCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"model", "temperature_top_p", "ticket", "accepted", "repaired", "first_defects", "steps", "where", "tests", "named", "verify", "ms", "tokens_in", "tokens_out", "cost_usd"}}
	for _, one := range r.Plans {
		c := one.Content
		if c == nil {
			c = &prompts.Content{}
		}
		row := []string{plain.Cell(one.Model), one.Setting, plain.Cell(one.Ticket), fmt.Sprint(one.Failed == ""), fmt.Sprint(one.Repaired), plain.Cell(one.defects())}
		for _, n := range []int64{int64(c.Steps), int64(c.Where), int64(c.Tests), int64(c.Named), int64(c.Verify), one.MS, int64(one.TokensIn), int64(one.TokensOut)} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		rows = append(rows, append(row, strconv.FormatFloat(one.CostUSD, 'f', -1, 64)))
	}
	return w.WriteAll(rows)
}
