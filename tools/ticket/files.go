package ticket

import (
	"path"
	"strings"
	"unicode"
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
		if body == "" {
			if !startsWithPath(text) {
				continue // a sentence that may mention a file
			}
			body = text
		}
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
		if act == "" {
			act = doing
		}
		for _, p := range paths {
			c.file(File{Path: p, Action: act, Description: note}, b.where)
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
	bare := strings.TrimLeft(text, "*_` ")
	first, _, _ := strings.Cut(bare, " ")
	first = strings.Trim(first, "*_`,:;()")
	return isPath(first) || isAction(normal(first)) || strings.HasPrefix(text, "[") ||
		strings.HasSuffix(strings.TrimRight(text, "*_ "), ":")
}

// filesOf gives the paths of one line of a list of files, what is done to them, and
// what is said of them.
func filesOf(text string) (paths []string, action, note string) {
	if label := labelOf(text); label.name != "" && label.value != "" && isAction(normal(label.name)) {
		paths, _, note = filesOf(label.value)
		return paths, normal(label.name), note
	}
	if first, rest, ok := strings.Cut(text, " "); ok && isAction(normal(first)) && !isPath(first) {
		if paths, _, note = filesOf(strings.TrimLeft(rest, ":- ")); len(paths) > 0 {
			return paths, normal(first), note
		}
	}
	spans := codeSpans(text)
	if len(spans) > 0 {
		end := 0
		for part := range strings.SplitSeq(text[:spans[0].from], ",") { // "a/b/, `c.go`"
			if part = strings.TrimSpace(part); isPath(part) && strings.Contains(part, "/") {
				if p := cleanPath(part); p != "" {
					paths = append(paths, p)
				}
			}
		}
		for i, s := range spans {
			inner := strings.Trim(text[s.from:s.to], "` ")
			between := text[end:s.from]
			if i > 0 && len(paths) > 0 && !isJoint(between) {
				break // "`a.go` - calls `Open`": the second is about it
			}
			if p := cleanPath(inner); p != "" && isPath(inner) {
				paths = append(paths, p)
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
		if len(paths) > 0 {
			note = strings.TrimLeft(text[end:], " -–—:*()")
			return paths, actionIn(note), strings.TrimSuffix(note, ")")
		}
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
			if p := cleanPath(part); p != "" {
				paths = append(paths, p)
			}
		}
	}
	return paths, actionIn(rest), strings.TrimSuffix(rest, ")")
}

// isJoint reports whether s may be between two paths of one list.
func isJoint(between string) bool {
	switch strings.ToLower(strings.Trim(between, " *_")) {
	case ",", "and", "&", "+", ";", "/", "und", "et", "y", "", ", and", "→", "->":
		return true
	}
	return false
}

// actionIn is the action that a note states: "(new)", "create", "NEW".
func actionIn(note string) string {
	word := normal(firstWord(note))
	if note != "" && isAction(word) && (strings.EqualFold(strings.Trim(note, " ()[]*_`."), word) || strings.HasPrefix(strings.ToLower(note), word+")")) {
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
	if strings.Contains(word, "/") {
		return strings.IndexFunc(word, unicode.IsLetter) >= 0 && !strings.HasPrefix(word, "//") && !strings.EqualFold(word, "n/a")
	}
	if strings.ContainsAny(word, "*") {
		return strings.Contains(word, ".") && word[0] != '*' || strings.HasPrefix(word, "*.")
	}
	ext := path.Ext(word)
	switch {
	case noExtension[strings.ToLower(word)]:
		return true
	case len(ext) < 2 || len(ext) > 12 || ext == word && len(word) < 4:
		return false
	}
	return strings.IndexFunc(ext[1:], unicode.IsLetter) >= 0 && strings.IndexFunc(ext[1:], func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) < 0
}

var noExtension = map[string]bool{"makefile": true, "dockerfile": true, "jenkinsfile": true, "gemfile": true, "procfile": true, "license": true, "justfile": true, "rakefile": true}

// extensions of files that are named in a sentence; any other word with a dot may be
// a name or an abbreviation.
var extensions = func() map[string]bool {
	m := map[string]bool{}
	for e := range strings.FieldsSeq("go ts tsx js jsx mjs cjs py rb rs java kt kts swift c h cc cpp hpp cs php scala clj ex exs erl hs ml lua dart vue svelte " +
		"html htm css scss sass less md mdx rst txt json jsonl json5 yaml yml toml ini cfg conf env xml csv sql proto graphql gql prisma tf tfvars sh bash zsh ps1 bat " +
		"dockerfile lock mod sum gradle properties ipynb r jl pl pm sol zig nim tmpl tpl hbs ejs astro snap svg png template example") {
		m[e] = true
	}
	return m
}()

// products are names that look like files.
var products = map[string]bool{"node.js": true, "next.js": true, "vue.js": true, "nuxt.js": true, "three.js": true, "d3.js": true, "express.js": true,
	"react.js": true, "angular.js": true, "ember.js": true, "chart.js": true, "backbone.js": true, "alpine.js": true, "p5.js": true, "asp.net": true}

// topFolders begin paths without an extension.
var topFolders = func() map[string]bool {
	m := map[string]bool{}
	for d := range strings.FieldsSeq("src lib cmd internal pkg app apps packages tests test spec docs doc backend frontend web api server client scripts tools config " +
		"configs migrations db database public assets components pages services modules core infra deploy deployment .github .vscode examples e2e crates include " +
		"models contracts handlers utils schemas prisma supabase terraform k8s charts build benches fixtures integration") {
		m[d] = true
	}
	return m
}()

// pathsIn gives the paths in a sentence: words with a slash or a file's extension,
// in backticks or not.
func pathsIn(text string) []string {
	var out []string
	seen := map[string]bool{}
	for word := range strings.FieldsSeq(text[:min(len(text), 8000)]) {
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
	if domain := path.Ext(first); domain == ".com" || domain == ".org" || domain == ".io" ||
		domain == ".dev" || domain == ".net" {
		return false
	}
	if len(ext) > 0 && len(ext) <= 8 && isLetters(strings.TrimRight(ext, "0123456789")) &&
		strings.Trim(ext, "0123456789") != "" {
		return true
	}
	return topFolders[strings.ToLower(first)] || strings.HasSuffix(word, "/") && len(word) > 3
}
