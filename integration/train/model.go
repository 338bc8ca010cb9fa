package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

const (
	rounds       = 150
	rate         = 0.5
	penalty      = 2e-3 // L2, per example
	repositories = 2    // a word counts only if it occurs in that many
	occurrences  = 6
)

// model has a row of weights for every feature.
type model map[string][]float64

func trainable(examples []example) []example {
	return slices.DeleteFunc(slices.Clone(examples), example.echoes)
}

// train fits all words, keeps the size most telling ones, and fits those again.
func train(examples []example, size int) model {
	words := common(examples)
	m := fit(examples, words)
	frequency := map[string]int{}
	for _, e := range examples {
		for _, f := range e.features {
			frequency[f]++
		}
	}
	telling := func(word string) float64 {
		var sum float64
		for _, w := range m[word] {
			sum += w * w
		}
		return math.Sqrt(sum * float64(frequency[word]))
	}
	ranked := slices.SortedFunc(maps.Keys(words), func(a, b string) int {
		return cmp.Or(cmp.Compare(telling(b), telling(a)), cmp.Compare(a, b))
	})
	kept := map[string]bool{}
	for _, word := range ranked {
		if rule := strings.HasPrefix(word, "rule:"); rule || size > 0 {
			kept[word] = true
			if !rule {
				size--
			}
		}
	}
	return fit(examples, kept)
}

// common are the features that more than one repository uses, and the rules'.
func common(examples []example) map[string]bool {
	count, users := map[string]int{}, map[string]map[string]bool{}
	for _, e := range examples {
		for _, f := range e.features {
			count[f]++
			if users[f] == nil {
				users[f] = map[string]bool{}
			}
			users[f][e.repository] = true
		}
	}
	out := map[string]bool{}
	for f, n := range count {
		if strings.HasPrefix(f, "rule:") || n >= occurrences && len(users[f]) >= repositories {
			out[f] = true
		}
	}
	return out
}

// fit runs gradient descent with a step of its own for every weight (AdaGrad).
func fit(examples []example, features map[string]bool) model {
	m, squares, slopes := newModel(features), newModel(features), newModel(features)
	rows := make([][]string, len(examples))
	for i, e := range examples {
		rows[i] = []string{"bias"}
		for _, f := range e.features {
			if features[f] {
				rows[i] = append(rows[i], f)
			}
		}
	}
	for range rounds {
		for _, row := range slopes {
			clear(row)
		}
		for i, e := range examples {
			p := m.probabilities(rows[i][1:])
			p[e.label]--
			for _, f := range rows[i] {
				row := slopes[f]
				for c := range row {
					row[c] += p[c] / float64(len(examples))
				}
			}
		}
		for f, row := range m {
			for c := range row {
				slope := slopes[f][c]
				if f != "bias" {
					slope += penalty * row[c]
				}
				squares[f][c] += slope * slope
				row[c] -= rate * slope / (math.Sqrt(squares[f][c]) + 1e-8)
			}
		}
	}
	return m
}

func newModel(features map[string]bool) model {
	m := model{"bias": make([]float64, len(categories))}
	for f := range features {
		m[f] = make([]float64, len(categories))
	}
	return m
}

func (m model) probabilities(features []string) []float64 {
	scores := slices.Clone(m["bias"])
	for _, f := range features {
		for c, w := range m[f] {
			scores[c] += w
		}
	}
	var sum float64
	for c, s := range scores {
		scores[c] = math.Exp(s)
		sum += scores[c]
	}
	for c := range scores {
		scores[c] /= sum
	}
	return scores
}

// table writes the weights as text, sorted, so that a change can be read.
func (m model) table() string {
	var b strings.Builder
	b.WriteString("# made by integration/train; feature")
	for _, c := range categories {
		b.WriteString("\t" + string(c))
	}
	b.WriteByte('\n')
	for _, f := range slices.Sorted(maps.Keys(m)) {
		b.WriteString(f)
		for _, w := range m[f] {
			fmt.Fprintf(&b, "\t%.2f", w)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
