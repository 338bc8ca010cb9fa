package category

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// prefixes are the words that people put before a title to say what it is:
// conventional commits, "[Bug]", "Feature request:".
var prefixes = map[string]Category{
	"fix": Bug, "bug": Bug, "bugfix": Bug, "hotfix": Bug,
	"bug report": Bug, "defect": Bug, "regression": Bug, "crash": Bug,
	"feat": Feat, "feature": Feat, "feature request": Feat, "fr": Feat,
	"enhancement": Feat, "proposal": Feat, "story": Feat, "user story": Feat,
	"suggestion": Feat,
	"chore":      Task, "docs": Task, "doc": Task, "documentation": Task,
	"test": Task, "tests": Task, "ci": Task, "build": Task,
	"refactor": Task, "style": Task, "perf": Task, "deps": Task,
	"revert": Task, "release": Task, "task": Task, "maintenance": Task,
	"cleanup": Task, "lint": Task, "tech debt": Task,
	":bug:": Bug, ":ambulance:": Bug, "🐛": Bug, "🚑": Bug,
	":sparkles:": Feat, "✨": Feat,
	":memo:": Task, ":recycle:": Task, ":white_check_mark:": Task, "📝": Task,
	"♻️": Task, "✅": Task, ":arrow_up:": Task, "⬆️": Task,
	"バグ": Bug, "不具合": Bug, "修复": Bug, "缺陷": Bug, "버그": Bug,
	"要望": Feat, "機能": Feat, "功能": Feat, "기능": Feat, "新功能": Feat,
}

var prefixForms = []func() *regexp.Regexp{
	// fix(scope)!: title, and "Feature request: title"
	lazy.Regexp(`^([\p{L}][\p{L} -]{0,20}?)\s?(?:[(\[][^)\]]{0,60}[)\]])?\s?!?[:：]`),
	// [Bug] title, 【Bug】title, (bug) title; "[Bug]: title" and "[Bug/cart]" too
	lazy.Regexp(`^[\[【(<]\s*([\p{L}][\p{L} -]{0,20}?)\s*(?:[:/,][^\]】)>]{0,60})?[\]】)>]`),
	lazy.Regexp(`^(:[a-z_]{2,24}:|[^\x00-\x7f]\x{FE0F}?)\s`),
}

// prefixCategory is the category that the title's own prefix states.
func prefixCategory(title string) (Category, bool) {
	const most = 200
	head := strings.TrimSpace(title)
	head = head[:min(len(head), most)]
	for _, form := range prefixForms {
		if found := form().FindStringSubmatch(head); found != nil {
			if category, ok := prefixes[strings.ToLower(strings.TrimSpace(found[1]))]; ok {
				return category, true
			}
		}
	}
	return "", false
}

type keywordPlace string

const (
	placeFirst keywordPlace = "first" // the title's first word
	placePair  keywordPlace = "pair"  // a verb and its object together
	placeTitle keywordPlace = "title"
	placeBody  keywordPlace = "body"
	placeNone  keywordPlace = "none"
)

type keywordResult struct {
	category Category
	place    keywordPlace
}

// feature names the verdict among the weights.
func (r keywordResult) feature() string {
	if r.place == placeNone {
		return "rule:none"
	}
	return "rule:" + string(r.place) + ":" + string(r.category)
}

// keywordVerdict judges by a verb with its object, then by the title's first
// word, the whole title, and the beginning of the text.
func keywordVerdict(title, body string) keywordResult {
	const most = 2000
	title = strings.ToLower(strings.TrimSpace(title))
	title = title[:min(len(title), most)]
	if category, ok := pairCategory(title); ok {
		return keywordResult{category, placePair}
	}
	if category, ok := byPosition(title); ok {
		return keywordResult{category, placeFirst}
	}
	if category, ok := byStem(func(stem string) bool { return stemAt(title, stem, 0) }); ok {
		return keywordResult{category, placeFirst}
	}
	if category, ok := byStem(func(stem string) bool { return hasStem(title, stem) }); ok {
		return keywordResult{category, placeTitle}
	}
	start := prose(body)
	if category, ok := byStem(func(stem string) bool { return hasStem(start, stem) }); ok {
		return keywordResult{category, placeBody}
	}
	return keywordResult{Task, placeNone}
}

func byStem(matches func(stem string) bool) (Category, bool) {
	for _, k := range stems {
		if slices.ContainsFunc(k.stems, matches) {
			return k.category, true
		}
	}
	return "", false
}

