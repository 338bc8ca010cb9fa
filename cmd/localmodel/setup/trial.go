package setup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
)

const (
	// proofAim is what classification and plan together may take, unless the
	// configured deadline gives a plan more: somebody waits for them.
	proofAim = 100 * time.Second
	// planTimes is how many times as long as the classification a plan takes at
	// least, on a processor: six times the tokens of the reply, on a prompt of
	// which most is read by then. SmolLM2's first plan took 1.9 times as long.
	planTimes = 2
	// local is a tool's by where the local model answered.
	local = "local"
)

func (r *run) prove(ctx context.Context) []Outcome {
	const what = "one classification and one plan by %s"
	switch {
	case r.model == nil:
		return nil
	case r.DryRun:
		return one(Outcome{State: Would, Text: "would try " + fmt.Sprintf(what, r.model.Name)})
	case !r.may("Try it: " + fmt.Sprintf(what, r.model.Name) + "?"):
		return one(Outcome{State: Refused, Text: "not tried; localmodel doctor --deep does"})
	}
	c, err := r.Classify(ctx, r.choice())
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return one(Outcome{State: Failed, Text: err.Error(), Fixes: []string{"localmodel doctor"}})
	}
	r.proof = &c
	o := Outcome{State: Done, Text: strings.Join(r.classified(c), "; ")}
	switch {
	case c.By != local:
		o.State, o.Fixes = Failed, []string{"localmodel doctor --deep"}
	case r.unsure():
		r.report.Unsure = true
		for _, command := range r.surer() {
			r.report.Next = append(r.report.Next, "a better model: "+command)
		}
	}
	return one(o)
}

// tryPlan makes one real plan, unless the classification shows that it would
// not be through in the time that a plan has.
func (r *run) tryPlan(ctx context.Context) []Outcome {
	if r.proof == nil || r.proof.By != local {
		return nil
	}
	within := max(r.Deadline, proofAim-r.proof.Took)
	if takes := planTimes * r.proof.Took; takes > within {
		return one(r.worse(Outcome{State: Refused, Text: fmt.Sprintf(
			"not tried: at this speed it takes %s or more, and LOCALMODEL_DEADLINE allows %s, so expect plans from templates",
			seconds(takes), seconds(r.Deadline))}))
	}
	p, err := r.Plan(ctx, r.choice(), within)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return one(Outcome{State: Failed, Text: err.Error(), Fixes: []string{"localmodel doctor"}})
	case p.By == local:
		return one(Outcome{State: Done, Text: "planned in " + seconds(p.Took)})
	}
	o := Outcome{State: Done, Text: fmt.Sprintf("its plan was not accepted after %s, so plans come from %s", seconds(p.Took), p.By)}
	if p.Why != "" {
		o.Text += "; " + p.Why
	}
	return one(r.worse(o))
}

// worse names a better model, where the report does not do so at its end.
func (r *run) worse(o Outcome) Outcome {
	if !r.unsure() {
		o.Fixes = r.surer()
	}
	return o
}

func (r *run) choice() Choice {
	return Choice{Server: *r.server, Model: r.model.Name, NumCtx: r.numCtx}
}

// unsure reports whether the model answered, and its answer would not count.
func (r *run) unsure() bool { return r.proof.By == local && r.proof.Confidence < r.MinConfidence }

func (r *run) classified(c Classified) []string {
	var said []string
	if c.Load > 0 {
		said = append(said, "loaded in "+seconds(c.Load))
	}
	if c.By == local {
		said = append(said, fmt.Sprintf("classified in %s (%s, %s)", seconds(c.Took), c.Category, c.Complexity))
	} else {
		said = append(said, fmt.Sprintf("the classification came from %s after %s", c.By, seconds(c.Took)))
	}
	if c.By == local && c.Took > r.Deadline {
		said = append(said, fmt.Sprintf("that is more than LOCALMODEL_DEADLINE allows, %s; later ones are faster, since most of the prompt is read by now", seconds(r.Deadline)))
	}
	if r.unsure() {
		said = append(said, fmt.Sprintf("unsure of it: confidence %.2f, and below %.2f the rules classify instead. "+
			"Expect that of most tickets with this model", c.Confidence, r.MinConfidence))
	}
	if c.Why != "" {
		said = append(said, c.Why)
	}
	return said
}

// surer is how to get a better model of the table, where this machine has room
// for one.
func (r *run) surer() []string {
	better, _, fits := models.Recommend(r.Room, r.NumCtx)
	if !fits || r.server.Kind != ollamaKind || r.server.Remote != "" || sameName(better.Name, r.model.Name) {
		return nil
	}
	return []string{"localmodel setup --model " + better.Name + models.About(better.Name, 0)}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
