package ticket

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// refsOf gives the tickets that a stated dependency names: ids, numbers, links of
// Markdown and wikis, paths, addresses, ranges. Text without anything of the kind is
// taken whole: ids may have any form.
func refsOf(text string) []string {
	var out []string
	for part := range splitRefs(text) {
		part = strings.Trim(oneLine(part), "`'\"* ")
		if strings.HasPrefix(part, "[") && strings.HasSuffix(part, "]") && strings.Count(part, "[") == 1 {
			part = strings.Trim(part[1:len(part)-1], " '\"") // "[FEAT-1" of a list written as text
		}
		bare, _, _ := strings.Cut(part, " (")
		if isNothing(part) || isNothing(bare) || isPlaceholderID(part) || startsWithNone(part) {
			continue
		}
		if ids := expandRange(part); ids != nil {
			out = append(out, ids...)
			continue
		}
		found := findRefs(part, true)
		if len(found) == 0 {
			found = []string{refOfText(part)}
		}
		if out = append(out, found...); len(out) > maxItems {
			break
		}
	}
	return out
}

// splitRefs splits at commas and semicolons, not within a wiki link.
func splitRefs(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, depth := 0, 0
		for i, r := range text {
			switch r {
			case '[', '(':
				depth++
			case ']', ')':
				depth = max(0, depth-1)
			case ',', ';', '、', '，', '；', '\n':
				// a bracket that closes soon has the comma within it
				if depth > 0 && r != '\n' && strings.ContainsAny(text[i:min(len(text), i+100)], "])") &&
					!strings.HasPrefix(text[i:], ",\n") {
					continue
				}
				if !yield(text[start:i]) {
					return
				}
				start, depth = i+len(string(r)), 0
			}
		}
		yield(text[start:])
	}
}

// startOfNone is how a text begins that states that there is nothing: a word for it,
// with no letter after it, or "no ... dependencies".
var startOfNone = lazy.Regexp(`(?s)^(?:(?:无|無|なし|없음|没有)(?:$|[（。，、—]|(?:[\x00-\x7f]{0,2}|[\x{80}-\x{7FF}])[(. ,-])|` +
	`none(?:$|[^a-z\x{80}-\x{10FFFF}])|no (?:blockers|prerequisites|.{0,28}dependenc)|nothing|n/a)`)

// startsWithNone: "None (foundation)", "None - can start at once", "No dependencies".
func startsWithNone(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	return len(text) <= 300 &&
		(startOfNone().MatchString(strings.ToLower(text)) || isNone(strings.Trim(first, ",.;:")))
}

// refOfText is what one dependency means that names no id: a number, a note, a path.
func refOfText(text string) string {
	text = unlink(text)
	if strings.HasPrefix(text, "#") && len(text) > 1 {
		text = text[1:]
	}
	if strings.HasSuffix(strings.ToLower(text), ".md") && !strings.Contains(text, "://") {
		text = stemOf(text)
		if id := idAtStart(text, true); id != "" {
			return id
		}
	}
	return strings.TrimSpace(text)
}

// stemOf is the file name of a path, without its extension.
func stemOf(path string) string {
	path, _, _ = strings.Cut(path, "#")
	path = path[strings.LastIndexByte(path, '/')+1:]
	if at := strings.LastIndexByte(path, '.'); at > 0 && len(path)-at <= 5 {
		path = path[:at]
	}
	return strings.ReplaceAll(path, "%20", " ")
}

// findRefs finds what is written like a reference: [[Note]], [ID](target), #12,
// owner/repo#12, an address of an issue, KEY-12. loose also takes words like
// FEAT-auth-12 and lower case.
func findRefs(text string, loose bool) []string {
	var out []string
	for i := 0; i < len(text); {
		rest, id, size := text[i:], "", 1
		switch {
		case strings.HasPrefix(rest, "[["):
			size = 2
			if end := strings.Index(rest[:min(len(rest), 500)], "]]"); end >= 0 {
				id, size = wikiTarget(rest[2:end]), end+2
			}
		case rest[0] == '[':
			if label, target, n := markdownLinkAt(rest); n > 0 {
				id, size = linkRef(label, target), n
			}
		case isWordByte(rest[0]) || rest[0] == '#' || rest[0] >= 0x80:
			size = wordSize(rest)
			id = wordRef(rest[:size], loose)
		}
		if id != "" && len(out) <= maxItems {
			out = append(out, id)
		}
		i += size
	}
	return out
}

func isWordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

// wordSize is the length of a word that may hold what ids and addresses hold.
func wordSize(text string) int {
	n := 0
	for n < len(text) && (isWordByte(text[n]) || text[n] >= 0x80 || strings.IndexByte("#-./:?=&%~", text[n]) >= 0) {
		n++
	}
	return max(n, 1)
}

// wikiTarget is the note that [[Folder/Note#part|alias]] means.
func wikiTarget(inner string) string {
	inner, _, _ = strings.Cut(inner, "|")
	inner, _, _ = strings.Cut(inner, "#")
	return oneLine(strings.TrimSuffix(inner[strings.LastIndexByte(inner, '/')+1:], ".md"))
}

// markdownLinkAt reads a link at the beginning of text; size 0 = there is none.
func markdownLinkAt(text string) (label, target string, size int) {
	const most = 400 // bytes; links of tickets are short
	text = text[:min(len(text), most)]
	end := strings.IndexByte(text, ']')
	if end < 0 || end+1 >= len(text) || text[end+1] != '(' {
		return "", "", 0
	}
	last := strings.IndexByte(text[end:], ')')
	if last < 0 {
		return "", "", 0
	}
	return strings.Trim(text[1:end], "` *"), strings.TrimSpace(text[end+2 : end+last]), end + last + 1
}

// linkRef is the ticket that a link means: the id in its label, else that of its
// target.
func linkRef(label, target string) string {
	for word := range strings.FieldsSeq(label) {
		if id := wordRef(strings.Trim(word, "[]():,."), false); id != "" {
			return id
		}
	}
	switch {
	case strings.Contains(target, "://"):
		return wordRef(target, false)
	case !strings.HasSuffix(target, ".md"):
		return wordRef(label, true)
	}
	return refOfText(target)
}

// wordRef is the id that one word is, or "".
func wordRef(word string, loose bool) string {
	if strings.Contains(word, "://") {
		return addressRef(word)
	}
	word = strings.Trim(word, ".:;,!?*_&=~/-")
	repo, number, hashed := strings.Cut(word, "#")
	switch {
	case len(word) < 2 || len(word) > 100 || hashed && !isNumber(number):
		return ""
	case hashed && (repo == "" || strings.EqualFold(repo, "GH") || strings.EqualFold(repo, "issue")):
		return number
	case hashed && strings.Count(repo, "/") != 1:
		return ""
	case (strings.HasPrefix(word, "GH-") || strings.HasPrefix(word, "gh-")) && isNumber(word[3:]):
		return word[3:]
	case !hashed && strings.Contains(word, "/"):
		return folderRef(word)
	case strings.HasSuffix(word, ".md"): // another ticket's file
		return refOfText(word)
	case hashed || isStrictID(word) || loose && wholeID().MatchString(word) && len(word) <= 64 && !isStandard(word):
		return word
	}
	return ""
}

// folderRef is 004-x/T005, or the id at the start of a path's file name.
func folderRef(word string) string {
	if strings.HasSuffix(word, ".md") {
		return idAtStart(stemOf(word), true)
	}
	folder, task, _ := strings.Cut(word, "/")
	if strings.Contains(task, "/") || folder == "" || !isLocalID(task) {
		return ""
	}
	return word
}

var localID = lazy.Regexp(`^[A-Z.-]*[0-9][A-Z0-9.-]*[a-z]?$`)

// isLocalID: T005, WP01, 1.2, M4-U12.
func isLocalID(text string) bool { return len(text) <= 20 && localID().MatchString(text) }

