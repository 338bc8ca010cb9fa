package prompts

import (
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/secrets"
)

// Withheld gathers what a model on another machine does not get.
type Withheld struct{ files, masked []string }

// Mask takes the secrets out of texts that go together, in place. The names say
// in the warning where each was.
func (w *Withheld) Mask(names []string, texts ...*string) {
	plain := make([]string, len(texts))
	for i, text := range texts {
		plain[i] = *text
	}
	masked, kinds := secrets.MaskAll(plain)
	for i, text := range texts {
		*text = masked[i]
		if note := strings.Join(kinds[i], ", ") + " in " + name(names[i]); len(kinds[i]) > 0 && !slices.Contains(w.masked, note) {
			w.masked = append(w.masked, note)
		}
	}
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
	q.Sources, q.Context = w.sendable(q.Sources), w.sendable(q.Context)
	names := []string{"the ticket", "the ticket", "the evidence"}
	texts := []*string{&q.Title, &q.Ticket, &q.Evidence}
	for _, list := range [][]Source{q.Sources, q.Context} {
		for i := range list {
			names, texts = append(names, list[i].Path), append(texts, &list[i].Text)
		}
	}
	w.Mask(names, texts...)
	return q, w.Words()
}

// sendable is a copy of the list without the files that are Local.
func (w *Withheld) sendable(list []Source) (out []Source) {
	for _, s := range list {
		if s.Local {
			w.files = append(w.files, name(s.Path))
		} else {
			out = append(out, s)
		}
	}
	return out
}

// Remote renders the question as it may leave this machine. words say what is
// withheld.
func (q ClassifyQuestion) Remote() (user string, words []string) {
	w := &Withheld{}
	w.Mask([]string{"the ticket"}, &q.Ticket)
	user, _ = Classify(q) // it fails where the whole question does
	return user, w.Words()
}
