package ticket

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// fileBlock takes over the files of a section or of what is under a label.
func (c *collector) fileBlock(b block) {
	before := len(c.t.Files)
	c.fileTables(b)
	odd := ""
	doing := b.what.action
	for _, line := range b.lines {
		text, indent := dedent(line)
		if text == "" || text[0] == '|' || isDelimiter(line) || isRule(text) {
			continue
		}
		body := item(text)
		if body == "" && !startsWithPath(text) {
			continue // a sentence that may mention a file
		}
		body = cmp.Or(body, text)
		if mark, rest, _ := boxOf(line); mark != 0 {
			body = rest
		}
		bare := strings.Trim(body, "*_ ")
		word := normal(strings.TrimRight(bare, ":"))
		if strings.HasSuffix(bare, ":") && isAction(word) && indent < 4 {
			doing = word // "**New:**", then its files
			continue
		}
		paths, act, note := filesOf(body)
		for _, p := range paths {
			c.file(File{Path: p, Action: cmp.Or(act, doing), Description: note}, b.where)
		}
		if len(paths) == 0 && odd == "" && !isNothing(body) && !startsWithNone(body) &&
			!strings.HasPrefix(text, "<") {
			odd = body
		}
	}
	for _, line := range b.code {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); isPath(word) {
			c.file(File{Path: cleanPath(word), Action: doing}, b.where)
		}
	}
	if odd != "" && len(c.t.Files) == before && !c.t.HasFileTable {
		c.notRead(b.where+":", odd)
	}
}

// startsWithPath reports whether a line that is no list item begins with a path, an
// action, or a label.
func startsWithPath(text string) bool {
	text = expandBraces(text)
	bare := strings.TrimLeft(text, "*_` ")
	first, _, _ := strings.Cut(bare, " ")
	first = strings.Trim(first, "*_`,:;()")
	return isPath(first) || isAction(normal(first)) || strings.HasPrefix(text, "[") ||
		strings.HasSuffix(strings.TrimRight(text, "*_ "), ":")
}

// braces are those with a comma within, and the word around them.
var braces = lazy.Regexp("(`?)((?:[^\\s,;`{}]|\\{[^{},\\s`]*\\})*)\\{([^{}\\s`]*,[^{}\\s`]*)\\}" +
	"((?:[^\\s,;`{}]|\\{[^{}\\s`]*\\})*)")

// expandBraces writes out src/{a,b}.go, which are two files.
func expandBraces(text string) string {
	const (
		most  = 2 * maxPath
		pairs = 3 // of braces in a word
	)
	for range pairs {
		if len(text) > most || !strings.Contains(text, "{") {
			break
		}
		text = braces().ReplaceAllStringFunc(text, func(word string) string {
			m := braces().FindStringSubmatch(word)
			var out []string
			for part := range strings.SplitSeq(m[3], ",") {
				out = append(out, m[2]+part+m[4])
			}
			return m[1] + strings.Join(out, m[1]+", "+m[1])
		})
	}
	return text
}

// filesOf gives the paths of one line of a list of files, what is done to them, and
// what is said of them.
func filesOf(text string) (paths []string, action, note string) {
	text = expandBraces(text)
	const mostActions = 4 // "create: new: ..." without end would read its rest again for each
	return filesAfter(text, mostActions)
}

// filesAfter reads a line that may begin with so many actions.
func filesAfter(text string, actions int) (paths []string, action, note string) {
	if label := labelOf(text); actions > 0 && label.value != "" && isAction(normal(label.name)) {
		paths, _, note = filesAfter(label.value, actions-1)
		return paths, normal(label.name), note
	}
	first, rest, ok := strings.Cut(text, " ")
	if actions > 0 && ok && isAction(normal(first)) && !isPath(first) {
		if paths, _, note = filesAfter(strings.TrimLeft(rest, ":- "), actions-1); len(paths) > 0 {
			return paths, normal(first), note
		}
	}
	if paths, note = filesInCode(text); len(paths) > 0 {
		return paths, actionIn(note), strings.TrimSuffix(note, ")")
	}
	head, rest := text, ""
	for _, mark := range []string{" - ", " – ", " — ", ": ", " ("} {
		if before, after, ok := strings.Cut(head, mark); ok {
			head, rest = before, after
		}
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(head, " and ", ","), ",") {
		part = strings.Trim(strings.TrimSpace(part), "*_`")
		if isPath(part) || isPath(unlink(part)) {
			paths = appendPath(paths, part)
		}
	}
	return paths, actionIn(rest), strings.TrimSuffix(rest, ")")
}

// filesInCode gives the paths in backticks, those between commas around them, and what
// is said after them.
func filesInCode(text string) (paths []string, note string) {
	spans := codeSpans(text)
	if len(spans) == 0 {
		return nil, ""
	}
	for part := range strings.SplitSeq(text[:spans[0].from], ",") { // "a/b/, `c.go`"
		if part = strings.TrimSpace(part); isPath(part) && strings.Contains(part, "/") {
			paths = appendPath(paths, part)
		}
	}
	end := 0
	for i, s := range spans {
		if i > 0 && len(paths) > 0 && !containsFold(pathJoints, strings.Trim(text[end:s.from], " *_")) {
			break // "`a.go` - calls `Open`": the second is about it
		}
		if inner := strings.Trim(text[s.from:s.to], "` "); isPath(inner) {
			paths = appendPath(paths, inner)
		}
		end = s.to
	}
	if rest := strings.TrimSpace(text[end:]); strings.HasPrefix(rest, ",") { // "`a.go`, b/c.go"
		for part := range strings.SplitSeq(rest, ",") {
			if part = strings.TrimSpace(part); isPath(part) {
				paths = append(paths, cleanPath(part))
			}
		}
	}
	return paths, strings.TrimLeft(text[end:], " -–—:*()")
}

