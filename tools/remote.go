package tools

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/prompts"
)

// withheld gathers what a tier that is not on this machine does not get.
type withheld struct {
	files, masked []string
}

// mask returns a text without its secrets; where names it in the warning.
func (w *withheld) mask(where, text string) string {
	masked, kinds := secrets.Mask(text)
	if len(kinds) > 0 {
		if note := strings.Join(kinds, ", ") + " in " + where; !slices.Contains(w.masked, note) {
			w.masked = append(w.masked, note)
		}
	}
	return masked
}

// words are the warnings: at most one for files and one for secrets.
func (w *withheld) words() (out []string) {
	if len(w.files) > 0 {
		out = append(out, "not sent to a model on another machine: "+strings.Join(w.files, ", ")+" ("+secrets.Credentials.String()+")")
	}
	if len(w.masked) > 0 {
		out = append(out, "secrets masked before text was sent to another machine: "+strings.Join(w.masked, "; "))
	}
	return out
}

// remotePlan is a question as it may leave this machine, and what is withheld
// from it, in words.
func remotePlan(q prompts.PlanQuestion) (prompts.PlanQuestion, []string) {
	w := &withheld{}
	q.Title, q.Ticket = w.mask("the ticket", q.Title), w.mask("the ticket", q.Ticket)
	q.Evidence = w.mask("the evidence", q.Evidence)
	q.Sources = slices.Clone(q.Sources)
	q.Sources = slices.DeleteFunc(q.Sources, func(s prompts.Source) bool {
		if s.Local {
			w.files = append(w.files, clip(s.Path, 100))
		}
		return s.Local
	})
	for i, s := range q.Sources {
		q.Sources[i].Text = w.mask(clip(s.Path, 100), s.Text)
		q.Sources[i].Full, _ = secrets.Mask(s.Full)
	}
	return q, w.words()
}

// remoteClassify is remotePlan for a classification.
func remoteClassify(q prompts.ClassifyQuestion) (prompts.ClassifyQuestion, []string) {
	w := &withheld{}
	q.Ticket = w.mask("the ticket", q.Ticket)
	return q, w.words()
}

// unsent says why a file is shown to no model, "" where it may be. It looks at
// the name that the ticket gives and at the one behind its links.
func unsent(names ...string) string {
	for _, n := range names {
		if kind := secrets.KindOf(n); kind == secrets.Private {
			return fmt.Sprintf("was not shown to the model: it is %s", kind)
		}
	}
	return ""
}

// isLocal says whether a file may be shown to a model on this machine only.
func isLocal(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return secrets.KindOf(n) != secrets.Ordinary })
}

// withoutSecrets leaves out commands with a secret in them: they are part of
// the reply's schema, which every tier gets.
func withoutSecrets(commands []string) []string {
	return slices.DeleteFunc(slices.Clone(commands), func(c string) bool {
		_, kinds := secrets.Mask(c)
		return len(kinds) > 0
	})
}
