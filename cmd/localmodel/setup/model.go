package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/place"
)

// chooseModel takes the model that is wanted, else one that is there and good
// enough, else offers to fetch what fits this machine, else takes what is there.
func (r *run) chooseModel(ctx context.Context) []Outcome {
	if r.fleet {
		return nil
	}
	if r.server == nil {
		return one(r.modelToFetch())
	}
	there := r.usable()
	for i, m := range there {
		r.Say(fmt.Sprintf("%d  %s", i+1, r.describe(m)))
	}
	if wanted := r.wanted(); wanted != "" {
		if i := slices.IndexFunc(there, func(m routing.Listed) bool { return sameName(m.Name, wanted) }); i >= 0 {
			return one(r.take(there[i], "as configured"))
		}
		if o := r.fetch(ctx, wanted); o.State != Refused || r.Yes || r.DryRun {
			return one(o)
		}
	}
	if best := slices.IndexFunc(there, r.goodEnough); best >= 0 {
		return one(r.take(r.pick(there, best), "it is there and good enough"))
	}
	better, _, fits := models.Recommend(r.Room, r.NumCtx)
	if fits && r.server.Kind == ollamaKind && (len(there) == 0 || !r.Yes && !r.DryRun) {
		if o := r.fetch(ctx, better.Name); o.State != Refused || len(there) == 0 {
			return one(o)
		}
	}
	if len(there) == 0 {
		return one(Outcome{State: Missing, Text: r.server.Title + " has no model that can answer", Fixes: r.loadOne()})
	}
	o := r.take(r.pick(there, 0), "the best of what is there")
	if fits && r.server.Kind == ollamaKind {
		o.Text += fmt.Sprintf(". %s would be better: %s", better.Name, better.GoodFor)
		o.Fixes = append(o.Fixes, "localmodel setup --model "+better.Name)
	}
	return one(o)
}

// wanted is the model that the user named: in the flag, the environment or the
// file.
func (r *run) wanted() string {
	if r.Model != "" {
		return r.Model
	}
	if v := r.Setting("LOCALMODEL_MODEL"); v.From != "default" {
		return v.Value
	}
	return ""
}

// usable are the models that can be asked on the server's machine, best first.
func (r *run) usable() []routing.Listed {
	var out []routing.Listed
	for _, m := range r.server.Models {
		if m.Remote == "" && !place.CloudName(m.Name) && !strings.Contains(strings.ToLower(m.Name), "embed") {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b routing.Listed) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(r.fit(b), r.fit(a)),
			cmp.Compare(billions(b), billions(a)), cmp.Compare(b.Bytes, a.Bytes))
	})
	return out
}

// rank is 2 for a coder model, 1 for another one that can follow a schema well,
// 0 for a small one.
func rank(m routing.Listed) int {
	const small = 6 // billions of parameters
	switch {
	case billions(m) > 0 && billions(m) < small:
		return 0
	case strings.Contains(strings.ToLower(m.Name), "code"):
		return 2
	}
	return 1
}

// goodEnough reports whether a model may be taken without looking for another.
// One whose size is not known, as that of a plain server, is the user's choice.
func (r *run) goodEnough(m routing.Listed) bool { return rank(m) > 0 && r.fit(m) == 1 }

// fit is 1 where a model fits this machine, as far as that is known.
func (r *run) fit(m routing.Listed) int {
	if r.window(m) > 0 {
		return 1
	}
	return 0
}

// window is the tokens of context that the model was made for and that this
// machine has room for; 0 where even a small context does not fit.
func (r *run) window(m routing.Listed) int {
	most := r.NumCtx
	if m.MaxContext > 0 {
		most = min(most, m.MaxContext)
	}
	if m.Bytes == 0 || r.server.Remote != "" {
		return most
	}
	perToken := m.ContextBytes / int64(r.NumCtx)
	const smallest = 8192
	for tokens := most; tokens >= min(most, smallest); tokens /= 2 {
		if r.Room.Fits(m.Bytes + perToken*int64(tokens)) {
			return tokens
		}
	}
	return 0
}

// billions reads "30.5B" and "135M"; 0 where it is not known.
func billions(m routing.Listed) float64 {
	text := strings.ToUpper(strings.TrimSpace(m.Parameters))
	for unit, size := range map[string]float64{"K": 1e-6, "M": 1e-3, "B": 1, "T": 1e3} {
		if number, found := strings.CutSuffix(text, unit); found {
			n, err := strconv.ParseFloat(number, 64)
			if err != nil || n < 0 {
				return 0
			}
			return n * size
		}
	}
	return 0
}

