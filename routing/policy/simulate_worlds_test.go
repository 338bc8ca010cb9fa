package policy

import (
	"math"
	"math/rand/v2"
	"testing"
)

// cells is a world in which how often local fails depends on the complexity and
// on the category of a ticket.
type cells [2][3]float64 // low and medium; BUG, FEAT and TASK

// spread is how a family of random worlds is drawn, in log odds of a failure.
type spread struct {
	base, worlds float64 // of an easy ticket: mean, and deviation between worlds
	level        float64 // what medium adds, half of it to one and a half times
	category     float64 // deviation between the categories of a world
	both         float64 // deviation of each cell from what its level and category say
}

var (
	// asMeasured draws worlds as hard as those that the limits of two levels were
	// set on: 300 worlds, where one guard per complexity costs .128 a ticket over
	// 60 tickets, .073 (worst .277) over 400 and .062 (.324) over 1,000, and one
	// guard for all .188. How those were drawn is not known; of 900 spreads this one
	// comes closest to these six figures, on worlds of seed 11. What two levels
	// cost had no say in the choice.
	asMeasured = spread{base: -2.55, worlds: 1.1, level: 2.5, category: .9, both: .35}
	// harder has categories that differ as much as complexities do, and fail more.
	harder = spread{base: -1.2, worlds: .8, level: .7, category: .9, both: .4}
)

// draw makes n worlds.
func (s spread) draw(n int, seed uint64) []cells {
	rng := rand.New(rand.NewPCG(19, seed)) //nolint:gosec // the same every time, on purpose
	out := make([]cells, n)
	for i := range out {
		base := s.base + s.worlds*rng.NormFloat64()
		var byCategory [3]float64
		for c := range byCategory {
			byCategory[c] = s.category * rng.NormFloat64()
		}
		for level := range out[i] {
			byLevel := s.level * float64(level) * (0.5 + rng.Float64())
			for c := range out[i][level] {
				logit := base + byLevel + byCategory[c] + s.both*rng.NormFloat64()
				out[i][level][c] = 1 / (1 + math.Exp(-logit))
			}
		}
	}
	return out
}

// levels is which records decide.
type levels int

const (
	onlyClass levels = iota
	twoLevels        // a category's own once it has enough outcomes
	oneForAll
)

// history is the mean regret per ticket of a history of n tickets against an
// oracle that knows the rates.
func (w *cells) history(by levels, n int, rng *rand.Rand) float64 {
	g := Guard{Mode: Adaptive}
	var classes [2]GuardState
	var categories [2][3]GuardState
	sum := 0.0
	for i := range n {
		level, category := rng.IntN(2), rng.IntN(3)
		rate, class, own := w[level][category], &classes[level], &categories[level][category]
		if by == oneForAll {
			class = &classes[0]
		}
		deciding := class
		if by == twoLevels && own.Decides() {
			deciding = own
		}
		cost := 1.0
		if admit, _ := deciding.count(ids[i], anyDay); admit {
			cost = expectedCost(rate)
			failed := rng.Float64() < rate
			g.settle(ids[i], class, failed)
			g.settle(ids[i], own, failed)
		}
		sum += cost - min(1, expectedCost(rate))
	}
	return sum / float64(n)
}

// regret is the mean over histories of n tickets. Every policy meets the same
// worlds and the same luck as long as it decides the same.
func (w *cells) regret(by levels, n, histories int, luck uint64) (mean float64) {
	for h := range histories {
		rng := rand.New(rand.NewPCG(uint64(h), luck)) //nolint:gosec // the same every time, on purpose
		mean += w.history(by, n, rng) / float64(histories)
	}
	return mean
}

func overWorlds(worlds []cells, by levels, n, histories int, luck uint64) (mean, worst float64) {
	for i := range worlds {
		r := worlds[i].regret(by, n, histories, luck)
		mean += r / float64(len(worlds))
		worst = max(worst, r)
	}
	return mean, worst
}

// TestSimulation_Categories: a category's own record beats one for all tickets
// as hard, and keeps within its limits on worlds and luck that nothing was chosen
// on.
func TestSimulation_Categories(t *testing.T) {
	const worlds = 300
	draws, histories := uint64(1), 4
	if *full {
		draws, histories = 5, 20
	}
	for _, f := range []struct {
		name   string
		spread spread
		limits map[int][2]float64 // of two levels, by tickets: mean, worst
		before map[int]float64    // of a guard per complexity, which says how hard the worlds are
	}{
		{"as measured", asMeasured, map[int][2]float64{400: {.063, .222}, 1000: {.044, .142}}, map[int]float64{60: .128, 400: .073, 1000: .062}},
		{"harder", harder, map[int][2]float64{400: {.080, .250}, 1000: {.055, .150}}, nil},
	} {
		for draw := range draws {
			drawn, luck := f.spread.draw(worlds, 201+draw), 701+draw
			for _, n := range []int{60, 400, 1000} {
				var mean, worst [3]float64
				for _, by := range []levels{oneForAll, onlyClass, twoLevels} {
					mean[by], worst[by] = overWorlds(drawn, by, n, histories, luck)
				}
				t.Logf("%s, draw %d of %d worlds, %4d tickets: regret per ticket mean/worst: one record %.3f/%.3f, per complexity %.3f/%.3f, two levels %.4f/%.3f",
					f.name, draw+1, worlds, n, mean[oneForAll], worst[oneForAll], mean[onlyClass], worst[onlyClass], mean[twoLevels], worst[twoLevels])
				limit, bounded := f.limits[n]
				if bounded && (mean[twoLevels] > limit[0] || worst[twoLevels] > limit[1] || mean[twoLevels] >= mean[onlyClass]) {
					t.Errorf("%s, %d tickets: two levels cost %.4f, worst %.3f; want at most %v, and less than %.4f",
						f.name, n, mean[twoLevels], worst[twoLevels], limit, mean[onlyClass])
				}
				if want := f.before[n]; math.Abs(mean[onlyClass]-want) > want/5 && want > 0 {
					t.Errorf("%s, %d tickets: a guard per complexity costs %.3f; these worlds should make it about %.3f", f.name, n, mean[onlyClass], want)
				}
			}
		}
	}
}

// TestSimulation_OneBadCategory: where one category fails and the others do
// not, a record for all tickets as hard lets it through or shuts the others out.
func TestSimulation_OneBadCategory(t *testing.T) {
	feat := cells{{.1, .6, .1}, {.1, .6, .1}}
	one, two := feat.regret(onlyClass, 400, 200, 42), feat.regret(twoLevels, 400, 200, 42)
	t.Logf("FEAT fails .6, the rest .1, 400 tickets: per complexity %.3f, two levels %.3f", one, two)
	if two > one/3 || two > .10 {
		t.Errorf("two levels cost %.3f a ticket, one level %.3f", two, one)
	}
}
