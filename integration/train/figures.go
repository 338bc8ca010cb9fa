package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/fjbelchi/localmodel/routing/policy/category"
)

// figures is how well one way of guessing does.
type figures struct {
	confusion [3][3]int // label, guess
	brier     float64   // sum over the examples
	bands     [5]band   // by stated confidence: below .4, .5, .6, .7, the rest
}

type band struct{ right, all int }

func (f *figures) add(label, guess int, confidence float64) {
	f.confusion[label][guess]++
	right := 0.0
	if label == guess {
		right = 1
	}
	f.brier += (confidence - right) * (confidence - right)
	i := min(max(int(confidence*10)-3, 0), len(f.bands)-1)
	f.bands[i].all++
	f.bands[i].right += int(right)
}

func (f *figures) count() (right, all int) {
	for label, row := range f.confusion {
		for guess, n := range row {
			all += n
			if label == guess {
				right += n
			}
		}
	}
	return right, all
}

func (f *figures) accuracy() float64 {
	right, all := f.count()
	return float64(right) / float64(max(all, 1))
}

// macroF1 is the mean F1 over the labels that occur.
func (f *figures) macroF1() float64 {
	var sum float64
	labels := 0
	for c := range f.confusion {
		hit, said, is := f.confusion[c][c], 0, 0
		for other := range f.confusion {
			said += f.confusion[other][c]
			is += f.confusion[c][other]
		}
		if is == 0 {
			continue
		}
		labels++
		if hit > 0 {
			sum += 2 * float64(hit) / float64(said+is)
		}
	}
	return sum / float64(max(labels, 1))
}

// leaveOneOut trains on all repositories but one and tests on that one.
func leaveOneOut(examples []example, size int, w io.Writer) {
	names := map[string]bool{}
	for _, e := range examples {
		names[e.repository] = true
	}
	var all [3]figures // the most frequent label, the rules, words and rules
	fmt.Fprintln(w, "left out                       n  majority  rules        words and rules")
	fmt.Fprintln(w, "                                  acc       acc  F1      acc  F1   Brier")
	line := func(name string, f [3]figures) {
		_, n := f[2].count()
		fmt.Fprintf(w, "%-26s %5d  %.3f     %.3f %.3f  %.3f %.3f %.3f\n", name, n, f[0].accuracy(),
			f[1].accuracy(), f[1].macroF1(), f[2].accuracy(), f[2].macroF1(), f[2].brier/float64(n))
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var training, testing []example
		for _, e := range examples {
			if e.repository == name {
				testing = append(testing, e)
			} else {
				training = append(training, e)
			}
		}
		m, most := train(trainable(training), size), mostFrequent(training)
		var here [3]figures
		for _, e := range testing {
			p := m.probabilities(e.features)
			guess := slices.Index(p, slices.Max(p))
			rule := slices.Index(categories, category.ByRules(e.title))
			for _, f := range []*[3]figures{&here, &all} {
				f[0].add(e.label, most, 1)
				f[1].add(e.label, rule, 1)
				f[2].add(e.label, guess, p[guess])
			}
		}
		line(name, here)
	}
	line("all", all)
	fmt.Fprintln(w, "\nconfidence  n     right")
	for i, label := range []string{"below .4", ".4 to .5", ".5 to .6", ".6 to .7", ".7 and up"} {
		b := all[2].bands[i]
		fmt.Fprintf(w, "%-10s %5d  %.3f\n", label, b.all, float64(b.right)/float64(max(b.all, 1)))
	}
}

func mostFrequent(examples []example) int {
	var count [3]int
	for _, e := range examples {
		count[e.label]++
	}
	return slices.Index(count[:], slices.Max(count[:]))
}
