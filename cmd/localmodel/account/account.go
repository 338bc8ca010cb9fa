// Package account counts what the journal holds: how many tickets the local
// model kept and brought through their gates, what that saved, and what its
// failures wasted.
//
// How money is counted. An answer of the local model is worth what the tier
// that would have been asked instead takes for the same tokens, by its list
// price. A classification or an answer to ask counts when it is given; a plan
// counts when the attempt it opened is closed. What a failed attempt wasted is
// taken off again: its plans, since the cloud planned once more, and the
// reading of the hand-off by the tier it was escalated to. A draft counts when
// its change is committed as it was: a quarter of its patch's bytes are tokens
// that the tier would have written. A reply that was refused, or followed within
// two minutes by another call for the same question, was no answer; it cost
// nothing but time. Reviews and edits that the client runs itself are in no
// journal, and so in no figure here.
package account

import (
	"cmp"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
)

const (
	// handoffChars is the most that a hand-off holds; charsPerToken is what a
	// token of it is worth.
	handoffChars, charsPerToken = 4000, 4
	// sameQuestion is how soon after a call that failed another one for the same
	// ticket and purpose came of it.
	sameQuestion = 2 * time.Minute
)

// Report is what the journal says of a time.
type Report struct {
	Since    time.Time     `json:"since,omitzero"` // zero = from the beginning
	Until    time.Time     `json:"until"`
	Tickets  figures.Share `json:"tickets"` // closed local attempts that passed their gates
	Open     int           `json:"open"`
	Imported Imported      `json:"imported,omitzero"`
	Quality  *float64      `json:"quality,omitempty"` // mean of the attempts that have one, 0 to 100
	QualityN int           `json:"quality_n"`

	Complexities []Row  `json:"complexities"`
	Models       []Row  `json:"models"`
	Gates        []Gate `json:"escalations"`

	Drafts  Drafts  `json:"drafts"`
	Savings Savings `json:"savings"`
	Calls   Calls   `json:"calls"`
	Weeks   []Week  `json:"weeks"`
	// TeamUSD is what all users of the journal spent or reserved, over all
	// projects, by whole days, UTC; nil where the journal is one user's.
	TeamUSD *float64 `json:"team_usd,omitempty"`
}

// Imported is what the plan's own scripts had counted before this journal.
type Imported struct {
	Done      int `json:"done"`
	Escalated int `json:"escalated"`
}

// Row is one class of tickets, or one model.
type Row struct {
	Name    string        `json:"name"`
	Tickets figures.Share `json:"tickets"`
	Quality *float64      `json:"quality,omitempty"`
}

// Gate is how often attempts were escalated at a gate.
type Gate struct {
	Gate      string `json:"gate"`
	Escalated int    `json:"escalated"`
}

// Savings is the money and the tokens. NetUSD = GrossUSD - WastedUSD.
type Savings struct {
	Tier       policy.Tier `json:"tier"` // that would have been asked instead
	PriceIn    float64     `json:"price_in_usd_per_mtok"`
	PriceOut   float64     `json:"price_out_usd_per_mtok"`
	PricesDate string      `json:"prices_date"`

	Answers      int     `json:"answers"` // given locally and kept
	Tokens       int     `json:"tokens"`  // of them, in and out
	GrossUSD     float64 `json:"gross_usd"`
	WastedTokens int     `json:"wasted_tokens"` // of failed attempts and refused replies
	WastedUSD    float64 `json:"wasted_usd"`
	NetUSD       float64 `json:"net_usd"`
	OpenUSD      float64 `json:"open_usd"` // of plans whose attempt is not closed; in no other figure
}

// Drafts are the changes that the local model wrote. A draft counts in each
// field that holds for it.
type Drafts struct {
	Written   int `json:"written"`
	Ready     int `json:"ready"`    // a patch was handed over
	Verified  int `json:"verified"` // ... that passed every check
	Applied   int `json:"applied"`  // as it was
	Edited    int `json:"edited"`   // applied, then changed
	Discarded int `json:"discarded"`
	Kept      int `json:"kept"` // applied or edited, and committed
	// TokensNotSpent is what the cloud did not write, of drafts that were
	// committed as they were: a quarter of their patches' bytes. GrossUSD has it.
	TokensNotSpent int `json:"tokens_not_spent"`
}

// Calls are the model calls.
type Calls struct {
	Local        int     `json:"local"`
	LocalFailed  int     `json:"local_failed"`
	Paid         int     `json:"paid"`        // that were answered, or may have been billed
	PaidFailed   int     `json:"paid_failed"` // refused or not reached: nothing was paid for them
	PaidUSD      float64 `json:"paid_usd"`
	EstimatedUSD float64 `json:"estimated_usd"` // of PaidUSD, what no provider named
}

// Week is seven days from a Monday, UTC.
type Week struct {
	Start     string  `json:"start"` // 2006-01-02
	Done      int     `json:"done"`
	Escalated int     `json:"escalated"`
	NetUSD    float64 `json:"net_usd"`
}

