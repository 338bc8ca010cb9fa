package tools

import (
	"math"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/decide"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// classifyRow is one ticket. Its order is the order a reader wants it in.
type classifyRow struct {
	ID         string         `json:"id"`
	Category   string         `json:"category,omitempty"`
	Complexity string         `json:"complexity,omitempty"`
	Confidence *float64       `json:"confidence,omitempty"`
	Local      *bool          `json:"local,omitempty"`
	Why        string         `json:"why,omitempty"`
	By         string         `json:"by,omitempty"`
	Error      string         `json:"error,omitempty"`
	Read       *readReport    `json:"read,omitempty"`
	Rules      []policy.Rule  `json:"rules,omitempty"`
	Guard      string         `json:"guard,omitempty"`
	Answer     *decide.Answer `json:"answer,omitempty"`
}

// What one row may cost for an id of up to 12 characters, and the whole result
// of a few tickets.
const (
	rowChars    = 140
	resultChars = 800
	fewTickets  = 4
)

func (c *classifying) errorRow() classifyRow {
	r := classifyRow{ID: c.ID}
	r.Error = c.fault.InRow(c.room(r, "error"))
	return r
}

func (c *classifying) row(explain bool) classifyRow {
	r := classifyRow{ID: c.ID, Category: c.Class.Category, Complexity: c.Class.Complexity, Local: &c.Local,
		By: c.By}
	if c.Confidence != nil {
		rounded := math.Round(*c.Confidence*100) / 100
		r.Confidence = &rounded
	}
	r.Why = fitting(c.room(r, "why"), c.reasons())
	if explain {
		r.Rules, r.Guard, r.Answer = c.Rules, c.Guard, c.Answer
		r.Read = c.readReport()
	}
	return r
}

// documentRow says of a file that was named and is no ticket what it is.
func (c *classifying) documentRow(explain bool) classifyRow {
	no := false
	r := classifyRow{ID: c.ID, Category: c.Ticket.Kind, Local: &no, By: "rules"}
	r.Why = fitting(c.room(r, "why"), []string{"a " + c.Ticket.Document + ", not a task", "no task"})
	if explain {
		r.Read = c.readReport()
	}
	return r
}

// readReport is what was read of a ticket, and where each field comes from.
type readReport struct {
	Form      string            `json:"form"`
	Source    string            `json:"source,omitempty"`
	Title     string            `json:"title,omitempty"`
	Labels    []string          `json:"labels,omitempty"`
	DependsOn []string          `json:"depends_on,omitempty"`
	After     []string          `json:"after,omitempty"` // what order or phases say
	Files     []string          `json:"files,omitempty"`
	Criteria  []string          `json:"criteria,omitempty"` // their ids
	Status    string            `json:"status,omitempty"`
	Priority  string            `json:"priority,omitempty"`
	Parent    string            `json:"parent,omitempty"`
	From      map[string]string `json:"from,omitempty"`
}

func (c *classifying) readReport() *readReport {
	t := &c.Ticket
	r := &readReport{
		Form: t.Form, Source: t.Source, Title: plain.Line(t.Title), Status: plain.Line(t.Status),
		Priority: plain.Line(t.Priority), Parent: plain.Line(t.Parent), From: map[string]string{},
		Labels: firstOf(t.Labels, plain.Line), DependsOn: firstOf(t.DependsOn, plain.Line), After: firstOf(t.After, plain.Line),
		Files:    firstOf(t.Files, func(f ticket.File) string { return plain.Line(f.Path) }),
		Criteria: firstOf(t.Criteria, func(x ticket.Criterion) string { return x.ID }),
	}
	for _, o := range t.From {
		r.From[o.Field] = plain.Line(o.From)
	}
	return r
}

// firstOf is as much of a list as is shown.
func firstOf[T any](list []T, text func(T) string) (out []string) {
	const most = 20
	for _, item := range list[:min(len(list), most)] {
		out = append(out, text(item))
	}
	return out
}

// room is how many characters one more field of the row may have.
func (c *classifying) room(r classifyRow, field string) int {
	return rowChars + max(0, len(c.ID)-12) - len(contract.InJSON(r)) - len(`"":"",`) - len(field)
}

// reasons describes the decision and what became of the tiers that were asked in
// vain, longest first.
func (c *classifying) reasons() []string {
	why := []string{c.Deciding.Why}
	if c.Deciding.Short != "" {
		why = append(why, c.Deciding.Short)
	}
	var out []string
	if strings.HasPrefix(c.Deciding.Why, policy.SizeUnknown) || strings.HasSuffix(c.Deciding.Why, "from text") {
		// What to add, or what was taken for the size, matters more than which
		// tier was down.
		for _, w := range why {
			for _, tail := range c.fallbacks() {
				out = append(out, contract.Join(w, tail))
			}
		}
		return append(out, c.Deciding.Short)
	}
	// The rule in one word comes last: which ticket or tag it is about matters
	// more than how each tier failed in full.
	word := ruleWords[c.Deciding.Name]
	if c.Class.Why != "" {
		out = append(out, c.joined(append(slices.Clone(why), word), c.Class.Why)...)
		out = append(out, c.joined([]string{c.Class.Why}, "")...) // that it is high is in `complexity`
	}
	out = append(out, c.joined(why, "")...)
	out = append(out, c.joined([]string{word}, "")...)
	if shortest := c.fallbacks()[2]; c.Local && shortest != "" {
		out = append(out, shortest) // that it is eligible is in `local`
	}
	return out
}

// joined puts more, "" = nothing, and what became of the tiers behind each of the
// texts, longest first.
func (c *classifying) joined(texts []string, more string) (out []string) {
	for _, tail := range c.fallbacks() {
		for _, text := range texts {
			out = append(out, contract.Join(text, more, tail))
		}
	}
	return out
}

var ruleWords = map[string]string{"complexity": "high", "tags": "tag", "files": "files",
	"dependencies": "needs",
	"escalated":    "cloud", "guard": "guard", "eligible": "eligible"}

// fallbacks describes why the tiers before the one that answered did not: in full;
// "local missing, cheap busy"; "gone/busy", in the tiers' order.
func (c *classifying) fallbacks() [3]string {
	return [3]string{c.Fallback, shortReason(c.Failed), strings.Join(failedWords(c.Failed, shortLabel), "/")}
}

func fitting(room int, texts []string) string {
	for _, t := range texts {
		if len(contract.InJSON(t)) <= room {
			return t
		}
	}
	return plain.Clip(texts[len(texts)-1], max(room, 12))
}

// shortReason says in a few characters which tiers did not answer, and why.
func shortReason(attempts []routing.Attempt) string {
	var out []string
	last := ""
	for i, word := range failedWords(attempts, longLabel) {
		tier := string(attempts[i].Tier)
		if word == last { // "local+cheap down"
			out[len(out)-1] = strings.TrimSuffix(out[len(out)-1], " "+word) + "+" + tier + " " + word
		} else {
			out = append(out, tier+" "+word)
		}
		last = word
	}
	return strings.Join(out, ", ")
}

const longLabel, shortLabel = 0, 1

// failedWords is why each tier asked did not answer, in a word each. The one
// that answered is the last, and left out.
func failedWords(attempts []routing.Attempt, how int) []string {
	var out []string
	for _, a := range attempts {
		if words, known := failedKinds[a.Kind]; known {
			out = append(out, words[how])
		} else if a.Kind != "" {
			out = append(out, string(a.Kind))
		}
	}
	return out
}

var failedKinds = map[routing.Kind][2]string{
	routing.Unavailable:     {"down", "down"},
	routing.ModelMissing:    {"missing", "gone"},
	routing.Loading:         {"loading", "cold"},
	routing.Timeout:         {"timeout", "slow"},
	routing.ContextOverflow: {"too big", "big"},
	routing.InvalidOutput:   {"garbled", "bad"},
	routing.LowConfidence:   {"unsure", "weak"},
	routing.BudgetSpent:     {"budget", "spent"},
	routing.Remote:          {"remote", "remote"},
	routing.Forbidden:       {"forbidden", "no"},
}
