package words

import (
	"slices"
	"strings"
)

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
	objects := 0
	near := what[1:min(len(what), 9)]
	for _, w := range title[1:] {
		if len(w) > 3 && slices.Contains(near, w) {
			objects++
		}
	}
	if objects == 0 {
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
