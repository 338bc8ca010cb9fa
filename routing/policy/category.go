package policy

import (
	_ "embed"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// CategoryGuess is a category found from the words of a ticket.
type CategoryGuess struct {
	Category   Category
	Confidence float64 // probability that it is right, 0..1
	Why        string  // what decided, in a few ASCII words
}

// GuessCategory finds the category of a ticket that states none, from its title
// and the beginning of its body. A conventional prefix ("fix:", "[Feature]")
// decides; else weighted words do, with the verdict of the keyword rules as one
// of the features. The weights are trained by integration/train.
func GuessCategory(title, body string) CategoryGuess {
	if category, ok := prefixCategory(title); ok {
		return CategoryGuess{category, prefixConfidence, "prefix of the title"}
	}
	verdict := keywordVerdict(title, body)
	scores, known := categoryWeights().score(verdict, TitleWords(title))
	best := 0
	for i, p := range scores {
		if p > scores[best] {
			best = i
		}
	}
	why := "words of the title"
	switch {
	case verdict.place == placeNone && !known:
		why = "no telling word"
	case verdict.place == placeBody && verdict.category == guessed[best]:
		why = "words of the text"
	}
	return CategoryGuess{guessed[best], scores[best], why}
}

// prefixConfidence is a conservative figure: a prefix is the author's own word,
// as a stated type is, but some use `fix:` for everything.
const prefixConfidence = 0.95

// guessed are the categories that words can tell apart, in the order of the
// columns of the weights.
var guessed = [...]Category{Bug, Feat, Task}

//go:embed category_weights.tsv
var categoryWeightsText string

// weights are a multinomial logistic regression: one row a feature, one column
// a category.
type weights map[string][len(guessed)]float64

var categoryWeights = sync.OnceValue(func() weights {
	w := weights{}
	for line := range strings.Lines(categoryWeightsText) {
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

// score returns the probability of each category, and whether any word has a
// weight.
func (w weights) score(v keywordResult, words []string) (scores [len(guessed)]float64, known bool) {
	add := func(feature string) bool {
		row, ok := w[feature]
		for i := range scores {
			scores[i] += row[i]
		}
		return ok
	}
	if v.place == placeBody {
		scores[slices.Index(guessed[:], v.category)] = bodyPrior
	} else {
		add("bias")
		add(v.feature())
	}
	for _, word := range words {
		if add(word) {
			known = true
		}
	}
	var sum float64
	for i, s := range scores {
		scores[i] = math.Exp(s)
		sum += scores[i]
	}
	for i := range scores {
		scores[i] /= sum
	}
	return scores, known
}

// CategoryFeatures are the features of a title, for the training program: the
// keyword rules' verdict, then the words.
func CategoryFeatures(title string) []string {
	return append([]string{keywordVerdict(title, "").feature()}, TitleWords(title)...)
}

// RuleCategory is what the keyword rules alone say of a title.
func RuleCategory(title string) Category { return keywordVerdict(title, "").category }

// maxTitleWords bounds the work on a title; longer ones are cut.
const maxTitleWords = 60

// TitleWords are the distinct words of a title as features: lower-case letters
// and digits, the first one once more with a mark.
func TitleWords(title string) []string {
	const most = 2000
	title = strings.ToLower(title[:min(len(title), most)])
	words := strings.FieldsFunc(title, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 0x80 && r != '\''
	})
	var out []string
	seen := map[string]bool{}
	for i, word := range words[:min(len(words), maxTitleWords)] {
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
