package account

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/page"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// Print writes the report for a person.
func (r Report) Print(out io.Writer, paint term.Painter) {
	term.Print(out, "", r.headline())
	if extra := r.beside(); extra != "" {
		term.Print(out, "", extra)
	}
	if r.empty() {
		term.Print(out, "", "No model was asked and nothing was paid. localmodel demo shows a session.")
		return
	}
	if r.Tickets.N > 0 {
		printRows(out, "By complexity", r.Complexities)
		printRows(out, "By model", r.Models)
	}
	fmt.Fprintln(out)
	field := func(name, text string) { term.Print(out, fmt.Sprintf("%-13s", name), text) }
	if r.Tickets.N > 0 {
		field("Escalated", r.escalations())
		field("Quality", r.quality())
	}
	if r.Drafts.Written > 0 {
		field("Drafts", r.Drafts.words())
	}
	for i, line := range r.money() {
		field(map[bool]string{true: "Saved"}[i == 0], line)
	}
	field("Paid", r.paid())
	if r.TeamUSD != nil {
		field("Team", usd(*r.TeamUSD)+" spent or reserved by all users of this journal, over all projects; the daily cap is each user's own")
	}
	r.plot(out, paint)
}

// empty reports whether there is no figure to print.
func (r Report) empty() bool {
	none := r.Calls == Calls{} && r.Drafts == Drafts{} && r.Savings.Answers == 0 && r.Savings.WastedTokens == 0 && r.Savings.OpenUSD == 0
	return none && r.Tickets.N == 0 && r.Open == 0 && r.TeamUSD == nil && len(r.Weeks) == 0
}

func (r Report) headline() string {
	when := ""
	if !r.Since.IsZero() {
		when = " since " + r.Since.Format(time.DateOnly)
	}
	if r.Tickets.N == 0 {
		return "No ticket has been through its gates with the local model" + when + " yet."
	}
	return fmt.Sprintf("%s tickets%s stayed local and passed their gates: %s (95 %% interval %s), and it saved %s.",
		r.Tickets, when, r.Tickets.Percent(), r.Tickets.Interval(), usd(r.Savings.NetUSD))
}

// beside says what is in none of the figures.
func (r Report) beside() string {
	var out []string
	if r.Open > 0 {
		out = append(out, fmt.Sprintf("%d more are open.", r.Open))
	}
	if i := r.Imported; i.Done+i.Escalated > 0 {
		out = append(out, fmt.Sprintf("Before this journal, %d were done and %d escalated: they are in the plan's counters and in no figure here.", i.Done, i.Escalated))
	}
	return strings.Join(out, " ")
}

// usd writes money with the precision that it is known to.
func usd(v float64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	if v > 0 && v < 1 {
		return fmt.Sprintf("%s$%.4f", sign, v)
	}
	return fmt.Sprintf("%s$%.2f", sign, v)
}

func printRows(out io.Writer, title string, rows []Row) {
	narrow := term.Narrow(out)
	if narrow {
		fmt.Fprintf(out, "\n%s\n", title)
	} else {
		fmt.Fprintf(out, "\n%-28s %12s  %6s  %-12s %7s\n", title, "passed", "share", "95 %", "quality")
	}
	for _, row := range rows {
		s := row.Tickets
		name, passed, interval := plain.Line(row.Name), s.String(), s.Interval()
		if narrow {
			term.Print(out, "  ", page.Fit(name, term.Width(out)-2))
			term.Print(out, "    ", fmt.Sprintf("%s passed, %.0f %% (%s), quality %s", passed, s.Rate*100, interval, score(row.Quality)))
			continue
		}
		fmt.Fprintf(out, "  %-26s %12s  %4.0f %%  %-12s %7s\n", page.Fit(name, 26), passed, s.Rate*100, interval, score(row.Quality))
	}
}

func score(q *float64) string {
	if q == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *q)
}

