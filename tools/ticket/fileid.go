package ticket

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// genericNames are file names that say nothing: the directory names the ticket.
var genericNames = set("readme index tasks task proposal spec plan issue ticket requirements design bugfix")

// fileID is the id that a path gives: the one at the start of the file's name, else
// the name, or the directory's where that is generic. lower says that a prefix may be in
// lower case.
func (f *file) fileID(lower bool) string {
	if genericNames[strings.ToLower(f.stem)] && f.parent(1) != "" {
		return oneLine(f.parent(1))
	}
	return cmp.Or(idAtStart(f.stem, lower), clip(oneLine(f.stem), maxID-3))
}

// knownPrefixes are prefixes that also count in lower case.
var knownPrefixes = set("task bug feat feature story issue ticket epic fix chore draft wp sub subtask spike")

// idAtStart gives the id at the start of a file's name, "" = there is none.
func idAtStart(name string, lower bool) string {
	head, _, spaced := strings.Cut(name, " ")
	segments := strings.FieldsFunc(head, func(r rune) bool { return r == '-' || r == '_' })
	if len(segments) == 0 || head[0] == '-' || head[0] == '_' {
		return ""
	}
	first := segments[0]
	upper := first == strings.ToUpper(first)
	if isNumberDots(first) {
		return numberAtStart(name, segments, spaced)
	}
	known := !upper && knownPrefixes[strings.ToLower(first)]
	if !unicode.IsLetter([]rune(first)[0]) || !upper && !lower && !spaced && !known {
		return ""
	}
	if len(segments) > 1 && isNumberDots(segments[1]) && isLetters(first) && !isStandard(head) {
		return join(head, segments[:2])
	}
	if !upper {
		return wordsThenNumber(head, segments)
	}
	return upperRun(head, segments)
}

// numberAtStart is the number that begins a name such as 057 or 3-slug, and no date.
func numberAtStart(name string, segments []string, spaced bool) string {
	first := segments[0]
	alone := len(segments) == 1 && !spaced && len(name) == len(first)
	slugged := len(segments) > 1 && !isNumberDots(segments[1]) && len(first) <= 5
	if len(first) > 6 || strings.Contains(first, ".") || !alone && !slugged {
		return ""
	}
	return first
}

// wordsThenNumber is task-epic-11.162.1 of task-epic-11.162.1-Fix-it.
func wordsThenNumber(head string, segments []string) string {
	for i, s := range segments {
		if i > 0 && isNumberDots(s) {
			return join(head, segments[:i+1])
		}
		if i > 2 || !isLetters(s) {
			return ""
		}
	}
	return ""
}

// upperRun is LOCAL-TBD-M11-U10 of LOCAL-TBD-M11-U10-some-slug, WP01 of WP01-slug.
func upperRun(head string, segments []string) string {
	last := -1
	for i, s := range segments {
		if s != strings.ToUpper(s) {
			break
		}
		if strings.ContainsAny(s, "0123456789") {
			last = i
		}
	}
	digits := len(segments[0]) - len(strings.TrimRight(segments[0], "0123456789"))
	if last < 0 || last == 0 && digits < 2 { // a letter and a digit alone are a word such as S3
		return ""
	}
	return join(head, segments[:last+1])
}

// join gives the beginning of head that holds the segments, as it is written.
func join(head string, segments []string) string {
	return head[:min(len(strings.Join(segments, "-")), len(head))]
}

func isLetters(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

func containsFold(list []string, text string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, text) })
}

func clipID(id string) string {
	r := []rune(id)
	return strings.TrimSpace(string(r[:min(len(r), maxID)]))
}

// slug makes an id of a text, the same whatever is around it: letters and digits
// of its first words.
func slug(text string) string {
	const most = 40 // characters
	var b strings.Builder
	n := 0
	dash := false
	for _, r := range strings.ToLower(text) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			dash = n > 0
			continue
		}
		if n >= most || dash && n >= most-8 {
			break
		}
		if dash {
			b.WriteByte('-')
			dash = false
			n++
		}
		b.WriteRune(r)
		n++
	}
	if b.Len() == 0 {
		return "task-" + hash([]byte(text))[:8]
	}
	return b.String()
}
