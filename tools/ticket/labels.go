package ticket

import (
	"slices"
	"strings"
	"sync"
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
var kinds = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for name, list := range groups() {
		if kind, ok := strings.CutPrefix(name, "kind "); ok {
			for _, word := range list {
				m[word] = kind
			}
		}
	}
	return m
})

func isOf(group, word string) bool { return slices.Contains(groups()[group], word) }

// kindOfType is the kind that a stated type means, "" if none.
func kindOfType(text string) string {
	name := normal(text)
	if isOf("task", name) {
		return kindTask
	}
	if kind := kinds()[name]; kind != "" {
		return kind
	}
	return kindOfLabel(text)
}

// kindOfLabel is the kind that a label means: bug, kind/bug, type: feature.
func kindOfLabel(text string) string {
	if len(text) > 60 {
		return ""
	}
	if kind := kinds()[normal(text)]; kind != "" {
		return kind
	}
	group, name, found := cutAny(text, "/:")
	if found && slices.Contains([]string{"type", "kind", "category", "issuetype", "t"}, normal(group)) {
		if isOf("task", normal(name)) {
			return kindTask
		}
		return kinds()[normal(name)]
	}
	return ""
}

func cutAny(text, separators string) (before, after string, found bool) {
	if i := strings.IndexAny(text, separators); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

// concern reports whether a label, type or component names security or architecture, in
// any spelling: area/security, #security, Security Review, sicherheit.
func concern(text string) string {
	if text == "" || len(text) > 100 {
		return ""
	}
	for _, segment := range strings.FieldsFunc(text,
		func(r rune) bool { return strings.ContainsRune("/:.,;#[](){} \t", r) }) {
		switch normal(segment) { // short words only as a whole segment: arch-linux is no architecture
		case "sec":
			if strings.EqualFold(segment, "sec") {
				return security
			}
		case "arch":
			if strings.EqualFold(segment, "arch") {
				return architecture
			}
		}
		if c := concernOf(normal(segment)); c != "" {
			return c
		}
		for _, word := range strings.FieldsFunc(segment, func(r rune) bool {
			return !unicode.IsLetter(r) &&
				!unicode.IsMark(r)
		}) {
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
	if isOf("closed", name) {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimLeftFunc(status,
		func(r rune) bool { return !unicode.IsLetter(r) }), " ")
	return isOf("closed", normal(strings.TrimRight(first, ",;:.")))
}

// isDraft reports whether a status means that the ticket is not decided yet.
func isDraft(status string) bool { return isOf("draft", normal(status)) }