// appendPath adds a path in its one spelling, where it has one.
func appendPath(paths []string, text string) []string {
	if p := cleanPath(text); p != "" {
		return append(paths, p)
	}
	return paths
}

// pathJoints may be between two paths of one list.
var pathJoints = []string{"", ",", ", and", "and", "&", "+", ";", "/", "und", "et", "y", "→", "->"}

// actionIn is the action that a note states: "(new)", "create", "NEW".
func actionIn(note string) string {
	word := normal(firstWord(note))
	if isAction(word) && (strings.EqualFold(strings.Trim(note, " ()[]*_`."), word) ||
		strings.HasPrefix(strings.ToLower(note), word+")")) {
		return word
	}
	return ""
}

// isPath reports whether one word is the path of a file, a folder or a pattern, as lists
// of files have them.
func isPath(word string) bool {
	if word == "" || len(word) > maxPath || strings.Contains(word, "://") || strings.ContainsAny(word, " \t()<>|\"=,;") {
		return false
	}
	ext, line, _ := strings.Cut(path.Ext(word), ":") // a.go:12
	switch {
	case strings.Contains(word, "/"):
		return strings.IndexFunc(word, unicode.IsLetter) >= 0 && !strings.HasPrefix(word, "//") && !strings.EqualFold(word, "n/a")
	case strings.Contains(word, "*"):
		return strings.Contains(word, ".") && word[0] != '*' || strings.HasPrefix(word, "*.")
	case noExtension[strings.ToLower(word)]:
		return true
	case len(ext) < 2 || len(ext) > 12 || ext == word && len(word) < 4 || strings.Trim(line, "0123456789:-") != "":
		return false
	}
	return strings.IndexFunc(ext[1:], unicode.IsLetter) >= 0 && strings.IndexFunc(ext[1:], func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) < 0
}

// set makes a set of words.
func set(words string) map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		m[word] = true
	}
	return m
}

var noExtension = set("makefile dockerfile jenkinsfile gemfile procfile license justfile rakefile")

// extensions of files that are named in a sentence; any other word with a dot may be
// a name or an abbreviation.
var extensions = set(`go ts tsx js jsx mjs cjs py rb rs java kt kts swift c h cc cpp hpp cs php scala clj ex exs erl
	hs ml lua dart vue svelte html htm css scss sass less md mdx rst txt json jsonl json5 yaml yml toml ini cfg conf
	env xml csv sql proto graphql gql prisma tf tfvars sh bash zsh ps1 bat dockerfile lock mod sum gradle properties
	ipynb r jl pl pm sol zig nim tmpl tpl hbs ejs astro snap svg png template example`)

// products are names that look like files.
var products = set(`node.js next.js vue.js nuxt.js three.js d3.js express.js react.js angular.js ember.js chart.js
	backbone.js alpine.js p5.js asp.net`)

// topFolders begin paths without an extension.
var topFolders = set(`src lib cmd internal pkg app apps packages tests test spec docs doc backend frontend web api
	server client scripts tools config configs migrations db database public assets components pages services modules
	core infra deploy deployment .github .vscode examples e2e crates include models contracts handlers utils schemas
	prisma supabase terraform k8s charts build benches fixtures integration`)

// pathsIn gives the paths in a sentence: words with a slash or a file's extension,
// in backticks or not.
func pathsIn(text string) []string {
	var out []string
	seen := map[string]bool{}
	for word := range strings.FieldsSeq(expandBraces(text[:min(len(text), 8000)])) {
		word = strings.Trim(word, "`'\"()[]{}<>,;:!?")
		if link := strings.LastIndex(word, "]("); link >= 0 { // [label](target): the label where it is a path
			if label := strings.Trim(word[:link], "[`"); isPathInText(label) {
				word = label
			} else {
				word = word[link+2:]
			}
		}
		word = strings.TrimRight(word, ".`)")
		if !isPathInText(word) {
			continue
		}
		if p := cleanPath(word); p != "" && !seen[p] && len(out) < maxItems {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}

// isPathInText reports whether a word of a sentence is a path: stricter than isPath.
func isPathInText(word string) bool {
	if len(word) < 3 || !isPath(word) || products[strings.ToLower(word)] || word[0] == '@' ||
		word[0] == '$' || word[0] == '~' {
		return false
	}
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(word), "."))
	if at := strings.IndexByte(ext, ':'); at >= 0 {
		ext = ext[:at] // a.go:12
	}
	if !strings.Contains(word, "/") {
		return extensions[ext] || word[0] == '.' && len(word) > 3 && ext != "" &&
			strings.Count(word, ".") > 1 || noExtension[strings.ToLower(word)] && word[0] < 'a'
	}
	if extensions[ext] || strings.Contains(word, "**") {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(word, "./"), "/")
	if word[0] == '/' || strings.ContainsAny(word, "{}@") {
		return false // a route, a package
	}
	if slices.Contains([]string{".com", ".org", ".io", ".dev", ".net"}, path.Ext(first)) {
		return false
	}
	if len(ext) <= 8 && isLetters(strings.TrimRight(ext, "0123456789")) && strings.Trim(ext, "0123456789") != "" {
		return true
	}
	return topFolders[strings.ToLower(first)] || strings.HasSuffix(word, "/") && len(word) > 3
}
