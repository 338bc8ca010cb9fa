package evaluate

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// Plans is how whole a model's plans were. Coverage is of the last plan it gave
// for each ticket, accepted or not.
type Plans struct {
	Accepted figures.Share `json:"accepted"`
	Repaired int           `json:"repaired"` // of those accepted, in the second round
	Files    figures.Share `json:"files"`
	Criteria figures.Share `json:"criteria"`
}

// mostDefects is how many defects of a plan are kept.
const mostDefects = 3

// Settings are the columns of a comparison of plans: each model with each way of
// drawing, temperature and top_p; 0 = as plan_ticket does.
func Settings(models []*Model, temperatures, topPs []float64) []*Model {
	var out []*Model
	for _, m := range models {
		for _, heat := range temperatures {
			for _, p := range topPs {
				one := *m
				one.Sampling = routing.Sampling{Temperature: heat, TopP: p}
				one.Setting = setting(heat, p)
				out = append(out, &one)
			}
		}
	}
	return out
}

func setting(heat, topP float64) string {
	var out []string
	if heat > 0 {
		out = append(out, fmt.Sprintf("temperature %g", heat))
	}
	if topP > 0 {
		out = append(out, fmt.Sprintf("top_p %g", topP))
	}
	return strings.Join(out, ", ")
}

// column names a model with its setting.
func column(model, setting string) string {
	if setting == "" {
		return model
	}
	return model + ", " + setting
}

// PlanReport compares plans.
type PlanReport struct {
	Made       time.Time   `json:"made"`
	Tickets    int         `json:"tickets"` // that were planned
	Prompt     string      `json:"prompt"`
	PricesDate string      `json:"prices_date"`
	Columns    []PlanScore `json:"columns"`
	Plans      []Result    `json:"plans"` // each ticket in each column
	Warnings   []string    `json:"warnings,omitempty"`
}

// PlanScore is one model in one setting.
type PlanScore struct {
	Model   string `json:"model"`
	Digest  string `json:"digest,omitempty"`
	Setting string `json:"setting,omitempty"` // "" = as plan_ticket does
	Plans
	Where  figures.Share  `json:"where"`  // steps that name a place which is in their file
	Named  figures.Share  `json:"named"`  // tests that have a name
	Verify figures.Share  `json:"verify"` // plans that have a command
	Failed map[string]int `json:"failed,omitempty"`
	Time   figures.Time   `json:"time"`
	Spent
}

// ScorePlans judges results.
func (p Plan) ScorePlans(results []Result, now time.Time) PlanReport {
	r := PlanReport{Made: now, Prompt: prompts.Version, PricesDate: prices.Date, Warnings: p.Set.Warnings, Plans: results, Columns: []PlanScore{}}
	tickets := map[string]bool{}
	for _, one := range results {
		tickets[one.Hash] = true
	}
	r.Tickets = len(tickets)
	for _, m := range p.Models {
		mine := slices.DeleteFunc(slices.Clone(results), func(one Result) bool { return one.Model != m.Name || one.Setting != m.Setting })
		s := planScore(mine)
		s.Model, s.Digest, s.Setting = m.Name, m.Digest, m.Setting
		r.Columns = append(r.Columns, s)
	}
	return r
}

// planScore judges the plans of one column.
func planScore(mine []Result) PlanScore {
	s := PlanScore{Failed: map[string]int{}}
	var content prompts.Content
	var cover prompts.Coverage
	var ms []int64
	accepted, verify, replies := 0, 0, 0
	for _, r := range mine {
		ms = append(ms, r.MS)
		s.add(r)
		if r.Failed == "" {
			accepted++
		} else {
			s.Failed[string(r.Failed)]++
		}
		if r.Repaired {
			s.Repaired++
		}
		if c := r.Coverage; c != nil {
			cover.Files, cover.FilesTotal = cover.Files+c.Files, cover.FilesTotal+c.FilesTotal
			cover.Criteria, cover.CriteriaTotal = cover.Criteria+c.Criteria, cover.CriteriaTotal+c.CriteriaTotal
		}
		if c := r.Content; c != nil {
			replies++
			content.Steps, content.Where = content.Steps+c.Steps, content.Where+c.Where
			content.Tests, content.Named = content.Tests+c.Tests, content.Named+c.Named
			verify += min(c.Verify, 1)
		}
	}
	if len(mine) > 0 {
		s.Accepted = figures.ShareOf(accepted, len(mine))
		s.Files, s.Criteria = figures.ShareOf(cover.Files, cover.FilesTotal), figures.ShareOf(cover.Criteria, cover.CriteriaTotal)
	}
	s.Where, s.Named = figures.ShareOf(content.Where, content.Steps), figures.ShareOf(content.Named, content.Tests)
	s.Verify, s.Time = figures.ShareOf(verify, replies), figures.TimeOf(ms)
	return s
}

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
			end := map[bool]string{true: " (repaired)"}[one.Failed == ""]
			field(map[bool]string{true: "defects"}[i == 0], plain.Line(one.Ticket+end+": "+one.defects()))
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
			end := cmp.Or(string(one.Failed), "repaired")
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
