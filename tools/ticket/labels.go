package ticket

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

const (
	kindBug  = "BUG"
	kindFeat = "FEAT"
	kindTask = "TASK"
	kindEpic = "EPIC"

	security     = "SECURITY"
	architecture = "ARCH"
)

// kinds gives the kind of a word for a type.
var kinds = byWord("kind ")

func isOf(group, word string) bool { return slices.Contains(groups()[group], word) }

// kindOfType is the kind that a stated type means, "" if none.
func kindOfType(text string) string {
	name := normal(text)
	if isOf("task", name) {
		return kindTask
	}
	return cmp.Or(kinds()[name], kindOfLabel(text))
}

// kindOfLabel is the kind that a label means: bug, kind/bug, type: feature.
func kindOfLabel(text string) string {
	if len(text) > 60 {
		return ""
	}
	if kind := kinds()[normal(text)]; kind != "" {
		return kind
	}
	at := strings.IndexAny(text, "/:")
	if at < 0 || !slices.Contains([]string{"type", "kind", "category", "issuetype", "t"}, normal(text[:at])) {
		return ""
	}
	name := normal(text[at+1:])
	if isOf("task", name) {
		return kindTask
	}
	return kinds()[name]
}

// concern reports whether a label, type or component names security or architecture, in
// any spelling: area/security, #security, Security Review, sicherheit.
func concern(text string) string {
	if text == "" || len(text) > 100 {
		return ""
	}
	for segment := range strings.FieldsFuncSeq(text,
		func(r rune) bool { return strings.ContainsRune("/:.,;#[](){} \t", r) }) {
		switch strings.ToLower(segment) { // short words only as a whole segment: arch-linux is no architecture
		case "sec":
			return security
		case "arch":
			return architecture
		}
		if c := concernOf(normal(segment)); c != "" {
			return c
		}
		for word := range strings.FieldsFuncSeq(segment,
			func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
			if c := concernOf(normal(word)); c != "" {
				return c
			}
		}
	}
	return concernOf(normal(text))
}

func concernOf(name string) string {
	if name == "" {
		return ""
	}
	for _, c := range []struct{ words, tag string }{{"security", security}, {"architecture", architecture}} {
		if isOf(c.words, name) || slices.ContainsFunc(groups()[c.words+" parts"],
			func(part string) bool { return strings.Contains(name, part) }) {
			return c.tag
		}
	}
	return ""
}

// isClosed reports whether a status means that nothing is left to do.
func isClosed(status string) bool {
	name := normal(status)
	if name == "" {
		return strings.ContainsAny(status, "✅✔☑")
	}
	return isOf("closed", name) || isOf("closed", normal(firstWord(status)))
}
