package ticket

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// field is what a key, a line's label or a section heading means: a group of words.txt.
type field string

const (
	unknownField    field = ""
	idField         field = "id" // the ticket's own id
	titleField      field = "title"
	typeField       field = "type" // bug, story, ...
	statusField     field = "status"
	priorityField   field = "priority"
	severityField   field = "severity" // the priority, where none is stated
	parentField     field = "parent"   // an epic or a parent ticket: no dependency
	complexityField field = "complexity"
	sizeField       field = "size" // the complexity, where it is a word
	labelsField     field = "labels"
	componentsField field = "components"   // no labels, but they may name security or architecture
	dependsField    field = "dependencies" // tickets that this one waits for
	linksField      field = "links"        // relations of several kinds: each says in words which
	reverseField    field = "reverse"      // tickets that wait for this one, or are only related
	filesField      field = "files"        // files that are to change
	criteriaField   field = "criteria"     // see the classes below
	contextField    field = "context"      // known, and nothing of the above
	logField        field = "log"          // what happened: nothing in it is a statement about the work
)

var fields = set(`id title type status priority severity parent complexity size labels components dependencies links reverse
	files criteria context log`)

// Classes of criteria: the best one that is there counts alone.
const (
	acceptance = iota
	success
	definitionOfDone
)

// meaning is the field that a word names.
type meaning struct {
	field  field
	action string // of files: what is to happen to them
	class  int    // of criteria
}

//go:embed words.txt
var wordsText string

// groups gives the lists of words.txt by their names.
var groups = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	name := ""
	for line := range strings.SplitSeq(wordsText, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] != ' ' {
			name, line, _ = strings.Cut(line, ":")
		}
		m[name] = append(m[name], strings.Fields(line)...)
	}
	return m
})

// byWord gives for each word of the groups "prefix X" its X.
func byWord(prefix string) func() map[string]string {
	return sync.OnceValue(func() map[string]string {
		m := map[string]string{}
		for name, list := range groups() {
			if to, ok := strings.CutPrefix(name, prefix); ok {
				for _, word := range list {
					m[word] = to
				}
			}
		}
		return m
	})
}

// words gives the meaning of each word. The table is filled when it is first asked: a
// server's start must not wait for it.
var words = sync.OnceValue(func() map[string]meaning {
	m := make(map[string]meaning, 700)
	for name, list := range groups() {
		what, detail, _ := strings.Cut(name, " ")
		f := field(what)
		if !fields[what] || f == complexityField && detail != "" {
			continue
		}
		to := meaning{field: f}
		switch {
		case f == criteriaField && detail == "success":
			to.class = success
		case detail == "done":
			to.class = definitionOfDone
		case f == filesField:
			to.action = detail
		}
		for _, word := range list {
			m[word] = to
		}
	}
	return m
})

func meaningOf(word string) meaning {
	return words()[normal(word)]
}

// headingMeaning gives what a section holds. Numbers, ornaments, emoji and what
// follows in parentheses do not matter.
func headingMeaning(title string) meaning {
	name := normal(title)
	if what, ok := words()[name]; ok {
		return what
	}
	// Criteria are also meant where there are more words around.
	for _, part := range groups()["phrases"] {
		if strings.Contains(name, part) && !strings.HasPrefix(name, "non") && len(name) < len(part)+40 {
			return words()[part]
		}
	}
	return meaning{}
}

// normal is a word in the form of the tables: letters only, lower case, without
// accents and without what is in parentheses.
func normal(text string) string {
	if len(text) > 200 {
		return ""
	}
	var b strings.Builder
	b.Grow(len(text))
	depth := 0
	for _, r := range text {
		switch {
		case r == '(' || r == '（':
			depth++
		case r == ')' || r == '）':
			depth = max(0, depth-1)
		case depth > 0:
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r + 'a' - 'A')
		case r >= 'a' && r <= 'z':
			b.WriteRune(r)
		case r >= 0x80 && unicode.IsLetter(r):
			r = unicode.ToLower(r)
			if plain, ok := accents[r]; ok {
				r = plain
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

var accents = map[rune]rune{
	'á': 'a', 'à': 'a', 'â': 'a', 'ã': 'a', 'ä': 'a', 'å': 'a', 'ç': 'c', 'é': 'e', 'è': 'e', 'ê': 'e', 'ë': 'e',
	'í': 'i', 'ì': 'i', 'î': 'i', 'ï': 'i', 'ñ': 'n', 'ó': 'o', 'ò': 'o', 'ô': 'o', 'õ': 'o', 'ö': 'o',
	'ú': 'u', 'ù': 'u', 'û': 'u', 'ü': 'u', 'ý': 'y', 'ё': 'е', 'ß': 's',
}

// looksTelling reports whether an unknown word looks like a field that decides: what does
// and is not understood is named in a warning.
func looksTelling(word string) bool {
	name := normal(word)
	return len(name) <= 60 && !strings.HasPrefix(name, "no") && !strings.HasPrefix(name, "un") &&
		slices.ContainsFunc(groups()["suspects"], func(part string) bool { return strings.Contains(name, part) })
}

const (
	kindBug  = "BUG"
	kindFeat = "FEAT"
	kindTask = "TASK"
	kindEpic = "EPIC"

	security     = "SECURITY"
	architecture = "ARCH"
)

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
	if before := status[:strings.IndexFunc(status, unicode.IsLetter)]; strings.Contains(status, "?") ||
		strings.ContainsAny(before, "%/") && !strings.Contains(before, "100") { // "50% done"
		return false
	}
	return isOf("closed", name) || isOf("closed", normal(firstWord(status)))
}