// book collects sums and makes the report.
type book struct {
	tier  policy.Tier
	since time.Time

	tally
	open            int
	classes, models map[string]*tally
	gates           map[string]int
	weeks           map[string]*Week

	savings Savings
	calls   Calls
	drafts  Drafts
}

type tally struct {
	done, escalated int
	qualitySum      float64
	qualityN        int
}

type question struct{ ticket, purpose string }

// newBook makes a book. tier is the one that would have been asked instead of the
// local model; since is where it begins, zero = at the beginning.
func newBook(tier policy.Tier, since time.Time) *book {
	b := &book{tier: tier, since: since, classes: map[string]*tally{}, models: map[string]*tally{}, gates: map[string]int{},
		weeks: map[string]*Week{}}
	b.savings = Savings{Tier: tier, PricesDate: prices.Date}
	b.savings.PriceIn, b.savings.PriceOut = prices.List(tier)
	return b
}

// Figures adds the attempts that closed within one hour.
func (b *book) Figures(f statestore.Figures) {
	w := b.week(f.Hour)
	for _, t := range []*tally{&b.tally, of(b.classes, f.Class, "not classified"), of(b.models, f.Model, "not named")} {
		t.add(f)
	}
	if f.Gate == "" {
		w.Done += f.N
		return
	}
	w.Escalated += f.N
	b.gates[string(f.Gate)] += f.N
	b.handOff(f.Hour, f.N, f.HandOffChars)
}

func (t *tally) add(f statestore.Figures) {
	if f.Gate == "" {
		t.done += f.N
	} else {
		t.escalated += f.N
	}
	t.qualitySum, t.qualityN = t.qualitySum+f.QualitySum, t.qualityN+f.QualityN
}

func of(m map[string]*tally, name, none string) *tally {
	name = cmp.Or(name, none)
	if m[name] == nil {
		m[name] = &tally{}
	}
	return m[name]
}

func (b *book) week(at time.Time) *Week {
	at = at.UTC()
	monday := at.AddDate(0, 0, -(int(at.Weekday())+6)%7).Format(time.DateOnly)
	if b.weeks[monday] == nil {
		b.weeks[monday] = &Week{Start: monday}
	}
	return b.weeks[monday]
}

// handOff takes off what the tier escalated to pays to read hand-offs.
func (b *book) handOff(at time.Time, n, chars int) {
	in, _ := prices.List(policy.Balanced)
	b.waste(at, float64(min(chars, n*handoffChars)/charsPerToken)*in/1e6)
}

func (b *book) waste(at time.Time, usd float64) {
	b.savings.WastedUSD += usd
	b.week(at).NetUSD -= usd
}

// Usage adds the calls of one kind within one hour.
func (b *book) Usage(u calls.Usage) {
	usd := (float64(u.TokensIn)*b.savings.PriceIn + float64(u.TokensOut)*b.savings.PriceOut) / 1e6
	tokens := u.TokensIn + u.TokensOut
	switch u.Kind {
	case calls.Local:
		b.calls.Local += u.N
	case calls.LocalFailed:
		b.calls.Local, b.calls.LocalFailed = b.calls.Local+u.N, b.calls.LocalFailed+u.N
		b.savings.WastedTokens += tokens
	case calls.Paid:
		b.calls.Paid, b.calls.PaidUSD = b.calls.Paid+u.N, b.calls.PaidUSD+u.USD
	case calls.PaidFailed:
		b.calls.PaidFailed += u.N
	case calls.Estimated:
		b.calls.EstimatedUSD += u.USD
	case calls.Superseded:
		b.savings.WastedTokens += tokens
	case calls.Open:
		b.savings.OpenUSD += usd
	case calls.Escalated:
		b.savings.WastedTokens += tokens
		b.savings.GrossUSD += usd
		b.savings.WastedUSD += usd // in its week's figure neither
	case calls.DraftKept:
		b.drafts.Kept, b.drafts.TokensNotSpent = b.drafts.Kept+u.N, b.drafts.TokensNotSpent+u.TokensOut
		b.savings.GrossUSD += usd
		b.week(u.Hour).NetUSD += usd
	case calls.Answer:
		b.savings.Answers, b.savings.Tokens = b.savings.Answers+u.N, b.savings.Tokens+tokens
		b.savings.GrossUSD += usd
		b.week(u.Hour).NetUSD += usd
	default:
		b.drafts.add(u)
	}
}

// add counts drafts; other kinds are none.
func (d *Drafts) add(u calls.Usage) {
	if field := map[calls.Kind]*int{
		calls.Draft: &d.Written, calls.DraftReady: &d.Ready, calls.DraftVerified: &d.Verified,
		calls.DraftApplied: &d.Applied, calls.DraftEdited: &d.Edited, calls.DraftDiscarded: &d.Discarded,
	}[u.Kind]; field != nil {
		*field += u.N
	}
}
