package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Stated is what a ticket says about itself.
type Stated struct {
	ID, Type, Complexity         string
	Tags, Files                  []string
	HasFrontMatter, HasFileTable bool
	Title, Body                  string
	Prefixes                     []string // configured prefixes, beside BUG, FEAT and TASK
}

// Classification is a ticket's category and complexity on the way: what it
// states, what the rules set, and what is left to ask of a model.
type Classification struct {
	Category, Complexity       string
	AskCategory, AskComplexity bool
	By                         string // front_matter or rules, while no model has answered
	Why                        string // what made it high, in a few ASCII words; "" = the ticket, or a model alone

	stated Stated
}

var statedComplexity = map[string]string{
	"trivial": "low", "simple": "medium", "complex": "high",
	"low": "low", "medium": "medium", "high": "high",
}

// Classify takes what the ticket states, which is never changed, sets the
// rules' floor where it states nothing, and says what is left to ask.
func Classify(s Stated) Classification {
	c := Classification{stated: s, By: "front_matter"}
	c.Category = statedCategory(s)
	c.AskCategory = c.Category == ""
	if stated := statedComplexity[strings.ToLower(strings.TrimSpace(s.Complexity))]; stated != "" {
		c.Complexity = stated
		return c
	}
	if why := surelyHigh(s); why != "" {
		c.Complexity, c.By, c.Why = "high", "rules", why
		return c
	}
	c.AskComplexity = true
	return c
}

// surelyHigh is the rules' floor: why the complexity is high whatever a model
// would say, or "".
func surelyHigh(s Stated) string {
	if tag := seniorTag(s.Tags); tag != "" {
		return "tag " + tag
	}
	if n := distinct(s.Files); n > MaxLocalFiles {
		return fmt.Sprintf("%d files > %d", n, MaxLocalFiles)
	}
	if !s.HasFrontMatter && !s.HasFileTable {
		return "no front matter or file table"
	}
	return ""
}

// byFileCount is what the rules make of a ticket that states no complexity and
// is not surely high.
func byFileCount(files []string) string {
	switch n := distinct(files); {
	case n <= 1:
		return "low"
	case n <= MaxLocalFiles:
		return "medium"
	}
	return "high"
}

var typeNames = map[string]string{
	"BUG": "BUG", "FIX": "BUG", "BUGFIX": "BUG", "DEFECT": "BUG", "HOTFIX": "BUG",
	"FEAT": "FEAT", "FEATURE": "FEAT", "STORY": "FEAT", "ENHANCEMENT": "FEAT",
	"TASK": "TASK", "CHORE": "TASK", "MAINTENANCE": "TASK", "DOCS": "TASK",
}

// statedCategory is the type, else the id's prefix, where either is a category.
func statedCategory(s Stated) string {
	configured := func(name string) string {
		for _, p := range s.Prefixes {
			if strings.EqualFold(p, name) {
				return strings.ToUpper(p)
			}
		}
		return ""
	}
	kind := strings.ToUpper(strings.TrimSpace(s.Type))
	if c := configured(kind); kind != "" && c != "" {
		return c
	}
	if c := typeNames[kind]; c != "" {
		return c
	}
	prefix, _, found := strings.Cut(strings.TrimSpace(s.ID), "-")
	if !found {
		return ""
	}
	if c := configured(prefix); c != "" {
		return c
	}
	switch up := strings.ToUpper(prefix); up {
	case "BUG", "FEAT", "TASK":
		return up
	}
	return ""
}

// WithModel adds a model's answer to what was asked of it; what the ticket
// states stays. Where the rules would have let the local model have the ticket
// and the model says high, it is high, and Why says who disagreed.
func (c Classification) WithModel(category, complexity string) Classification {
	if c.AskCategory && category != "" {
		c.Category = category
	}
	if c.AskComplexity && complexity != "" {
		c.Complexity = complexity
		if rules := byFileCount(c.stated.Files); complexity == "high" && rules != "high" {
			c.Why = "rules alone say " + rules
		}
	}
	return c
}

// WithoutModel is the deterministic floor: the category by keywords, the
// complexity by the number of files.
func (c Classification) WithoutModel() Classification {
	if c.AskCategory {
		c.Category = keywordCategory(c.stated)
	}
	if c.AskComplexity {
		c.Complexity = byFileCount(c.stated.Files)
	}
	c.By = "rules"
	return c
}

// keywords are the beginnings of words that speak for a category, most telling
// category first. One of up to four letters is a whole word (hasWord).
var keywords = []struct {
	category string
	stems    []string
}{
	{"BUG", []string{"fix", "bug", "crash", "error", "broken", "fail", "failure", "wrong", "regress", "defect", "leak", "not work", "does not", "doesn't", "doesn’t", "cannot", "can't", "can’t", "hang", "freez", "incorrect", "missing",
		"arregl", "corrig", "fallo", "falla", "roto", "beheb", "fehler", "absturz", "kaputt", "funktioniert nicht", "erreur", "panne", "plante", "erro", "quebra", "conserta",
		"修复", "错误", "崩溃", "失败", "修正", "バグ", "不具合", "エラー", "إصلاح", "خطأ", "ошибк", "исправ"}},
	{"FEAT", []string{"add", "new", "support", "allow", "implement", "introduc", "create", "enable", "provide", "feature", "let",
		"añad", "agreg", "nuev", "permit", "hinzuf", "füge", "neue", "neuer", "neuen", "neues", "ermögl", "unterstütz", "ajout", "nouve", "permet", "adicion", "novo", "nova",
		"添加", "新增", "增加", "支持", "追加", "対応", "إضافة", "добав", "новы"}},
	{"TASK", []string{"refactor", "clean", "upgrad", "updat", "bump", "document", "docs", "renam", "migrat", "remov", "move", "test", "chore", "improv", "optimi", "actualiz", "limpi", "aktualis", "aufräum", "mise à jour", "mettre à jour", "重构", "更新", "文档", "تحديث", "обнов"}},
}

// keywordCategory judges by the title's first word, then by the whole title,
// then by the beginning of the text; with nothing to go by it is a TASK.
func keywordCategory(s Stated) string {
	title := strings.ToLower(strings.TrimSpace(s.Title))
	for _, k := range keywords {
		if slices.ContainsFunc(k.stems, func(stem string) bool { return wordAt(title, stem, 0) }) {
			return k.category
		}
	}
	start := strings.ToLower(s.Body)
	if len(start) > 500 {
		start = start[:500]
	}
	for _, text := range []string{title, start} {
		for _, k := range keywords {
			if slices.ContainsFunc(k.stems, func(stem string) bool { return hasWord(text, stem) }) {
				return k.category
			}
		}
	}
	return "TASK"
}

// hasWord finds a stem at the beginning of a word; scripts without spaces
// match anywhere.
func hasWord(text, stem string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], stem)
		if i < 0 {
			return false
		}
		i += from
		if (i == 0 || stem[0] >= 0x80 || !isLetter(text[i-1])) && wordAt(text, stem, i) {
			return true
		}
		from = i + len(stem)
	}
}

// wordAt says whether a word of the stem begins at i. Short stems must end
// there too, or an address would be something to add.
func wordAt(text, stem string, i int) bool {
	if !strings.HasPrefix(text[i:], stem) {
		return false
	}
	if len(stem) > 4 || stem[0] >= 0x80 {
		return true
	}
	rest := text[i+len(stem):]
	end := 0
	for end < len(rest) && isLetter(rest[end]) {
		end++
	}
	switch rest[:end] {
	case "", "s", "d", "es", "ed", "ing":
		return true
	}
	return false
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 0x80 }
