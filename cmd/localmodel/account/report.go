package account

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/figures"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/projection"
)

// Report closes the book. all are the journal's own counters, which also hold
// what was imported; they count only where the book begins at the beginning.
func (b *book) Report(all projection.Stats, now time.Time) Report {
	r := Report{Since: b.since, Until: now, Tickets: figures.ShareOf(b.done, b.done+b.escalated), Open: b.open,
		Quality: mean(b.qualitySum, b.qualityN), QualityN: b.qualityN, Savings: b.savings, Calls: b.calls, Drafts: b.drafts,
		Complexities: rows(b.classes, []string{"low", "medium", "high"}), Models: rows(b.models, nil), Weeks: b.weekly()}
	r.Savings.NetUSD = r.Savings.GrossUSD - r.Savings.WastedUSD
	if b.since.IsZero() {
		r.Imported = Imported{max(0, all.SuccessCount-b.done), max(0, all.EscalatedToCloud-b.escalated)}
	}
	r.Gates = []Gate{}
	for _, gate := range policy.Gates() {
		if n := b.gates[string(gate)]; n > 0 {
			r.Gates = append(r.Gates, Gate{string(gate), n})
		}
	}
	return r
}

// rows lists tallies, the named ones first, then those with most tickets.
func rows(m map[string]*tally, first []string) []Row {
	out := []Row{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		t := m[name]
		out = append(out, Row{Name: name, Tickets: figures.ShareOf(t.done, t.done+t.escalated), Quality: mean(t.qualitySum, t.qualityN)})
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

func mean(sum float64, n int) *float64 {
	if n == 0 {
		return nil
	}
	m := sum / float64(n)
	return &m
}

// weekly lists every week from the first to the last with anything in it, the
// empty ones between included.
func (b *book) weekly() []Week {
	out := []Week{}
	days := slices.Sorted(maps.Keys(b.weeks))
	if len(days) == 0 {
		return out
	}
	day, err := time.Parse(time.DateOnly, days[0])
	last := days[len(days)-1]
	for ; err == nil && day.Format(time.DateOnly) <= last; day = day.AddDate(0, 0, 7) {
		w := Week{Start: day.Format(time.DateOnly)}
		if found := b.weeks[w.Start]; found != nil {
			w = *found
		}
		out = append(out, w)
	}
	return out
}
