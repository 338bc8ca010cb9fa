package main

import (
	"fmt"
	"io"
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
	var names []string
	for _, e := range examples {
		if !slices.Contains(names, e.repository) {
			names = append(names, e.repository)
		}
	}
	slices.Sort(names)
	var rules, words, majority figures
	fmt.Fprintln(w, "left out                       n  majority  rules        words and rules")
	fmt.Fprintln(w, "                                  acc       acc  F1      acc  F1   Brier")
	line := func(name string, majority, rules, words *figures) {
		_, n := words.count()
		fmt.Fprintf(w, "%-26s %5d  %.3f     %.3f %.3f  %.3f %.3f %.3f\n", name, n, majority.accuracy(),
			rules.accuracy(), rules.macroF1(), words.accuracy(), words.macroF1(), words.brier/float64(n))
	}
	for _, name := range names {
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
			for _, f := range []*figures{&here[0], &majority} {
				f.add(e.label, most, 1)
			}
			for _, f := range []*figures{&here[1], &rules} {
				f.add(e.label, rule, 1)
			}
			for _, f := range []*figures{&here[2], &words} {
				f.add(e.label, guess, p[guess])
			}
		}
		line(name, &here[0], &here[1], &here[2])
	}
	line("all", &majority, &rules, &words)
	fmt.Fprintln(w, "\nconfidence  n     right")
	for i, label := range []string{"below .4", ".4 to .5", ".5 to .6", ".6 to .7", ".7 and up"} {
		b := words.bands[i]
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
