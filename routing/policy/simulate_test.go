package policy

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

var full = flag.Bool("simulate", false, "run the whole simulation of the quality guard and print its tables")

// histories is how many of n tickets each world gets: few by default, enough
// for three digits with -simulate.
func histories(n int) int {
	if *full {
		return 300_000 / n
	}
	return 20_000 / n
}

// TestSimulation holds the guard to its promise against an oracle that knows
// the failure rate. The seeds are fixed; with few histories the limits are
// wider.
func TestSimulation(t *testing.T) {
	meanLimit, worstLimit := .065, .17
	if *full {
		meanLimit, worstLimit = .047, .118
	}
	const n = 400
	planMean, planWorst := family(plansRule, named, n, histories(n))
	mean, worst := family(adaptive, named, n, histories(n))
	t.Logf("regret per ticket at %d tickets: mean %.3f, worst %.3f; the plan's rule: mean %.3f, worst %.3f", n, mean, worst, planMean, planWorst)
	if mean > meanLimit || worst > worstLimit {
		t.Errorf("mean regret %.3f, worst %.3f; want at most %.3f and %.3f", mean, worst, meanLimit, worstLimit)
	}
	if mean > planMean/2 {
		t.Errorf("mean regret %.3f is not half of the plan's rule's, %.3f", mean, planMean)
	}
	apart, apartWorst := family(adaptive, heldApart, n, histories(n))
	old, oldWorst := family(asPublished, heldApart, n, histories(n))
	t.Logf("on histories held apart: mean %.3f, worst %.3f; as published: mean %.3f, worst %.3f", apart, apartWorst, old, oldWorst)
	if apart > old+.01 {
		t.Errorf("mean regret %.3f on histories held apart; the published parameters do %.3f", apart, old)
	}
	if *full {
		t.Log("\n" + tables() + "\n" + byRate() + "\n" + plot() + "\n" + strata())
	}
}

// TestSimulationGoodModel: a model with 10 % failures keeps its work.
func TestSimulationGoodModel(t *testing.T) {
	const n = 400
	count := 10 * histories(n)
	plan, own := simulate(plansRule, steady(.10), n, count), simulate(adaptive, steady(.10), n, count)
	t.Logf("10 %% failures, %d histories: off at ticket %d in %.2f %%, %.2f %% of the work local; the plan's rule: off in %.1f %%, %.1f %% local",
		count, n, 100*own.off, 100*own.local, 100*plan.off, 100*plan.local)
	if own.off >= .01 || own.local < .97 {
		t.Errorf("off in %.3f of histories, %.3f of the work local; want under .01 and at least .97", own.off, own.local)
	}
	if plan.off < .20 {
		t.Errorf("the plan's rule is off in %.3f of histories; it is known to be off in about .30, so this simulation is wrong", plan.off)
	}
}

// TestSimulationStrata: classes apart beat one pool, under either rule.
func TestSimulationStrata(t *testing.T) {
	const n = 400
	for _, m := range mixes {
		apart, pooled := simulateMix(adaptive, m, true, n, 2*histories(n)), simulateMix(adaptive, m, false, n, 2*histories(n))
		if apart >= pooled {
			t.Errorf("%s: a guard per class costs %.3f a ticket, one for all %.3f", m.name, apart, pooled)
		}
	}
}

// TestSimulationOutage: what 20 tickets of outage would do to the figures if
// they counted as quality. With the breaker they do not: TestOutage.
func TestSimulationOutage(t *testing.T) {
	const n = 400
	down, up := outage(.10, 30, 20), steady(.10)
	for _, c := range []contender{plansRule, adaptive} {
		counted, ignored := simulate(c, down, n, 2*histories(n)), simulate(c, up, n, 2*histories(n))
		t.Logf("%s: 20 tickets down, counted as failures: %.1f %% of the work local; not counted: %.1f %%", c.name, 100*counted.local, 100*ignored.local)
		if counted.local >= ignored.local {
			t.Errorf("%s: an outage counted as quality cost no work: %.3f local, %.3f without it", c.name, counted.local, ignored.local)
		}
	}
}

func tables() string {
	var b strings.Builder
	for _, f := range []struct {
		name   string
		worlds []world
	}{{"the 13 named scenarios", named}, {"the family the parameters were chosen on", tuning}, {"held apart", heldApart}} {
		fmt.Fprintf(&b, "Regret per ticket, mean/worst: %s\n%-24s %14s %14s %14s\n", f.name, "", "N=60", "N=400", "N=2000")
		for _, c := range contenders {
			fmt.Fprintf(&b, "%-24s", c.name)
			for _, n := range []int{60, 400, 2000} {
				mean, worst := family(c, f.worlds, n, max(1, histories(n)/2))
				fmt.Fprintf(&b, "    %.3f/%.3f", mean, worst)
			}
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// byRate shows each named scenario, with bars.
func byRate() string {
	const n = 400
	var b strings.Builder
	fmt.Fprintf(&b, "Regret per ticket at N=%d, and in how many histories any ticket was refused\n", n)
	for _, w := range named {
		for _, c := range []contender{plansRule, adaptive} {
			o := simulate(c, w, n, histories(n)/2)
			fmt.Fprintf(&b, "%-16s %-12s %.3f %4.0f %% |%s\n", w.name, c.name, o.regret, 100*o.tripAt, strings.Repeat("#", int(o.regret*100+.5)))
		}
	}
	return b.String()
}

// plot shows the share of work done locally over a history: a space is none,
// @ all of it.
func plot() string {
	const n = 400
	const levels = " .:-=+*#%@"
	var b strings.Builder
	fmt.Fprintf(&b, "Share of tickets done locally, tickets 1 to %d (space = none, @ = all)\n", n)
	for _, w := range []world{steady(.10), steady(.50), shift(.15, .60, .5), shift(.60, .10, .5), outage(.10, 30, 20), sine(.30, .25, 200)} {
		for _, c := range []contender{plansRule, adaptive, best} {
			fmt.Fprintf(&b, "%-16s %-12s |", w.name, c.name)
			for _, share := range simulate(c, w, n, max(1, histories(n)/2)).over {
				b.WriteByte(levels[min(int(share*float64(len(levels))), len(levels)-1)])
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

func strata() string {
	const n = 400
	var b strings.Builder
	fmt.Fprintf(&b, "Cost per ticket at N=%d, easy/medium/hard tickets failing .05/.25/.75: one pool, and a record per class\n", n)
	for _, m := range mixes {
		for _, c := range []contender{plansRule, asPublished, adaptive, best} {
			fmt.Fprintf(&b, "%-10s %-24s %.3f  %.3f\n", m.name, c.name,
				simulateMix(c, m, false, n, max(1, histories(n)/2)), simulateMix(c, m, true, n, histories(n)/2))
		}
	}
	return b.String()
}