// upkeepObjects make a change upkeep whatever its verb is.
var upkeepObjects = []string{"test", "tests", "docs", "doc", "documentation", "typo", "typos", "ci", "lint", "linter",
	"readme", "changelog", "comment", "comments", "workflow", "docstring", "docstrings", "spelling", "grammar",
	"prueba", "pruebas", "documentación", "dokumentation", "tippfehler", "faute", "documentação", "testes",
	"тест", "тесты", "документацию"}

var upkeepObjectsCJK = []string{"测试", "文档", "注释", "テスト", "ドキュメント", "コメント", "테스트", "문서", "주석", "오타", "错别字", "誤字"}

var addOrFix = []string{"add", "adds", "adding", "added", "fix", "fixes", "fixing", "fixed", "correct", "improve", "create",
	"añadir", "agregar", "corregir", "arreglar", "hinzufügen", "ajouter", "ajoute", "corriger", "corrige", "adicionar",
	"adiciona", "corrigir", "добавить", "исправить"}

// pairCategory knows verbs whose object decides: "add tests" and "fix typo" are
// upkeep, "add missing header" is a bug.
func pairCategory(title string) (Category, bool) {
	words := strings.FieldsFunc(title, func(r rune) bool { return strings.ContainsRune(" \t\"'`.,:;()[]", r) })
	if len(words) == 0 {
		return "", false
	}
	if isCJK(title) && slices.ContainsFunc(upkeepObjectsCJK, func(o string) bool { return strings.Contains(title, o) }) {
		return Task, true
	}
	if !slices.Contains(addOrFix, words[0]) {
		return "", false
	}
	near := words[1:min(len(words), 5)]
	for _, w := range near {
		if slices.Contains(upkeepObjects, w) {
			return Task, true
		}
	}
	if strings.HasPrefix(words[0], "add") && slices.Contains(near, "missing") {
		return Bug, true
	}
	return "", false
}

// byPosition decides in scripts without spaces between words, where the verb
// comes first in Chinese and last in Japanese and Korean.
func byPosition(title string) (Category, bool) {
	if !isCJK(title) {
		return "", false
	}
	verbLast := strings.ContainsFunc(title, func(r rune) bool {
		return r >= 0x3040 && r <= 0x30ff || r >= 0xac00 && r <= 0xd7a3
	})
	at, length := -1, 0
	var category Category
	for _, k := range stems {
		for _, stem := range k.stems {
			if stem[0] < 0x80 {
				continue
			}
			i := strings.Index(title, stem)
			if verbLast {
				i = strings.LastIndex(title, stem)
			}
			better := at < 0 || !verbLast && i < at || verbLast && i+len(stem) > at+length
			if i >= 0 && better {
				at, length, category = i, len(stem), k.category
			}
		}
	}
	return category, at >= 0
}

func isCJK(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return r >= 0x3040 && r <= 0x30ff || r >= 0x3400 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3
	})
}

// boilerplate is comments, code blocks, headings, check boxes, quoted text and
// front matter: how the form is filled in, not what the ticket is about.
var boilerplate = lazy.Regexp("(?s)<!--.*?(?:-->|$)|```.*?(?:```|$)|~~~.*?(?:~~~|$)" +
	`|(?m-s:^\s{0,3}#{1,6}\s.*$)|(?m-s:^\s*[-*]\s+\[.\].*$)|(?m-s:^>.*$)|(?m-s:^\*\*[^*\n]{1,80}\*\*:?\s*$)`)

// prose is the beginning of what a person wrote in a ticket: the body without
// the boilerplate of issue templates, at most 500 bytes in lower case.
func prose(body string) string {
	const read, most = 8000, 500
	text := boilerplate().ReplaceAllString(body[:min(len(body), read)], " ")
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	return text[:min(len(text), most)]
}

// hasStem finds a stem at the beginning of a word; scripts without spaces
// match anywhere.
func hasStem(text, stem string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], stem)
		if i < 0 {
			return false
		}
		i += from
		if (i == 0 || stem[0] >= 0x80 || !wordByte(text[i-1])) && stemAt(text, stem, i) {
			return true
		}
		from = i + len(stem)
	}
}

// stemAt reports whether a word of the stem begins at i. Short stems must end
// there too, or an address would be something to add.
func stemAt(text, stem string, i int) bool {
	if !strings.HasPrefix(text[i:], stem) {
		return false
	}
	if len(stem) > 4 || stem[0] >= 0x80 {
		return true
	}
	rest := text[i+len(stem):]
	end := 0
	for end < len(rest) && wordByte(rest[end]) {
		end++
	}
	switch rest[:end] {
	case "", "s", "d", "es", "ed", "ing":
		return true
	}
	return false
}

func wordByte(b byte) bool { return b >= 'a' && b <= 'z' || b >= 0x80 }
