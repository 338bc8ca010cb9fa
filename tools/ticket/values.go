package ticket

import (
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// oneLine trims text and turns line breaks and control characters to spaces,
// so that a value can be printed and logged as it is.
func oneLine(text string) string {
	if !plain(text) && strings.IndexFunc(text, unicode.IsControl) >= 0 {
		text = strings.Join(strings.FieldsFunc(text,
			func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	}
	return strings.TrimSpace(text)
}

// plain: ASCII without control characters, as most text is.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// clip shortens text to n runes for a message.
func clip(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i] + "..."
		}
		n--
	}
	return text
}

// clipField shortens text to maxField bytes.
func clipField(text string) string {
	n := maxField
	if len(text) <= n {
		return text
	}
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return strings.TrimSpace(text[:n])
}

// isOrnament: what may be around a word for nothing.
func isOrnament(r rune) bool {
	return !unicode.IsLetter(r) && strings.ContainsRune("()[]{}*_.…`'\"<>—–-~ ", r)
}

// isNothing: empty, dashes, dots, or a word for "nothing stated".
func isNothing(text string) bool {
	word := strings.TrimFunc(text, isOrnament)
	return word == "" || len(word) <= 4 && slices.Contains([]string{"tbd", "null", "nil"}, strings.ToLower(word)) ||
		isNone(word)
}

// isNone: the text states that there is nothing, as the template's "(none)".
func isNone(text string) bool {
	word := strings.TrimFunc(text, isOrnament)
	if len(word) > 30 || len(word) > 12 && word[0] < 0x80 { // as most texts are
		return false
	}
	word = strings.ToLower(word)
	return noneWords[word] || word == "no response"
}

var noneWords = set(`none n/a na keine keiner aucune aucun ninguna ninguno nenhuma nenhum nessuna нет отсутствуют なし 无 無
	没有 없음`)

var (
	lineBreaks = strings.NewReplacer("<br>", ",", "<br/>", ",", "<br />", ",")
	escapes    = strings.NewReplacer(`\_`, "_", `\*`, "*", `\[`, "[", `\]`, "]", `\-`, "-", `\.`, ".")

	markdownLink = lazy.Regexp(`^\[([^\]]*)\]\(([^)]*)\)$`)
	lineSuffix   = lazy.Regexp(`:\d+(-\d+)?$`)
	wholeID      = lazy.Regexp(`^\pL[\pL\pN_]*(-[\pL\pN_]+)*-\pN+(\.\pN+)*[a-z]?$`)
)

// unlink gives the text of a Markdown link, or its target where that is the
// same path written in full. Other text is returned as it is.
func unlink(text string) string {
	if len(text) > 2*maxPath || !strings.HasPrefix(text, "[") {
		return text
	}
	m := markdownLink().FindStringSubmatch(text)
	if m == nil {
		return text
	}
	label, target := strings.Trim(m[1], "` "), strings.TrimSpace(m[2])
	if label == "" || strings.HasSuffix(target, "/"+label) && !strings.Contains(target, "://") {
		return target
	}
	return label
}

// cleanPath gives the path in its one spelling, or "" for what is no path.
func cleanPath(text string) string {
	text = unlink(oneLine(text))
	if inner, ok := strings.CutPrefix(text, "**"); ok && strings.HasSuffix(inner, "**") && len(inner) > 2 &&
		inner[0] != '/' {
		text = strings.TrimSuffix(inner, "**")
	}
	text = unlink(strings.Trim(text, "`'\"“”«» "))
	if isNothing(text) || strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") {
		return ""
	}
	if strings.Contains(text, `\`) {
		if strings.Contains(text, "/") { // then a backslash before punctuation is Markdown's escape
			text = escapes.Replace(text)
		}
		text = strings.ReplaceAll(text, `\`, "/")
	}
	if len(text) <= maxPath && strings.Contains(text, ":") { // a longer one is refused by its length
		text = lineSuffix().ReplaceAllString(text, "")
	}
	text = strings.TrimSpace(path.Clean(text))
	if text == "." || text == "/" || strings.HasPrefix(strings.TrimPrefix(text, "/"), "path/to/") || isNothing(text) {
		return ""
	}
	return text
}

// cellPaths gives the paths of a table cell: its code spans if it has any,
// else its parts between commas and line breaks.
func cellPaths(cell string) []string {
	cell = expandBraces(cell)
	var out []string
	spans := codeSpans(cell)
	if len(spans) > 0 && !markdownLink().MatchString(cell[:min(len(cell), 2*maxPath)]) {
		for i, s := range spans {
			text := cell[s.from:s.to] // of "`a.go` (calls `Open()`)" the second is no path
			if len(out) <= maxItems && (i == 0 || strings.ContainsAny(text, "./") && !strings.Contains(text, "(")) {
				out = appendPath(out, text)
			}
		}
		return out
	}
	if strings.Contains(cell, "<br") {
		cell = lineBreaks.Replace(cell)
	}
	for part := range strings.SplitSeq(cell, ",") {
		part, _, _ = strings.Cut(strings.TrimSpace(part), " (") // "a.go (new)"
		if out = appendPath(out, part); len(out) > maxItems {
			break
		}
	}
	return out
}

// isPlaceholderID: an id as the templates write it, FEAT-NNN.
func isPlaceholderID(id string) bool {
	upper := strings.ToUpper(id)
	return strings.HasSuffix(upper, "-NNN") || strings.HasSuffix(upper, "-XXX")
}