func (r Report) escalations() string {
	if len(r.Gates) == 0 {
		return "none"
	}
	var out []string
	for _, g := range r.Gates {
		out = append(out, fmt.Sprintf("%d at %s", g.Escalated, g.Gate))
	}
	return strings.Join(out, ", ")
}

func (r Report) quality() string {
	if r.Quality == nil {
		return "no score was given"
	}
	return fmt.Sprintf("%.1f of 100, the mean of %d tickets that have a score", *r.Quality, r.QualityN)
}

// money describes the savings; the first line is the figure, the others are how it
// came about.
func (r Report) money() []string {
	s := r.Savings
	out := []string{
		fmt.Sprintf("%s = %s not paid to %s - %s wasted by failed attempts", usd(s.NetUSD), usd(s.GrossUSD), s.Tier, usd(s.WastedUSD)),
		fmt.Sprintf("%d local answers of %s tokens were kept; %s tokens were wasted", s.Answers, thousands(s.Tokens), thousands(s.WastedTokens)),
		fmt.Sprintf("at the list prices of %s: %s takes $%g in and $%g out a million tokens", s.PricesDate, s.Tier, s.PriceIn, s.PriceOut),
	}
	if s.OpenUSD > 0 {
		out = append(out, fmt.Sprintf("%s more in plans that have not been through their gates", usd(s.OpenUSD)))
	}
	return out
}

// words says what became of the drafts, in the order of their way.
func (d Drafts) words() string {
	return fmt.Sprintf("%d written, %d handed over, %d of them passed every check; %d applied, %d edited, %d discarded; "+
		"%d kept to the commit, %s tokens that the cloud did not write",
		d.Written, d.Ready, d.Verified, d.Applied, d.Edited, d.Discarded, d.Kept, thousands(d.TokensNotSpent))
}

func (r Report) paid() string {
	c := r.Calls
	text := fmt.Sprintf("%s for %d calls of paid tiers", usd(c.PaidUSD), c.Paid)
	if c.EstimatedUSD > 0 {
		text += fmt.Sprintf(", %s of it estimated", usd(c.EstimatedUSD))
	}
	if c.PaidFailed > 0 {
		text += fmt.Sprintf(", and %d that failed at no cost", c.PaidFailed)
	}
	return text + fmt.Sprintf("; %d local calls, %d without an answer", c.Local, c.LocalFailed)
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// weeksShown is how many weeks the plots go back.
const weeksShown = 26

func (r Report) lastWeeks() []Week { return r.Weeks[max(0, len(r.Weeks)-weeksShown):] }

// plot draws the weeks: a bar of those that passed and those that did not.
func (r Report) plot(out io.Writer, paint term.Painter) {
	weeks := r.lastWeeks()
	if len(weeks) == 0 {
		return
	}
	most := 1
	for _, w := range weeks {
		most = max(most, w.Done+w.Escalated)
	}
	cells, date, figure := 32, 12, 10
	if term.Narrow(out) {
		date, figure = 10, 8
		cells = max(4, term.Width(out)-date-2*figure-3)
		fmt.Fprintf(out, "\n%s\n", "Week of, █ passed ░ escalated")
	} else {
		fmt.Fprintf(out, "\n%-*s %-*s %*s %*s\n", date, "Week of", cells, "█ passed ░ escalated", figure, "passed", figure, "saved")
	}
	for _, w := range weeks {
		whole := ((w.Done+w.Escalated)*cells + most - 1) / most
		passed := 0
		if w.Done > 0 {
			passed = max(1, whole*w.Done/(w.Done+w.Escalated))
		}
		bar := paint.Paint(term.Green, strings.Repeat("█", passed)) + paint.Paint(term.Yellow, strings.Repeat("░", whole-passed))
		fmt.Fprintf(out, "%-*s %s%s %*s %*s\n", date, w.Start, bar, strings.Repeat(" ", cells-whole),
			figure, fmt.Sprintf("%d of %d", w.Done, w.Done+w.Escalated), figure, usd(w.NetUSD))
	}
}