// addressRef is the issue that an address names: …/issues/12, …/browse/KEY-1.
func addressRef(address string) string {
	address, _, _ = strings.Cut(address, "?")
	address, _, _ = strings.Cut(address, "#")
	parts := strings.Split(strings.Trim(address, "/.,"), "/")
	for i, part := range parts[:len(parts)-1] {
		next := strings.Trim(parts[i+1], ".,;")
		switch part {
		case "issues", "pull", "merge_requests", "-":
			if isNumber(next) && i >= 2 && strings.Contains(address, "github.com") {
				return parts[i-2] + "/" + parts[i-1] + "#" + next
			}
			if isNumber(next) {
				return next
			}
		case "browse", "issue", "ticket", "task":
			if isStrictID(next) {
				return next
			}
		}
	}
	return ""
}

func isNumber(text string) bool {
	return text != "" && len(text) <= 9 && strings.Trim(text, "0123456789") == ""
}

// isStrictID: KEY-12, M4-U12, task-12.1, LOCAL-TBD-M6-U05-1; no standard's name.
func isStrictID(word string) bool {
	head, tail, found := strings.Cut(word, "-")
	if !found || head == "" || len(word) > 64 || !unicode.IsLetter(rune(head[0])) || isStandard(word) {
		return false
	}
	upper := head == strings.ToUpper(head)
	if !upper && !isNumberDots(strings.TrimPrefix(tail, "epic-")) && !hasHashID(tail) {
		return false // lower case: only prefix-number
	}
	digits := false
	for segment := range strings.SplitSeq(word, "-") {
		if segment == "" || upper && segment != strings.ToUpper(segment) &&
			!isNumberDots(strings.TrimRight(segment, "abcdefghijklmnopqrstuvwxyz")) {
			return false
		}
		digits = digits || strings.ContainsAny(segment, "0123456789")
	}
	last := word[strings.LastIndexByte(word, '-')+1:]
	return digits && strings.ContainsAny(last, "0123456789") && strings.IndexFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.' && r != '_'
	}) < 0
}

// hasHashID: a1f, 07c.3: the short hash that Beads gives.
func hasHashID(text string) bool {
	head, rest, dotted := strings.Cut(text, ".")
	return len(head) >= 2 && len(head) <= 6 && strings.ContainsAny(head, "0123456789") &&
		strings.Trim(head, "abcdefghijklmnopqrstuvwxyz0123456789") == "" && (!dotted || isNumberDots(rest))
}

func isNumberDots(text string) bool {
	return text != "" && strings.Trim(text, "0123456789.") == "" && text[0] != '.' && text[len(text)-1] != '.'
}

// standards are words before a dash and a number that are no tracker's prefix.
var standards = set(`utf sha ucs iso rfc aes md http https cve cwe gpt es ecma ac fr nfr sc ieee iec en tls ssl ipv base
	x phase step part section version v node python top level tier week day sprint claude h vp mp us uc req wcag cis
	nist log chapter l p`)

func isStandard(word string) bool {
	head, _, _ := strings.Cut(word, "-")
	return standards[strings.ToLower(head)]
}

// expandRange gives the ids of SP3-001..SP3-007, SP3-001..003 and T001-T004; nil = it
// is no range of up to a hundred.
func expandRange(text string) []string {
	const most = 100
	var from, to string
	for _, mark := range []string{"...", "..", " to ", " through ", " bis ", "–", " - "} {
		if a, b, ok := strings.Cut(text, mark); ok {
			from, to = strings.TrimSpace(a), strings.Trim(strings.TrimSpace(b), ".")
			break
		}
	}
	if from == "" || to == "" || len(from)+len(to) > 100 {
		return nil
	}
	prefix, first := splitNumber(from)
	other, last := splitNumber(to)
	if first == "" || last == "" || prefix == "" || other != "" && !strings.EqualFold(prefix, other) {
		return nil
	}
	lo, _ := strconv.Atoi(first) // at most nine digits
	hi, _ := strconv.Atoi(last)
	if hi-lo >= most {
		return nil
	}
	var out []string
	for n := lo; n <= hi; n++ {
		out = append(out, fmt.Sprintf("%s%0*d", prefix, len(first), n))
	}
	return out
}

// splitNumber splits an id in what is before its last number, and that number.
func splitNumber(id string) (prefix, number string) {
	prefix = strings.TrimRight(id, "0123456789")
	if len(id)-len(prefix) > 9 || strings.ContainsAny(prefix, " ") {
		return "", ""
	}
	return prefix, id[len(prefix):]
}
