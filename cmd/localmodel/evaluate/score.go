package evaluate

import (
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate/labelled"
	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// Report is the comparison.
type Report struct {
	Made       time.Time   `json:"made"`
	Tickets    int         `json:"tickets"`
	Labelled   Labelled    `json:"labelled"`
	Prompt     string      `json:"prompt"`
	PricesDate string      `json:"prices_date"`
	Models     []Score     `json:"models"` // the rules first
	Agreement  []Agreement `json:"agreement"`
	Warnings   []string    `json:"warnings,omitempty"`
}

// Labelled is how many tickets have each label.
type Labelled struct {
	Category   int `json:"category"`
	Complexity int `json:"complexity"`
}

// Score is what one model did.
type Score struct {
	Model  string `json:"model"`
	Digest string `json:"digest,omitempty"`

	Category   Accuracy `json:"category"`
	Complexity Accuracy `json:"complexity"`
	// Rules is what the rules alone say of the same tickets; nil for the rules.
	Rules *Beside `json:"rules,omitempty"`
	// Routed is the complexity after the rules' floor, as classify_ticket
	// decides it.
	Routed figures.Share `json:"complexity_with_rules"`

	Calibration *Calibration   `json:"calibration,omitempty"` // nil where no answer has a confidence
	Plans       *Plans         `json:"plans,omitempty"`
	Classify    figures.Time   `json:"classify"`
	Plan        figures.Time   `json:"plan,omitzero"`
	Failed      map[string]int `json:"failed,omitempty"` // classifications without an answer, by kind
	Spent
}

// Spent is what a model's answers took.
type Spent struct {
	TokensIn  int     `json:"tokens_in"`
	TokensOut int     `json:"tokens_out"`
	CostUSD   float64 `json:"cost_usd"`
	Estimated bool    `json:"cost_estimated,omitempty"`
}

func (s *Spent) add(r Result) {
	s.TokensIn += r.TokensIn
	s.TokensOut += r.TokensOut
	s.CostUSD += r.CostUSD
	s.Estimated = s.Estimated || r.Estimated
}

// Beside is how often the rules alone are right.
type Beside struct {
	Category   figures.Share `json:"category"`
	Complexity figures.Share `json:"complexity"`
}

// Accuracy is how often a label was met, over the tickets that have one and
// were answered, and for each class.
type Accuracy struct {
	All     figures.Share             `json:"all"`
	Classes []Class                   `json:"classes"`
	Said    map[string]map[string]int `json:"said"` // label → answer → tickets
}

// Class is the accuracy on the tickets of one label.
type Class struct {
	Name  string        `json:"name"`
	Right figures.Share `json:"right"`
}

// Calibration is how far a model's confidence in a complexity can be trusted.
type Calibration struct {
	Answers   int           `json:"answers"`
	Brier     float64       `json:"brier"`
	Error     float64       `json:"calibration_error"`
	Bins      []figures.Bin `json:"reliability"`
	Next      string        `json:"next"` // who answers what is below a threshold
	Cuts      []figures.Cut `json:"thresholds"`
	Threshold *float64      `json:"recommended,omitempty"`
}

// leastAnswers is how many answers a recommended threshold needs: of fewer, one
// ticket more or less would recommend another.
const leastAnswers = 30

// At is what the recommended threshold does.
func (c *Calibration) At() (figures.Cut, bool) {
	if c.Threshold == nil {
		return figures.Cut{}, false
	}
	i := slices.IndexFunc(c.Cuts, func(cut figures.Cut) bool { return cut.Threshold == *c.Threshold })
	return c.Cuts[i], true
}

// Agreement is how often two models say the same of a complexity.
type Agreement struct {
	A     string        `json:"a"`
	B     string        `json:"b"`
	Same  figures.Share `json:"same"`
	Kappa *float64      `json:"kappa,omitempty"` // beyond chance; nil where chance explains all
}

// Rules is the name of the column that no model answers.
const Rules = "rules"

// said is one model's classifications by the ticket's hash.
type said map[string]Result

// Score judges results.
func (p Plan) Score(results []Result, now time.Time) Report {
	r := Report{Made: now, Tickets: len(p.Set.Tickets), Prompt: prompts.Version, PricesDate: prices.Date, Warnings: p.Set.Warnings, Agreement: []Agreement{}}
	for _, t := range p.Set.Tickets {
		if t.Label.Category != "" {
			r.Labelled.Category++
		}
		if t.Label.Complexity != "" {
			r.Labelled.Complexity++
		}
	}
	answers := map[string]said{Rules: p.rules()}
	for _, m := range p.Models {
		answers[m.Name] = said{}
	}
	for _, one := range results {
		if one.Task == "classify" && one.Failed == "" {
			answers[one.Model][one.Hash] = one
		}
	}
	r.Models = append(r.Models, p.score(Rules, nil, answers))
	for _, m := range p.Models {
		mine := slices.DeleteFunc(slices.Clone(results), func(one Result) bool { return one.Model != m.Name })
		s := p.score(m.Name, mine, answers)
		s.Digest = m.Digest
		r.Models = append(r.Models, s)
	}
	for i, a := range r.Models {
		for _, b := range r.Models[i+1:] {
			r.Agreement = append(r.Agreement, p.agreement(a.Model, b.Model, answers))
		}
	}
	return r
}

// rules is what the rules alone say, of the same text as the models saw.
func (p Plan) rules() said {
	out := said{}
	for i := range p.Set.Tickets {
		t := &p.Set.Tickets[i]
		c := policy.Classify(t.Unlabelled(p.Set.Prefixes)).WithoutModel()
		out[t.Hash] = Result{Category: c.Category, Complexity: c.Complexity}
	}
	return out
}

func (p Plan) score(name string, mine []Result, answers map[string]said) Score {
	s := Score{Model: name, Failed: map[string]int{}}
	got := answers[name]
	s.Category, s.Complexity = p.accuracies(got)
	if name != Rules {
		s.Rules = p.beside(got, answers[Rules])
	}
	right, n := 0, 0
	for i := range p.Set.Tickets {
		t := &p.Set.Tickets[i]
		a, answered := got[t.Hash]
		if t.Label.Complexity == "" || !answered {
			continue
		}
		n++
		if p.routed(t, a) == t.Label.Complexity {
			right++
		}
	}
	s.Routed = figures.ShareOf(right, n)
	s.Calibration = p.calibration(name, answers)
	var classified []int64
	var planned []Result
	for _, r := range mine {
		s.add(r)
		switch {
		case r.Task == "classify" && r.Failed != "":
			s.Failed[string(r.Failed)]++
		case r.Task == "classify":
			classified = append(classified, r.MS)
		default:
			planned = append(planned, r)
		}
	}
	s.Classify = figures.TimeOf(classified)
	if len(planned) > 0 {
		plans := planScore(planned)
		s.Plans, s.Plan = &plans.Plans, plans.Time
	}
	return s
}

// accuracies are those of category and complexity.
func (p Plan) accuracies(got said) (category, complexity Accuracy) {
	return p.accuracy(got, p.Set.Categories(), func(l labelled.Label) string { return l.Category }, func(r Result) string { return r.Category }),
		p.accuracy(got, prompts.Complexities, func(l labelled.Label) string { return l.Complexity }, func(r Result) string { return r.Complexity })
}

// beside is what the rules say of the tickets that a model answered.
func (p Plan) beside(got, rules said) *Beside {
	same := said{}
	for hash := range got {
		same[hash] = rules[hash]
	}
	category, complexity := p.accuracies(same)
	return &Beside{category.All, complexity.All}
}

// routed is the complexity that classify_ticket would decide.
func (p Plan) routed(t *labelled.Ticket, a Result) string {
	c := policy.Classify(t.Unlabelled(p.Set.Prefixes))
	if c.AskComplexity {
		c = c.WithModel(a.Category, a.Complexity)
	}
	return c.Complexity
}

func (p Plan) accuracy(got said, classes []string, label func(labelled.Label) string, answer func(Result) string) Accuracy {
	a := Accuracy{Said: map[string]map[string]int{}, Classes: []Class{}}
	for i := range p.Set.Tickets {
		t := &p.Set.Tickets[i]
		want := label(t.Label)
		r, answered := got[t.Hash]
		if want == "" || !answered {
			continue
		}
		if a.Said[want] == nil {
			a.Said[want] = map[string]int{}
		}
		a.Said[want][answer(r)]++
	}
	all, of := 0, 0
	for _, c := range classes {
		right, n := a.Said[c][c], 0
		for _, tickets := range a.Said[c] {
			n += tickets
		}
		if n > 0 {
			a.Classes = append(a.Classes, Class{c, figures.ShareOf(right, n)})
			all, of = all+right, of+n
		}
	}
	a.All = figures.ShareOf(all, of)
	return a
}

// calibration judges a model's confidence. What is below a threshold goes to
// the first paid model of the run, else to the rules.
func (p Plan) calibration(name string, answers map[string]said) *Calibration {
	c := Calibration{Next: Rules}
	for _, m := range p.Models {
		if m.Paid() && m.Name != name {
			c.Next = m.Name
			break
		}
	}
	var guesses []figures.Guess
	for i := range p.Set.Tickets {
		t := &p.Set.Tickets[i]
		a, answered := answers[name][t.Hash]
		if !answered || a.Confidence == nil || t.Label.Complexity == "" {
			continue
		}
		next, found := answers[c.Next][t.Hash]
		if !found {
			next = answers[Rules][t.Hash]
		}
		guesses = append(guesses, figures.Guess{Confidence: *a.Confidence, Right: a.Complexity == t.Label.Complexity, NextRight: next.Complexity == t.Label.Complexity})
	}
	if len(guesses) == 0 {
		return nil
	}
	c.Answers, c.Brier, c.Bins, c.Cuts = len(guesses), figures.Brier(guesses), figures.Reliability(guesses), figures.Cuts(guesses)
	c.Error = figures.CalibrationError(c.Bins)
	if t, ok := figures.Recommend(c.Cuts); ok && c.Answers >= leastAnswers {
		c.Threshold = &t
	}
	return &c
}

func (p Plan) agreement(a, b string, answers map[string]said) Agreement {
	out := Agreement{A: a, B: b}
	var as, bs []string
	same := 0
	for _, t := range p.Set.Tickets {
		x, okX := answers[a][t.Hash]
		y, okY := answers[b][t.Hash]
		if !okX || !okY {
			continue
		}
		as, bs = append(as, x.Complexity), append(bs, y.Complexity)
		if x.Complexity == y.Complexity {
			same++
		}
	}
	out.Same = figures.ShareOf(same, len(as))
	if k, ok := figures.Kappa(as, bs); ok {
		out.Kappa = &k
	}
	return out
}
