package drafts

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/tools/draft"
)

// Report compares models.
type Report struct {
	Made    time.Time `json:"made"`
	Tasks   int       `json:"tasks"`
	Models  []Row     `json:"models"`
	Results []Result  `json:"results"`
}

// Row is one model, over all tasks or over those of one language. Passes leaves
// out the NotRun tasks, whose test could not be run.
type Row struct {
	Model     string        `json:"model"`
	Language  string        `json:"language,omitempty"` // "" = all
	Applies   figures.Share `json:"applies"`
	Parses    figures.Share `json:"parses"`
	Passes    figures.Share `json:"passes"`
	NotRun    int           `json:"not_run,omitempty"`
	Repaired  int           `json:"repaired"`
	TokensOut int           `json:"tokens_out"`
	MedianMS  int64         `json:"median_ms"`
	MostMS    int64         `json:"most_ms"`
}

// languages are those of the tasks, "" for all of them.
var languages = []string{"", "go", "py", "js"}

// NewReport counts results.
func NewReport(results []Result, now time.Time) Report {
	r := Report{Made: now, Results: results}
	var models []string
	tasks := map[string]bool{}
	for _, one := range results {
		tasks[one.Task] = true
		if !slices.Contains(models, one.Model) {
			models = append(models, one.Model)
		}
	}
	r.Tasks = len(tasks)
	for _, m := range models {
		for _, language := range languages {
			if row, n := rowOf(results, m, language); n > 0 {
				r.Models = append(r.Models, row)
			}
		}
	}
	return r
}

func rowOf(results []Result, model, language string) (row Row, n int) {
	row = Row{Model: model, Language: language}
	var applies, parses, passes int
	var ms []int64
	for _, one := range results {
		if one.Model != model || language != "" && (Task{Name: one.Task}).Language() != language {
			continue
		}
		n++
		ms = append(ms, one.MS)
		row.TokensOut += one.TokensOut
		if one.Applies {
			applies++
		}
		if one.Parses == draft.Passed {
			parses++
		}
		if one.Repaired {
			row.Repaired++
		}
		switch one.Passes {
		case draft.Passed:
			passes++
		case draft.NotRun:
			row.NotRun++
		}
	}
	row.Applies, row.Parses, row.Passes = figures.ShareOf(applies, n), figures.ShareOf(parses, n), figures.ShareOf(passes, n-row.NotRun)
	if n > 0 {
		slices.Sort(ms)
		row.MedianMS, row.MostMS = ms[n/2], ms[n-1]
	}
	return row, n
}

// cells are the row in words.
func (r Row) cells() []string {
	seconds := func(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }
	language := map[string]string{"": "all", "go": "Go", "py": "Python", "js": "JavaScript"}[r.Language]
	return []string{plain.Line(r.Model), language, r.Applies.String(), r.Parses.String(), r.Passes.String(), fmt.Sprint(r.NotRun), fmt.Sprint(r.Repaired),
		seconds(r.MedianMS), seconds(r.MostMS)}
}

var head = []string{"Model", "language", "applies", "parses", "passes", "not run", "repaired", "p50", "longest"}

// Print writes the comparison for a person.
func (r Report) Print(out io.Writer) {
	var rows [][]string
	for _, row := range r.Models {
		rows = append(rows, row.cells())
	}
	term.Table(out, head, rows)
	fmt.Fprintln(out)
	for _, row := range r.Models {
		if row.Language == "" {
			term.Print(out, "", fmt.Sprintf("%s: %s pass their tests (95 %% interval %s)", row.Model, row.Passes.Percent(), row.Passes.Interval()))
		}
	}
}

// Page is the comparison as a page.
func (r Report) Page() page.Page {
	table := &page.Table{Head: head}
	var ranges []page.Range
	for _, row := range r.Models {
		cells := row.cells()
		table.Rows = append(table.Rows, cells)
		ranges = append(ranges, page.Range{Label: cells[0] + ", " + cells[1], Share: row.Passes})
	}
	failed := &page.Table{Head: []string{"Model", "task", "why"}}
	for _, one := range r.Results {
		if one.Passes != draft.Passed {
			failed.Rows = append(failed.Rows, []string{plain.Line(one.Model), one.Task, plain.Line(one.Why)})
		}
	}
	p := page.Page{Title: "Drafts, models side by side", Made: r.Made, Lead: fmt.Sprintf("%d small changes, each written by each model.", r.Tasks),
		Notes: []string{"A draft applies when the reply fits the file, parses when a parser of its language takes the result, and passes when the tests of the task do, in a copy without a network where the system can forbid it.",
			"Each model has one repair turn a task. Times are the model's own. Intervals are Wilson score intervals of 95 %."}}
	p.Sections = append(p.Sections, page.Section{Title: "At a glance", Table: table,
		Charts: []page.Chart{{SVG: page.Ranges("Share that passes its tests", ranges), Caption: "The dot is the share that passes, the line its 95 % interval."}}})
	if len(failed.Rows) > 0 {
		p.Sections = append(p.Sections, page.Section{Title: "What did not pass", Table: failed})
	}
	return p
}
