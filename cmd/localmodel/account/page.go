package account

import (
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Page is the report as a page.
func (r Report) Page() page.Page {
	p := page.Page{Title: "What the local model did", Lead: r.headline(), Made: r.Until, Notes: r.notes()}
	if extra := r.beside(); extra != "" {
		p.Lead += " " + extra
	}
	s := r.Savings
	p.Tiles = []page.Tile{
		{Value: usd(s.NetUSD), Label: "saved", Detail: fmt.Sprintf("%s not paid, %s wasted", usd(s.GrossUSD), usd(s.WastedUSD))},
		{Value: r.Tickets.String(), Label: "tickets passed their gates", Detail: "local from plan to commit"},
		{Value: thousands(s.Tokens), Label: "tokens answered locally", Detail: thousands(s.WastedTokens) + " wasted"},
		{Value: usd(r.Calls.PaidUSD), Label: "paid to the proxy's tiers", Detail: fmt.Sprintf("%d calls", r.Calls.Paid)},
	}
	if r.Tickets.N == 0 {
		p.Tiles[1] = page.Tile{Value: "none yet", Label: "tickets passed their gates", Detail: fmt.Sprintf("%d open", r.Open)}
	}
	if r.Quality != nil {
		p.Tiles = append(p.Tiles, page.Tile{Value: fmt.Sprintf("%.1f", *r.Quality), Label: "mean quality, of 100", Detail: fmt.Sprintf("%d tickets have a score", r.QualityN)})
	}
	p.Sections = append(p.Sections, r.weekSection())
	if r.Tickets.N > 0 {
		p.Sections = append(p.Sections, r.rowSection("By complexity", r.Complexities), r.rowSection("By model", r.Models))
	}
	if len(r.Gates) > 0 {
		var counts []page.Count
		for _, g := range r.Gates {
			counts = append(counts, page.Count{Label: g.Gate, N: g.Escalated})
		}
		p.Sections = append(p.Sections, page.Section{Title: "Where it was escalated", Charts: []page.Chart{{
			SVG: page.Counts("Escalations by gate", counts), Caption: "Tickets that failed a gate twice and went to the cloud."}}})
	}
	if r.Drafts.Written > 0 {
		p.Sections = append(p.Sections, r.Drafts.section())
	}
	return p
}

func (d Drafts) section() page.Section {
	steps := []page.Count{
		{Label: "drafted", N: d.Written}, {Label: "handed over", N: d.Ready}, {Label: "passed every check", N: d.Verified},
		{Label: "applied", N: d.Applied}, {Label: "applied, then edited", N: d.Edited}, {Label: "discarded", N: d.Discarded},
		{Label: "kept to the commit", N: d.Kept},
	}
	table := &page.Table{Head: []string{"Drafts", "number"}}
	for _, s := range steps {
		table.Rows = append(table.Rows, []string{s.Label, fmt.Sprint(s.N)})
	}
	table.Rows = append(table.Rows, []string{"tokens the cloud did not write", thousands(d.TokensNotSpent)})
	return page.Section{Title: "Drafts", Table: table, Charts: []page.Chart{{SVG: page.Counts("Drafts on their way to a commit", steps),
		Caption: "Changes that the local model wrote. A draft whose last check, the project's own commands, was not run has not passed every check."}}}
}

func (r Report) weekSection() page.Section {
	const title = "Week by week"
	weeks := r.lastWeeks()
	if len(weeks) == 0 {
		return page.Section{Title: title, Text: "Nothing has been recorded in this time."}
	}
	var bars []page.Bar
	table := &page.Table{Head: []string{"Week of", "passed", "escalated", "saved"}}
	var passed, escalated int
	for _, w := range weeks { // the oldest first, as the chart has them
		label := w.Start
		if day, err := time.Parse(time.DateOnly, w.Start); err == nil {
			label = day.Format("2 Jan")
		}
		bars = append(bars, page.Bar{Label: label, One: w.Done, Two: w.Escalated})
		table.Rows = append(table.Rows, []string{w.Start, fmt.Sprint(w.Done), fmt.Sprint(w.Escalated), usd(w.NetUSD)})
		passed, escalated = passed+w.Done, escalated+w.Escalated
	}
	var keys []page.Key // of what has a bar
	if passed > 0 {
		keys = append(keys, page.Key{Class: "one", Name: "passed"})
	}
	if escalated > 0 {
		keys = append(keys, page.Key{Class: "two", Name: "escalated"})
	}
	return page.Section{Title: title, Table: table, Charts: []page.Chart{{Keys: keys,
		SVG: page.Columns("Tickets passed and escalated, by week", bars), Caption: "Tickets that closed in the week."}}}
}

func (r Report) rowSection(title string, rows []Row) page.Section {
	var ranges []page.Range
	table := &page.Table{Head: []string{"", "passed", "share", "95 % interval", "quality"}}
	for _, row := range rows {
		t := row.Tickets
		ranges = append(ranges, page.Range{Label: row.Name, Share: t})
		table.Rows = append(table.Rows, []string{row.Name, t.String(), t.Percent(), t.Interval(), score(row.Quality)})
	}
	return page.Section{Title: title, Table: table, Charts: []page.Chart{{SVG: page.Ranges(title+": share that passed its gates", ranges),
		Caption: "The dot is the share that passed, the line its 95 % interval: the fewer tickets, the longer."}}}
}

func (r Report) notes() []string {
	s := r.Savings
	tier := map[policy.Tier]string{policy.Cheap: "cheap (Haiku)", policy.Balanced: "balanced (Sonnet)"}[s.Tier]
	return []string{
		fmt.Sprintf("A local answer is worth what %s takes for the same tokens: $%g in and $%g out a million, list prices of %s.", tier, s.PriceIn, s.PriceOut, s.PricesDate),
		"A classification counts when it is given, a plan when the attempt it opened has closed. Of an attempt that was escalated the plan is taken off again, and so is what the cloud pays to read its hand-off.",
		"A draft counts when its change is committed as it was: a quarter of its patch's bytes are tokens that the tier would have written.",
		"A reply that was refused, or followed within two minutes by another call for the same question, was no answer.",
		"What the client's own model spends on edits and reviews is not seen by localmodel and is in no figure here. Plans of attempts older than the journal keeps (90 days) are not counted.",
		"Intervals are Wilson score intervals of 95 %.",
	}
}
