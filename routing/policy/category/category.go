// Package category guesses what kind of work a ticket is from its words alone.
// It is pure and bounded in time, whatever the text is.
package category

import (
	_ "embed"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Category is what kind of work a ticket is. A project may add its own with
// its ticket prefixes.
type Category string

// The categories that every project has.
const (
	Bug  Category = "BUG"
	Feat Category = "FEAT"
	Task Category = "TASK"
)

// Guess finds the category of a ticket that states none, from its title and the
// beginning of its body, and the probability (0..1) that it is right. A
// conventional prefix ("fix:", "[Feature]") decides; else weighted words do,
// with the verdict of the keyword rules as one of the features. The weights are
// trained by integration/train.
func Guess(title, body string) (guess Category, confidence float64) {
	if category, ok := prefixCategory(title); ok {
		return category, prefixConfidence
	}
	scores := trained().score(keywordVerdict(title, body), titleWords(title))
	most := slices.Max(scores[:])
	return guessed[slices.Index(scores[:], most)], most
}

// prefixConfidence is a conservative figure: a prefix is the author's own word,
// as a stated type is, but some use `fix:` for everything.
const prefixConfidence = 0.95

// guessed are the categories that words can distinguish, in the order of the
// columns of the weights.
var guessed = [...]Category{Bug, Feat, Task}

//go:embed weights.tsv
var weightsText string

// weights are a multinomial logistic regression: one row a feature, one column
// a category.
type weights map[string][len(guessed)]float64

var trained = sync.OnceValue(func() weights {
	w := weights{}
	for line := range strings.Lines(weightsText) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 1+len(guessed) || strings.HasPrefix(line, "#") {
			continue
		}
		var row [len(guessed)]float64
		for i := range row {
			row[i], _ = strconv.ParseFloat(fields[i+1], 64) // a test reads every row
		}
		w[fields[0]] = row
	}
	return w
})

// bodyPrior is what a verdict from the body adds to its category, in place of
// the trained weights: the training data has titles only. On public issues such
// a verdict is right in .65, and ln(.65/.175) = 1.31.
const bodyPrior = 1.31

func (w weights) score(v keywordResult, words []string) (scores [len(guessed)]float64) {
	add := func(feature string) {
		for i, weight := range w[feature] {
			scores[i] += weight
		}
	}
	if v.place == placeBody {
		scores[slices.Index(guessed[:], v.category)] = bodyPrior
	} else {
		add("bias")
		add(v.feature())
	}
	for _, word := range words {
		add(word)
	}
	var sum float64
	for i, s := range scores {
		scores[i] = math.Exp(s)
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
	return scores
}

// Features are the features of a title, for the training program: the
// keyword rules' verdict, then the words.
func Features(title string) []string {
	return append([]string{keywordVerdict(title, "").feature()}, titleWords(title)...)
}

// ByRules is what the keyword rules alone say of a title.
func ByRules(title string) Category { return keywordVerdict(title, "").category }

// maxWords bounds the work on a title; longer ones are cut.
const maxWords = 60

// titleWords are the distinct words of a title as features: lower-case letters
// and digits, the first one once more with a mark.
func titleWords(title string) []string {
	const most = 2000
	title = strings.ToLower(title[:min(len(title), most)])
	words := strings.FieldsFunc(title, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 0x80 && r != '\''
	})
	var out []string
	seen := map[string]bool{}
	for i, word := range words[:min(len(words), maxWords)] {
		word = strings.Trim(word, "'")
		if i == 0 && word != "" {
			out = append(out, "^"+word)
		}
		if len(word) < 2 || seen[word] {
			continue
		}
		seen[word] = true
		out = append(out, "w:"+word)
	}
	return out
}
