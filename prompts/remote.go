package prompts

import (
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/secrets"
)

// Withheld gathers what a model on another machine does not get.
type Withheld struct{ files, masked []string }

// Mask returns a text without its secrets. where names the text in the warning.
func (w *Withheld) Mask(where, text string) string {
	masked, kinds := secrets.Mask(text)
	if len(kinds) > 0 {
		if note := strings.Join(kinds, ", ") + " in " + name(where); !slices.Contains(w.masked, note) {
			w.masked = append(w.masked, note)
		}
	}
	return masked
}

// Words are the warnings: at most one for files and one for secrets.
func (w *Withheld) Words() (out []string) {
	if len(w.files) > 0 {
		out = append(out, "not sent to a model on another machine: "+strings.Join(w.files, ", ")+
			" ("+secrets.Credentials.String()+")")
	}
	if len(w.masked) > 0 {
		out = append(out, "secrets masked before text was sent to another machine: "+strings.Join(w.masked, "; "))
	}
	return out
}

// Remote returns the question as it may leave this machine: without the files
// that are Local, and without secrets. words say what is withheld.
func (q PlanQuestion) Remote() (remote PlanQuestion, words []string) {
	w := &Withheld{}
	q.Title, q.Ticket = w.Mask("the ticket", q.Title), w.Mask("the ticket", q.Ticket)
	q.Evidence = w.Mask("the evidence", q.Evidence)
	q.Sources, q.Context = w.sources(q.Sources), w.sources(q.Context)
	return q, w.Words()
}

// sources gives the files of a question as they may leave this machine.
func (w *Withheld) sources(files []Source) []Source {
	var out []Source
	for _, s := range files {
		if s.Local {
			w.files = append(w.files, name(s.Path))
			continue
		}
		s.Text = w.Mask(s.Path, s.Text)
		s.Full, _ = secrets.Mask(s.Full)
		out = append(out, s)
	}
	return out
}

// Remote returns the question as it may leave this machine. words say what is
// withheld.
func (q ClassifyQuestion) Remote() (remote ClassifyQuestion, words []string) {
	w := &Withheld{}
	q.Ticket = w.Mask("the ticket", q.Ticket)
	return q, w.Words()
}
