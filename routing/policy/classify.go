package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/routing/policy/category"
)

// Stated is what a ticket says about itself.
type Stated struct {
	ID, Type, Complexity         string
	Tags, Files                  []string
	FilesFromText                []string // files of the project that the text names, where no others are
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
	Why                        string // what made it high, or is not known, in a few ASCII words; "" = nothing to say
	// SizeUnknown says that the ticket states no complexity and names no file.
	SizeUnknown bool
	// Confidence is that of the rules' category (0..1), where the ticket states
	// none and no model answered; else 0.
	Confidence float64

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
	c.SizeUnknown = len(s.files()) == 0
	return c
}

// files are the affected files: those that are stated, else those of the text.
func (s Stated) files() []string {
	if len(s.Files) > 0 {
		return s.Files
	}
	return s.FilesFromText
}

// surelyHigh is the rules' floor: why the complexity is high whatever a model
// would say, or "".
func surelyHigh(s Stated) string {
	if tag := seniorTag(s.Tags); tag != "" {
		return "tag " + tag
	}
	if n := distinct(s.files()); n > MaxLocalFiles {
		return fmt.Sprintf("%d files > %d", n, MaxLocalFiles)
	}
	return ""
}

// byFileCount is what the rules make of a ticket that states no complexity and
// is not surely high. No file named says nothing about the size.
func byFileCount(files []string) string {
	switch n := distinct(files); {
	case n == 1:
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
		i := slices.IndexFunc(s.Prefixes, func(p string) bool { return strings.EqualFold(p, name) })
		if i < 0 {
			return ""
		}
		return strings.ToUpper(s.Prefixes[i])
	}
	kind := strings.ToUpper(strings.TrimSpace(s.Type))
	if c := cmp.Or(configured(kind), typeNames[kind]); c != "" {
		return c
	}
	prefix, _, found := strings.Cut(strings.TrimSpace(s.ID), "-")
	prefix = strings.ToUpper(prefix)
	switch {
	case !found:
		return ""
	case typeNames[prefix] == prefix: // BUG, FEAT or TASK
		return prefix
	}
	return configured(prefix)
}

// WithModel adds a model's answer to what was asked of it; what the ticket
// states stays. Where the rules would have let the local model have the ticket
// and the model says high, it is high, and Why says who disagreed.
func (c Classification) WithModel(category, complexity string) Classification {
	if c.AskCategory {
		c.Category = category
	}
	if c.AskComplexity {
		c.Complexity = complexity
		if complexity == "high" && !c.SizeUnknown {
			c.Why = "rules alone say " + byFileCount(c.stated.files())
		}
	}
	return c
}

// WithoutModel is the deterministic floor: the category by words, the
// complexity by the number of files.
func (c Classification) WithoutModel() Classification {
	c = c.GuessCategory()
	if c.AskComplexity {
		c.Complexity = byFileCount(c.stated.files())
	}
	c.By = "rules"
	return c
}

// GuessCategory answers the question for the category by rules; no model is
// asked for it then.
func (c Classification) GuessCategory() Classification {
	if !c.AskCategory {
		return c
	}
	guess, confidence := category.Guess(c.stated.Title, c.stated.Body)
	c.Category, c.AskCategory, c.Confidence = string(guess), false, confidence
	return c
}
