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
	"maps"
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/projection"
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

// book collects sums in a report, which report closes.
type book struct {
	Report
	all             tally
	classes, models map[string]*tally
	gates           map[policy.Gate]int
	weeks           map[time.Time]*Week // by its Monday
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
	b := &book{classes: map[string]*tally{}, models: map[string]*tally{}, gates: map[policy.Gate]int{}, weeks: map[time.Time]*Week{}}
	b.Since = since
	b.Savings = Savings{Tier: tier, PricesDate: prices.Date}
	b.Savings.PriceIn, b.Savings.PriceOut = prices.List(tier)
	return b
}

// attempts adds the attempts that closed within one hour.
func (b *book) attempts(f statestore.Figures) {
	w := b.week(f.Hour)
	for _, t := range []*tally{&b.all, of(b.classes, f.Class, "not classified"), of(b.models, f.Model, "not named")} {
		t.add(f)
	}
	if f.Gate == "" {
		w.Done += f.N
		return
	}
	w.Escalated += f.N
	b.gates[f.Gate] += f.N
	in, _ := prices.List(policy.Balanced) // the tier escalated to reads the hand-off
	read := float64(min(f.HandOffChars, f.N*handoffChars)/charsPerToken) * in / 1e6
	b.Savings.WastedUSD += read
	w.NetUSD -= read
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
	monday := at.UTC().Truncate(7 * 24 * time.Hour) // as the zero time is
	if b.weeks[monday] == nil {
		b.weeks[monday] = &Week{Start: monday.Format(time.DateOnly)}
	}
	return b.weeks[monday]
}

// usage adds the calls of one kind within one hour.
func (b *book) usage(u calls.Usage) {
	usd := (float64(u.TokensIn)*b.Savings.PriceIn + float64(u.TokensOut)*b.Savings.PriceOut) / 1e6
	tokens := u.TokensIn + u.TokensOut
	switch u.Kind {
	case calls.Local:
		b.Calls.Local += u.N
	case calls.LocalFailed:
		b.Calls.Local += u.N
		b.Calls.LocalFailed += u.N
		b.Savings.WastedTokens += tokens
	case calls.Paid:
		b.Calls.Paid += u.N
		b.Calls.PaidUSD += u.USD
	case calls.PaidFailed:
		b.Calls.PaidFailed += u.N
	case calls.Estimated:
		b.Calls.EstimatedUSD += u.USD
	case calls.Superseded:
		b.Savings.WastedTokens += tokens
	case calls.Open:
		b.Savings.OpenUSD += usd
	case calls.Escalated:
		b.Savings.WastedTokens += tokens
		b.Savings.GrossUSD += usd
		b.Savings.WastedUSD += usd // in its week's figure neither
	case calls.DraftKept:
		b.Drafts.Kept += u.N
		b.Drafts.TokensNotSpent += u.TokensOut
		b.saved(u.Hour, usd)
	case calls.Answer:
		b.Savings.Answers += u.N
		b.Savings.Tokens += tokens
		b.saved(u.Hour, usd)
	case calls.Draft:
		b.Drafts.Written += u.N
	case calls.DraftReady:
		b.Drafts.Ready += u.N
	case calls.DraftVerified:
		b.Drafts.Verified += u.N
	case calls.DraftApplied:
		b.Drafts.Applied += u.N
	case calls.DraftEdited:
		b.Drafts.Edited += u.N
	case calls.DraftDiscarded:
		b.Drafts.Discarded += u.N
	}
}

func (b *book) saved(at time.Time, usd float64) {
	b.Savings.GrossUSD += usd
	b.week(at).NetUSD += usd
}

// report closes the book. stats are the journal's own counters, which also hold
// what was imported; they count only where the book begins at the beginning.
func (b *book) report(stats projection.Stats, now time.Time) Report {
	r := b.Report
	r.Until = now
	r.Tickets, r.Quality, r.QualityN = b.all.share(), b.all.quality(), b.all.qualityN
	r.Complexities, r.Models, r.Weeks = rows(b.classes, "low", "medium", "high"), rows(b.models), b.weekly()
	r.Savings.NetUSD = r.Savings.GrossUSD - r.Savings.WastedUSD
	if b.Since.IsZero() {
		r.Imported = Imported{max(0, stats.SuccessCount-b.all.done), max(0, stats.EscalatedToCloud-b.all.escalated)}
	}
	r.Gates = []Gate{}
	for _, gate := range policy.Gates() {
		if n := b.gates[gate]; n > 0 {
			r.Gates = append(r.Gates, Gate{string(gate), n})
		}
	}
	return r
}

// rows lists tallies, the named ones first, then those with most tickets.
func rows(m map[string]*tally, first ...string) []Row {
	out := []Row{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Row{Name: name, Tickets: m[name].share(), Quality: m[name].quality()})
	}
	rank := func(r Row) int {
		if i := slices.Index(first, r.Name); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Tickets.N, a.Tickets.N))
	})
	return out
}

func (t *tally) share() figures.Share { return figures.ShareOf(t.done, t.done+t.escalated) }

// quality is the mean of the attempts that have one, nil where none has.
func (t *tally) quality() *float64 {
	if t.qualityN == 0 {
		return nil
	}
	return new(t.qualitySum / float64(t.qualityN))
}

// weekly lists every week from the first to the last with anything in it, the
// empty ones between included.
func (b *book) weekly() []Week {
	out := []Week{}
	mondays := slices.SortedFunc(maps.Keys(b.weeks), time.Time.Compare)
	if len(mondays) == 0 {
		return out
	}
	for day := mondays[0]; !day.After(mondays[len(mondays)-1]); day = day.AddDate(0, 0, 7) {
		out = append(out, *b.week(day))
	}
	return out
}
