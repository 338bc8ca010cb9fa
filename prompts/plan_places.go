package prompts

import (
	"path"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/prompts/words"
)

var symbol = lazy.Regexp(`[\p{L}_$][\p{L}\p{N}_$]*(?:(?:\.|::|->|#)[\p{L}_$][\p{L}\p{N}_$]*)*`)

// lost says that the place of a step is not in the file as it is: no whole line
// of it, and a symbol that does not occur. Files that are created, and those
// whose text is not known, are not looked at.
func (q PlanQuestion) lost(s Step) string {
	if s.Action != "modify" {
		return ""
	}
	full, known := q.source(s.File)
	where := strings.Trim(oneLine(s.Where), "`\"' ")
	switch {
	case !known:
		return ""
	case where == "":
		return "the step for " + name(s.File) + " does not say where in it"
	case strings.Contains(oneLine(full), where) && len(where) > 2, words.Has(full, where):
		return ""
	}
	symbols, prose := symbols(s.Where)
	for _, sym := range symbols {
		if !words.Has(full, last(sym)) {
			return "`" + name(sym) + "` is not in " + name(s.File)
		}
	}
	if len(symbols) > 0 || edgePlace().MatchString(s.Where) || slices.ContainsFunc(prose, func(w string) bool {
		return len(w) > 3 && !commonPlace[strings.ToLower(w)] && words.Has(full, w)
	}) {
		return ""
	}
	return "`" + name(s.Where) + "` is not in " + name(s.File)
}

// edgePlace is a place that every file has.
var edgePlace = lazy.Regexp(`(?i)^(?:at |the |in |after )*(?:top|start|beginning|end|bottom|imports?|import block|file header|package (?:clause|comment)|whole file|entire file|new section|end of (?:the )?file)\b.{0,40}$`)

// commonPlace are words that say where and name nothing.
var commonPlace = map[string]bool{"function": true, "method": true, "class": true, "file": true, "after": true, "before": true,
	"inside": true, "line": true, "near": true, "into": true, "this": true, "that": true, "section": true, "block": true,
	"module": true, "body": true, "code": true, "with": true, "from": true, "where": true, "existing": true, "handler": true,
	"definition": true, "constructor": true, "here": true, "some": true, "func": true, "struct": true, "type": true}

