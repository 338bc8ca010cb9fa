// Package words compares texts by their words: what one says that another does
// not.
package words

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

var word = lazy.Regexp(`[\p{L}\p{N}_$]+`)

// contentWords are the words of a text that carry content, each once, reduced
// so that "retries" and "retry" are one. Function words and the filler of empty
// plans are left out; in scripts without spaces, two characters count as a word.
func contentWords(text string) []string {
	empty := filler()
	var out []string
	seen := map[string]bool{}
	add := func(w string) {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	for _, w := range word().FindAllString(text, -1) {
		runes := []rune(w)
		if slices.ContainsFunc(runes, isCJK) {
			for i := 0; i+1 < len(runes); i += 2 {
				add(string(runes[i : i+2]))
			}
			continue
		}
		lower := strings.ToLower(w)
		letters := strings.IndexFunc(w, unicode.IsLetter) >= 0
		if empty[lower] || empty[stem(lower)] || len(runes) < 2 || letters && len(runes) < 3 {
			continue // a number of two digits is a value
		}
		add(stem(lower))
	}
	return out
}

func isCJK(r rune) bool {
	return r >= 0x3040 && r <= 0x30ff || r >= 0x3400 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3
}

// stem cuts the commonest English endings, so that forms of a word compare as
// one. It need not be a word.
func stem(w string) string {
	for _, ending := range []string{"ies", "ing", "ied", "es", "ed", "s", "y", "e"} {
		if cut, ok := strings.CutSuffix(w, ending); ok && len(cut) >= 3 {
			return cut
		}
	}
	return w
}

// filler is what a sentence can be made of without saying anything: function
// words, and the words of any ticket and any plan.
var filler = sync.OnceValue(func() map[string]bool {
	const words = `the and for with that this from into onto when where which what who whose will would should shall must can
could may might not are was were has have had been being its their them they then than there here also only
all any each every some such same other more most very just both either neither per via about after before
because while until upon over under within without out off our your you one two new use used using make makes
made do does done doing get gets set be so as if in is it of on or to up by at an no yes
implement implementation change changes modify modification update updates create delete remove edit write code
codebase file files function functions method functionality feature features ticket tickets issue issues
task tasks step steps plan plans work works working described description required requirement requirements
necessary needed need needs appropriate appropriately relevant proper properly correct correctly expected
expectation accordingly according following follow ensure ensures logic behavior behaviour criteria criterion
acceptance test tests tested testing pass passes passing project solution problem problems handle handles thing things
stuff everything something anything etc todo tbd fixme xxx placeholder lorem ipsum dolor amet foo bar baz
well good best better practice practices quality clean robust efficient goal specified specification
fully completely complete completed successfully success satisfy satisfies meet meets support address addresses
please see above below given provide provided add adds added fix fixes fixed content line lines section
ac existing current currently way part parts place places`
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w], m[stem(w)] = true, true
	}
	return m
})

// Beyond returns the content words of a text that the others do not have.
func Beyond(text string, others ...string) []string {
	known := map[string]bool{}
	for _, other := range others {
		for _, w := range contentWords(split(other)) {
			known[w] = true
		}
	}
	var out []string
	for _, w := range contentWords(text) {
		if !known[w] {
			out = append(out, w)
		}
	}
	return out
}

var camel = lazy.Regexp(`(\p{Ll})(\p{Lu})`)

// split returns a text, and once more with the parts of its names as words, so
// that "userStore" knows "user" and "store".
func split(text string) string {
	const most = 64 << 10
	text = text[:min(len(text), most)]
	parts := camel().ReplaceAllString(text, "$1 $2")
	return text + " " + strings.ReplaceAll(parts, "_", " ")
}

// Same reports whether two texts have the same words in the same order.
func Same(a, b string) bool {
	return strings.Join(word().FindAllString(strings.ToLower(a), -1), " ") ==
		strings.Join(word().FindAllString(strings.ToLower(b), -1), " ")
}

// Shingles returns the runs of n words of a text.
func Shingles(text string, n int) map[string]bool {
	words := word().FindAllString(strings.ToLower(text), -1)
	out := map[string]bool{}
	for i := 0; i+n <= len(words); i++ {
		out[strings.Join(words[i:i+n], " ")] = true
	}
	return out
}

// Has reports whether a text has a name as a whole word.
func Has(text, name string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(name)
		if (i == 0 || !nameByte(text[i-1])) && (end == len(text) || !nameByte(text[end])) {
			return true
		}
		from = i + 1
	}
}

func nameByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// opposites are verbs that undo each other.
var opposites = [][2]string{{"add", "remov"}, {"add", "delet"}, {"add", "drop"}, {"creat", "remov"}, {"creat", "delet"},
	{"enabl", "disabl"}, {"allow", "forbid"}, {"allow", "disallow"}, {"allow", "block"}, {"allow", "deny"}, {"allow", "reject"},
	{"show", "hid"}, {"increas", "decreas"}, {"increas", "reduc"}, {"rais", "lower"}, {"start", "stop"}, {"accept", "reject"},
	{"accept", "refus"}, {"open", "clos"}, {"lock", "unlock"}, {"introduc", "remov"}, {"support", "remov"}, {"support", "drop"},
	{"implement", "remov"}, {"include", "exclud"}, {"keep", "remov"}, {"keep", "delet"}, {"encrypt", "decrypt"}, {"install", "uninstall"},
	{"retry", "abort"}, {"fix", "keep"}, {"cach", "uncach"}, {"strict", "loos"}}

// Opposite reports whether a sentence undoes what a title asks for: the opposite
// verb at its beginning, on an object of the title, and not the title's own verb.
func Opposite(sentence, inTitle string) bool {
	title, what := allWords(inTitle), allWords(sentence)
	if len(title) < 2 || len(what) < 2 {
		return false
	}
	near := what[1:min(len(what), 9)]
	if !slices.ContainsFunc(title[1:], func(w string) bool { return len(w) > 3 && slices.Contains(near, w) }) {
		return false
	}
	begins := func(w, verb string) bool { return strings.HasPrefix(w, stem(verb)) }
	for _, pair := range opposites {
		for _, p := range [][2]string{pair, {pair[1], pair[0]}} {
			asked := begins(title[0], p[0])
			done := begins(what[0], p[1])
			also := slices.ContainsFunc(what[1:], func(w string) bool { return begins(w, p[0]) })
			if asked && done && !also {
				return true
			}
		}
	}
	return false
}

func allWords(text string) []string {
	var out []string
	for _, w := range word().FindAllString(strings.ToLower(text), -1) {
		if len(w) > 1 {
			out = append(out, stem(w))
		}
	}
	return out
}
