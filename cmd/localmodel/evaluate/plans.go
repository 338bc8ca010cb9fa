package evaluate

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
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
	if len(temperatures) == 0 {
		temperatures = []float64{0}
	}
	if len(topPs) == 0 {
		topPs = []float64{0}
	}
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
	for _, v := range []struct {
		name  string
		value float64
	}{{"temperature", heat}, {"top_p", topP}} {
		if v.value > 0 {
			out = append(out, v.name+" "+strconv.FormatFloat(v.value, 'g', -1, 64))
		}
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
	Where     figures.Share  `json:"where"`  // steps that name a place which is in their file
	Named     figures.Share  `json:"named"`  // tests that have a name
	Verify    figures.Share  `json:"verify"` // plans that have a command
	Failed    map[string]int `json:"failed,omitempty"`
	Time      figures.Time   `json:"time"`
	TokensIn  int            `json:"tokens_in"`
	TokensOut int            `json:"tokens_out"`
	CostUSD   float64        `json:"cost_usd"`
	Estimated bool           `json:"cost_estimated,omitempty"`
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
		r.Columns = append(r.Columns, planScore(m, mine))
	}
	return r
}

func planScore(m *Model, mine []Result) PlanScore {
	s := PlanScore{Model: m.Name, Digest: m.Digest, Setting: m.Setting, Failed: map[string]int{}}
	var sum prompts.Content
	var ms []int64
	verify, replies := 0, 0
	for _, r := range mine {
		ms = append(ms, r.MS)
		s.TokensIn, s.TokensOut, s.CostUSD = s.TokensIn+r.TokensIn, s.TokensOut+r.TokensOut, s.CostUSD+r.CostUSD
		s.Estimated = s.Estimated || r.Estimated
		if r.Failed != "" {
			s.Failed[string(r.Failed)]++
		}
		c := r.Content
		if c == nil {
			continue
		}
		replies++
		sum.Steps, sum.Where, sum.Tests, sum.Named = sum.Steps+c.Steps, sum.Where+c.Where, sum.Tests+c.Tests, sum.Named+c.Named
		if c.Verify > 0 {
			verify++
		}
	}
	if whole := plans(mine); whole != nil {
		s.Plans = *whole
	}
	s.Where, s.Named, s.Verify = figures.ShareOf(sum.Where, sum.Steps), figures.ShareOf(sum.Named, sum.Tests), figures.ShareOf(verify, replies)
	s.Time = figures.TimeOf(ms)
	return s
}

func plans(mine []Result) *Plans {
	var accepted, n, files, filesOf, criteria, criteriaOf int
	p := &Plans{}
	for _, r := range mine {
		if r.Task != "plan" {
			continue
		}
		n++
		if r.Failed == "" {
			accepted++
		}
		if r.Repaired {
			p.Repaired++
		}
		if c := r.Coverage; c != nil {
			files, filesOf = files+c.Files, filesOf+c.FilesTotal
			criteria, criteriaOf = criteria+c.Criteria, criteriaOf+c.CriteriaTotal
		}
	}
	if n == 0 {
		return nil
	}
	p.Accepted, p.Files, p.Criteria = figures.ShareOf(accepted, n), figures.ShareOf(files, filesOf), figures.ShareOf(criteria, criteriaOf)
	return p
}