// symbols separates the names in a place from its prose: written with a capital
// inside, an underscore, a dot, a digit, in backticks or with ().
func symbols(where string) (names, prose []string) {
	for _, at := range symbol().FindAllStringIndex(where, -1) {
		w, rest := where[at[0]:at[1]], where[at[1]:]
		before := where[:at[0]]
		quoted := strings.Count(before, "`")%2 == 1
		called := strings.HasPrefix(rest, "(")
		shaped := strings.ContainsAny(w, "_$.#:>") || strings.ContainsAny(w[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
		if (quoted || called || shaped) && !commonPlace[w] {
			names = append(names, w)
		} else {
			prose = append(prose, w)
		}
	}
	return names, prose
}

func last(symbol string) string { return symbol[strings.LastIndexAny(symbol, ".:>#")+1:] }

var expression = lazy.Regexp(`[\p{L}_$][\p{L}\p{N}_$]*(?:\.[\p{L}_$][\p{L}\p{N}_$]*)+(?:\([^()]*\))?|` +
	`[\p{L}_$][\p{L}\p{N}_$]* (?:[<>]=?|[!=]==?) [\p{L}\p{N}_$]+`)

// expressions counts the calls, fields and comparisons that a step names with a name
// of its file in them, at most half of what a step needs: "Compare n < limit in place
// of n == 0" has few words and says all. Beside them must stand what to do with them.
func (q PlanQuestion) expressions(s Step) int {
	full, _ := q.source(s.File)
	text := strings.NewReplacer(s.File, "", path.Base(s.File), "").Replace(s.What)
	if len(words.Beyond(expression().ReplaceAllString(text, ""), q.Title, q.ids())) == 0 {
		return 0
	}
	named := map[string]bool{}
	for _, e := range expression().FindAllString(text, -1) {
		if slices.ContainsFunc(symbol().FindAllString(e, -1), func(name string) bool {
			return words.Has(full, name) || words.Has(full, last(name))
		}) {
			named[e] = true
		}
	}
	return min(len(named), leastWords/2)
}

// ownPaths are the paths that a plan may name: the ticket's, those that a step
// creates, and the files of its tests.
func (q PlanQuestion) ownPaths(r PlanReply) map[string]bool {
	own := map[string]bool{}
	for _, f := range q.files() {
		own[f.Path] = true
	}
	for _, s := range r.Steps {
		if p := clean(s.File); s.Action == "create" && paths.Refused(p, false) == "" {
			own[p] = true
		}
	}
	for _, t := range q.Tests(r) {
		if p := clean(t.File); paths.Refused(p, q.isAffected(p)) == "" {
			own[p] = true
		}
	}
	return own
}

var pathLike = lazy.Regexp(`[\w.@-]+(?:/[\w.@-]+)*/[\w@-]+(?:\.[\w-]+)+`)

// ghosts are the words of a step that look like paths of the project and are
// none. So that neither an address nor a fraction is taken for one, a path must
// begin in a directory of a known file.
func (q PlanQuestion) ghosts(text string, own map[string]bool) []string {
	tops := map[string]bool{}
	for p := range own {
		if top, _, found := strings.Cut(p, "/"); found {
			tops[top] = true
		}
	}
	var out []string
	for _, at := range pathLike().FindAllStringIndex(text, -1) {
		p := clean(text[at[0]:at[1]])
		top, _, _ := strings.Cut(p, "/")
		inProject := tops[top] && (at[0] == 0 || text[at[0]-1] != '/')
		if inProject && !own[p] && (q.Exists == nil || !q.Exists(p)) && !q.siblingTest(p) {
			out = append(out, p)
		}
	}
	return out
}

// ownExtension reports whether a path ends as one of the ticket's files does. Only
// such a one is surely meant as a file: `internal/pipe/docker.Retry` and
// `api/v1.2` are none.
func (q PlanQuestion) ownExtension(p string) bool {
	return slices.ContainsFunc(q.files(), func(f PlanFile) bool {
		return path.Ext(f.Path) != "" && path.Ext(f.Path) == path.Ext(p)
	})
}

// siblingTest reports whether a path is a test file beside one of the ticket's
// files, or in a directory of tests.
func (q PlanQuestion) siblingTest(p string) bool {
	if !paths.IsTest(p) {
		return false
	}
	return slices.ContainsFunc(q.files(), func(f PlanFile) bool {
		stem := strings.TrimSuffix(path.Base(f.Path), path.Ext(f.Path))
		return path.Dir(f.Path) == path.Dir(p) || len(stem) > 2 && strings.Contains(path.Base(p), stem)
	})
}

// Warnings are what a reader of an accepted plan should know: paths that it
// names and that are not there, and tests in unusual places.
func (q PlanQuestion) Warnings(r PlanReply) []string {
	own := q.ownPaths(r)
	var out []string
	for _, s := range q.Steps(r) {
		for _, p := range q.ghosts(s.What+" "+s.Approach, own) {
			out = append(out, "the plan names "+name(p)+", which is no file of the project")
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// isAffected reports whether the ticket itself names a file.
func (q PlanQuestion) isAffected(file string) bool {
	return slices.ContainsFunc(q.Files, func(f PlanFile) bool { return clean(f.Path) == file })
}

// mention is a path in prose that Refused may have something against.
var mention = lazy.Regexp(`(?:^|[^\w./~\\-])(~[\w.-]*/[\w./-]+|[A-Za-z]:\\[^\s"'` + "`" + `]+|\\\\[\w.-]+\\[^\s"'` + "`" + `]+|` +
	`(?:[\w-][\w./-]*/)?\.[A-Za-z][\w.-]*(?:/[\w./-]+)?)`)

// mentions lists the paths in the words of a plan that no plan may touch: who
// follows it would go there. What the ticket speaks of itself may be named.
func (q PlanQuestion) mentions(r PlanReply) (out []string) {
	texts := []string{r.Risk}
	for _, s := range q.Steps(r) {
		texts = append(texts, s.What, s.Approach, s.Where)
	}
	for _, t := range q.Tests(r) {
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

// Content counts what a programmer can go by in a plan.
type Content struct {
	Steps  int `json:"steps"` // that change a file which is there
	Where  int `json:"where"` // of them, those that name a place in it
	Tests  int `json:"tests"`
	Named  int `json:"named"` // tests with a name
	Verify int `json:"verify"`
}

// ContentOf counts the content of a plan, accepted or not.
func (q PlanQuestion) ContentOf(r PlanReply) Content {
	c := Content{Verify: len(r.Verify)}
	for _, s := range q.Steps(r) {
		if s.Action != "modify" {
			continue
		}
		c.Steps++
		if strings.TrimSpace(s.Where) != "" && q.lost(s) == "" {
			c.Where++
		}
	}
	for _, t := range q.Tests(r) {
		c.Tests++
		if strings.TrimSpace(t.Name) != "" {
			c.Named++
		}
	}
	return c
}