func (r *run) describe(m routing.Listed) string {
	parts := []string{m.Name}
	if m.Parameters != "" {
		parts = append(parts, m.Parameters)
	}
	if m.Bytes > 0 {
		parts = append(parts, models.Size(m.Bytes))
	}
	if m.MaxContext > 0 {
		parts = append(parts, fmt.Sprintf("context %d", m.MaxContext))
	}
	switch {
	case r.fit(m) == 0:
		parts = append(parts, "too large for this machine")
	case rank(m) == 0:
		parts = append(parts, "small")
	}
	return strings.Join(parts, ", ")
}

// pick asks which model to take; best is the one for Enter.
func (r *run) pick(there []routing.Listed, best int) routing.Listed {
	if r.Yes || r.DryRun || len(there) == 1 {
		return there[best]
	}
	answer := r.Read(fmt.Sprintf("Which model? Number or name (Enter: %s)", there[best].Name))
	n, err := strconv.Atoi(answer)
	for i, m := range there {
		if err == nil && i == n-1 || answer != "" && sameName(m.Name, answer) {
			return m
		}
	}
	return there[best]
}

func (r *run) take(m routing.Listed, why string) Outcome {
	r.model, r.numCtx = &m, cmp.Or(r.window(m), min(r.NumCtx, 8192))
	r.report.Model, r.report.NumCtx = m.Name, r.numCtx
	o := Outcome{State: Same, Text: r.describe(m) + ": " + why}
	if r.numCtx < r.NumCtx {
		o.Text += fmt.Sprintf(", with a context of %d tokens", r.numCtx)
	}
	return o
}

// modelToFetch says what would fit this machine where no server answers yet.
func (r *run) modelToFetch() Outcome {
	m, tokens, fits := models.Recommend(r.Room, r.NumCtx)
	if !fits {
		return Outcome{State: Missing, Text: "no model of the table fits this machine's memory"}
	}
	state := Missing
	if r.DryRun && r.Ollama != "" {
		state = Would
	}
	return Outcome{State: state, Text: fmt.Sprintf("for this machine: %s (%s; %s in memory with %d tokens of context): %s",
		m.Name, models.Size(m.Download), models.Size(m.Memory(tokens)), tokens, m.GoodFor)}
}

func (r *run) loadOne() []string {
	if r.server.Kind != ollamaKind {
		return []string{"load a model into " + r.server.Title}
	}
	return []string{"ollama pull <a model that fits>"}
}

// fetch asks before it makes Ollama fetch a model, with size and free space.
func (r *run) fetch(ctx context.Context, name string) Outcome {
	if r.server.Kind != ollamaKind {
		return Outcome{State: Missing, Text: fmt.Sprintf("%s does not have %s", r.server.Title, name), Fixes: r.loadOne()}
	}
	free := r.Free()
	if r.server.Remote != "" {
		free = 0 // of another machine
	}
	about := models.About(name, free)
	byHand := []string{"ollama pull " + name}
	row, known := models.Find(name)
	if known && free > 0 && free < row.Download {
		return Outcome{State: Missing, Text: name + " does not fit the disk" + about, Fixes: byHand}
	}
	switch {
	case r.DryRun:
		r.take(routing.Listed{Name: name, Bytes: row.Download}, "")
		return Outcome{State: Would, Text: "would fetch " + name + about, Fixes: byHand}
	case r.Agent != "" && r.Yes:
		return Outcome{State: Refused, Fixes: byHand,
			Text: fmt.Sprintf("%s is set, so an agent may have run this, and a download is the user's to decide: %s%s", r.Agent, name, about)}
	case !r.may("Fetch " + name + about + "?"):
		return Outcome{State: Refused, Text: name + " is not fetched", Fixes: byHand}
	}
	if err := r.Pull(ctx, *r.server, name); err != nil {
		if errors.Is(err, context.Canceled) {
			return Outcome{State: Failed, Text: "the download was interrupted; what is fetched stays"}
		}
		return Outcome{State: Missing, Text: strings.TrimPrefix(err.Error(), "local: "), Fixes: append([]string{"localmodel setup, which goes on from there"}, byHand...)}
	}
	for _, s := range r.Find(ctx) {
		if s.URL == r.server.URL {
			r.server.Models = s.Models
		}
	}
	m := routing.Listed{Name: name, Bytes: row.Download}
	for _, listed := range r.server.Models {
		if sameName(listed.Name, name) {
			m = listed
		}
	}
	o := r.take(m, "fetched")
	o.State = Done
	return o
}

// sameName compares names as Ollama does: case and the tag latest do not count.
func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, ":latest"), strings.TrimSuffix(b, ":latest"))
}
