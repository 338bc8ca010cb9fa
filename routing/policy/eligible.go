package policy

import (
	"fmt"
	"slices"
	"strings"
)

// MaxLocalFiles is how many distinct affected files a ticket for the local
// model may have.
const MaxLocalFiles = 3

// Facts is what eligibility depends on.
type Facts struct {
	ID, Complexity         string // Complexity: low, medium or high
	Tags, Files, DependsOn []string
	Wave                   []string // ids of the tickets worked on together
	WaveKnown              bool
	// FilesFromText says that Files are those that the text names.
	FilesFromText bool
	// SizeUnknown is Classification's; Sure says that a model whose word counts
	// said low or medium.
	SizeUnknown, Sure bool
	Escalated         string // the gate it was escalated at, no commit having passed since; "" = not
	Guard             Verdict
}

// Rule is one rule's verdict, with its figures in words. Why is ASCII.
type Rule struct {
	Name  string `json:"rule"`
	OK    bool   `json:"ok"`
	Why   string `json:"why"`
	Short string `json:"-"` // Why in at most 32 characters
}

// Eligible reports whether the local model may have a ticket: whether every rule
// lets it through. deciding is the first that does not, else "eligible".
func Eligible(f Facts) (ok bool, deciding Rule, all []Rule) {
	all = []Rule{byComplexity(f), byTags(f), byFiles(f), byDependencies(f), byEscalation(f), byGuard(f)}
	for _, r := range all {
		if !r.OK {
			return false, r, all
		}
	}
	deciding = Rule{Name: "eligible", OK: true, Why: "eligible", Short: "eligible"}
	if f.FilesFromText {
		named, _, _ := strings.Cut(all[2].Why, " <= ")
		deciding.Why, deciding.Short = "eligible; "+named, named
	}
	if f.Guard.Probe {
		deciding.Why, deciding.Short = "eligible; "+f.Guard.Why, "eligible; probe"
	}
	return true, deciding, all
}

func byComplexity(f Facts) Rule {
	if f.Complexity == "high" {
		return Rule{"complexity", false, "complexity high", "complexity high"}
	}
	return Rule{"complexity", true, "complexity " + f.Complexity, ""}
}

var cloudOnlyTags = []string{"ARCH", "SECURITY", "SEC"}

func seniorTag(tags []string) string {
	for _, t := range tags {
		if up := strings.ToUpper(strings.TrimSpace(t)); slices.Contains(cloudOnlyTags, up) {
			return up
		}
	}
	return ""
}

func byTags(f Facts) Rule {
	if t := seniorTag(f.Tags); t != "" {
		return Rule{"tags", false, "tag " + t, "tag " + t}
	}
	return Rule{"tags", true, "no ARCH, SECURITY or SEC tag", ""}
}

func distinct(files []string) int {
	return len(slices.Compact(slices.Sorted(slices.Values(files))))
}

// SizeUnknown begins the reason of a ticket whose size no one is sure of.
const SizeUnknown = "size unknown"

func byFiles(f Facts) Rule {
	n := distinct(f.Files)
	from := ""
	if f.FilesFromText {
		from = " from text"
	}
	files := "files"
	if n == 1 {
		files = "file"
	}
	switch {
	case n > MaxLocalFiles:
		return Rule{
			"files", false, fmt.Sprintf("%d %s%s > %d", n, files, from, MaxLocalFiles),
			fmt.Sprintf("%d %s > %d", n, files, MaxLocalFiles),
		}
	case n == 0 && f.SizeUnknown && !f.Sure:
		return Rule{"files", false, SizeUnknown + ", names no files: add Affected Files", SizeUnknown + ": add Affected Files"}
	case n == 0 && f.SizeUnknown:
		return Rule{"files", true, "names no files, but a model is sure of its size", ""}
	case n == 0:
		return Rule{"files", true, "names no files, but its complexity is known", ""}
	}
	return Rule{"files", true, fmt.Sprintf("%d %s%s <= %d", n, files, from, MaxLocalFiles), ""}
}

func byDependencies(f Facts) Rule {
	if !f.WaveKnown {
		return Rule{"dependencies", true, "wave not given: no dependency assumed", ""}
	}
	for _, d := range f.DependsOn {
		if !strings.EqualFold(d, f.ID) && slices.ContainsFunc(f.Wave, func(w string) bool { return strings.EqualFold(w, d) }) {
			return Rule{"dependencies", false, "depends on " + Shorten(d, 40) + " of this wave", "needs " + shortID(d)}
		}
	}
	return Rule{"dependencies", true, "depends on no ticket of this wave", ""}
}

// shortID is an id in at most 16 characters. Of one that is too long, the task's
// own part says more than the feature that it has in common with the others.
func shortID(id string) string {
	const most = 16
	if at := strings.LastIndexByte(id, '/'); len(id) > most && at >= 0 {
		id = id[at+1:]
	}
	return Shorten(id, most)
}

func byEscalation(f Facts) Rule {
	if f.Escalated != "" {
		return Rule{"escalated", false, "escalated at " + f.Escalated + "; cloud until a commit passes", "escalated at " + f.Escalated}
	}
	return Rule{"escalated", true, "not escalated", ""}
}

func byGuard(f Facts) Rule {
	return Rule{"guard", f.Guard.Admit, f.Guard.Why, f.Guard.Short}
}
