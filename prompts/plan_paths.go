package prompts

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/fjbelchi/localmodel/prompts/paths"
)

// isAffected reports whether the ticket itself names a file.
func (q PlanQuestion) isAffected(file string) bool {
	return slices.ContainsFunc(q.Files, func(f PlanFile) bool { return clean(f.Path) == file })
}

// mention is a path in prose that Refused may have something against.
var mention = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[^\w./~\\-])(~[\w.-]*/[\w./-]+|[A-Za-z]:\\[^\s"'` + "`" + `]+|\\\\[\w.-]+\\[^\s"'` + "`" + `]+|` +
		`(?:[\w-][\w./-]*/)?\.[A-Za-z][\w.-]*(?:/[\w./-]+)?)`)
})

// mentions lists the paths in the words of a plan that no plan may touch: who
// follows it would go there. What the ticket speaks of itself may be named.
func (q PlanQuestion) mentions(r PlanReply) (out []string) {
	texts := []string{r.Risk}
	for _, s := range q.steps(r) {
		texts = append(texts, s.What, s.Approach, s.Where)
	}
	for _, t := range q.tests(r) {
		texts = append(texts, t.Name, t.Checks)
	}
	for _, m := range mention().FindAllStringSubmatch(strings.Join(texts, "\n"), -1) {
		found := strings.TrimRight(m[1], ".")
		if why := paths.Refused(found, true); why != "" && !strings.Contains(q.Words(), found) {
			out = append(out, "the plan may not name "+name(found)+": it "+why)
		}
	}
	return out
}
