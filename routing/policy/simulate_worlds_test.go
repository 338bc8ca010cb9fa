package policy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// cells is a world in which how often local fails depends on the complexity and
// on the category of a ticket.
type cells struct {
	name  string
	rates [2][3]float64 // low and medium; BUG, FEAT and TASK
}

// randomWorlds draws worlds in which complexity, category and both together
// each have their effect.
func randomWorlds(n int) []cells {
	rng := rand.New(rand.NewPCG(19, 7))
	out := make([]cells, 0, n)
	for i := range n {
		w := cells{name: "world " + strconv.Itoa(i)}
		base := -1.2 + 0.8*rng.NormFloat64()
		var byCategory [3]float64
		for c := range byCategory {
			byCategory[c] = 0.9 * rng.NormFloat64()
		}
		for level := range w.rates {
			byLevel := 0.7 * float64(level) * (0.5 + rng.Float64())
			for c := range w.rates[level] {
				logit := base + byLevel + byCategory[c] + 0.4*rng.NormFloat64()
				w.rates[level][c] = 1 / (1 + math.Exp(-logit))
			}
		}
		out = append(out, w)
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

// regretIn is the mean regret per ticket against an oracle that knows the
// rates, over histories of n tickets.
func regretIn(w cells, by levels, n, histories int) float64 {
	sum := 0.0
	for h := range histories {
		rng := rand.New(rand.NewPCG(uint64(h), 42))
		g := Guard{Mode: Adaptive}
		classes, categories := map[int]*GuardState{}, map[[2]int]*GuardState{}
		for i := range n {
			level, category := rng.IntN(2), rng.IntN(3)
			rate := w.rates[level][category]
			pool := level
			if by == oneForAll {
				pool = 0
			}
			class, own := classes[pool], categories[[2]int{level, category}]
			if class == nil {
				class = &GuardState{}
				classes[pool] = class
			}
			if own == nil {
				own = &GuardState{}
				categories[[2]int{level, category}] = own
			}
			deciding := class
			if by == twoLevels && own.Decides() {
				deciding = own
			}
			id := strconv.Itoa(i)
			cost := 1.0
			if admit, _ := deciding.count(id, anyDay); admit {
				cost = expectedCost(rate)
				failed := rng.Float64() < rate
				g.settle(id, class, failed)
				g.settle(id, own, failed)
			}
			sum += cost - min(1, expectedCost(rate))
		}
	}
	return sum / float64(n*histories)
}

func overWorlds(worlds []cells, by levels, n, histories int) (mean, worst float64) {
	for _, w := range worlds {
		r := regretIn(w, by, n, histories)
		mean += r / float64(len(worlds))
		worst = max(worst, r)
	}
	return mean, worst
}

// TestSimulation_Categories: a category's own record beats one for all tickets
// as hard, in random worlds and where one category fails and the others do not.
func TestSimulation_Categories(t *testing.T) {
	worlds, histories, sizes := randomWorlds(60), 4, []int{400}
	if *full {
		worlds, histories, sizes = randomWorlds(300), 10, []int{60, 400, 1000}
	}
	for _, n := range sizes {
		said := fmt.Sprintf("%d random worlds, %d tickets, regret per ticket mean/worst:", len(worlds), n)
		var mean [3]float64
		for _, by := range []levels{oneForAll, onlyClass, twoLevels} {
			var worst float64
			mean[by], worst = overWorlds(worlds, by, n, histories)
			said += fmt.Sprintf("  %s %.3f/%.3f", [...]string{"per complexity", "two levels", "one record"}[by], mean[by], worst)
		}
		t.Log(said)
		if n >= 400 && mean[twoLevels] >= mean[onlyClass] {
			t.Errorf("two levels cost %.3f a ticket, one level %.3f", mean[twoLevels], mean[onlyClass])
		}
	}
	feat := cells{"FEAT fails .6, the rest .1", [2][3]float64{{.1, .6, .1}, {.1, .6, .1}}}
	one, two := regretIn(feat, onlyClass, 400, 40), regretIn(feat, twoLevels, 400, 40)
	t.Logf("%s, 400 tickets: per complexity %.3f, two levels %.3f", feat.name, one, two)
	if two > one/2 || two > .12 {
		t.Errorf("two levels cost %.3f a ticket, one level %.3f", two, one)
	}
}
