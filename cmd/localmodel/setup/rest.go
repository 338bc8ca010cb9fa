package setup

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
)

// prove makes one real classification and one real plan.
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
	p, err := r.Prove(ctx, Choice{Server: *r.server, Model: r.model.Name, NumCtx: r.numCtx})
	if err != nil {
		return one(Outcome{State: Failed, Text: err.Error(), Fixes: []string{"localmodel doctor"}})
	}
	o := Outcome{State: Done, Text: strings.Join(r.proved(p), "; ")}
	switch {
	case p.ClassifiedBy != local:
		o.State, o.Fixes = Failed, []string{"localmodel doctor --deep"}
	case r.unsure(p) || p.PlannedBy != local:
		o.Fixes = r.surer()
	}
	if r.unsure(p) {
		r.report.Unsure = true
		for _, command := range r.surer() {
			r.report.Next = append(r.report.Next, "a better model: "+command)
		}
	}
	return one(o)
}

// local is a tool's by where the local model answered.
const local = "local"

// unsure reports whether the model answered, and its answer would not count.
func (r *run) unsure(p Proof) bool { return p.ClassifiedBy == local && p.Confidence < r.MinConfidence }

// proved says what the model did.
func (r *run) proved(p Proof) []string {
	var said []string
	if p.Load > 0 {
		said = append(said, "loaded in "+seconds(p.Load))
	}
	if p.ClassifiedBy == local {
		said = append(said, fmt.Sprintf("classified in %s (%s, %s)", seconds(p.Classify), p.Category, p.Complexity))
	} else {
		said = append(said, fmt.Sprintf("the classification came from %s after %s", p.ClassifiedBy, seconds(p.Classify)))
	}
	if r.unsure(p) {
		said = append(said, fmt.Sprintf("unsure of it: confidence %.2f, and below %.2f the rules classify instead. "+
			"Expect that of most tickets with this model", p.Confidence, r.MinConfidence))
	}
	if p.PlannedBy == local {
		said = append(said, "planned in "+seconds(p.Plan))
	} else {
		said = append(said, fmt.Sprintf("its plan was not accepted after %s, so plans come from %s", seconds(p.Plan), p.PlannedBy))
	}
	if p.Why != "" {
		said = append(said, p.Why)
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

// askProxy turns the tiers behind the local one off for who does not want them:
// each ticket would wait for a proxy that is not there.
func (r *run) askProxy(ctx context.Context) []Outcome {
	const name = "LOCALMODEL_FALLBACK"
	const without = "no proxy: rules and templates answer what the local model cannot"
	now := r.Setting(name)
	switch {
	case r.Agent != "" && r.Proxy:
		return one(Outcome{State: Refused, Fixes: []string{"localmodel setup --proxy"},
			Text: r.Agent + " is set, so an agent may have run this, and paid calls are the user's to allow"})
	case r.Proxy:
		if value, there := r.InFile(name); there && value == "" {
			r.set = append(r.set, settings.Assignment{Key: "fallback", Value: "cheap,balanced"})
		}
		o := Outcome{State: Done, Text: "the proxy is asked for what the local model cannot answer"}
		if !r.ProxyOK(ctx) {
			o.Text += "; it does not answer yet"
			o.Fixes = []string{"localmodel doctor, which says how to start it"}
		}
		return one(o)
	case now.From != "default":
		return one(Outcome{State: Same, Text: "as configured: fallback " + now.Value})
	case r.ProxyOK(ctx):
		return one(Outcome{State: Same, Text: "a LiteLLM proxy answers and is asked for what the local model cannot answer"})
	case r.DryRun:
		r.set = append(r.set, settings.Assignment{Key: "fallback"})
		return one(Outcome{State: Would, Text: "would use " + without})
	case !r.Yes && r.may("Ask cloud models through a LiteLLM proxy, within a daily budget, for what the local model cannot answer?"):
		return one(Outcome{State: Done, Text: "the proxy is asked once it is there", Fixes: []string{"localmodel doctor, which says how to start it"}})
	}
	r.set = append(r.set, settings.Assignment{Key: "fallback"})
	return one(Outcome{State: Done, Text: without, Fixes: []string{"to change your mind: localmodel setup --proxy"}})
}

// writeConfig writes what differs from config.toml and the defaults. Variables
// of this shell count as well: a client that is started elsewhere has them not.
func (r *run) writeConfig(ctx context.Context) []Outcome {
	list, notes := r.assignments()
	var lines []string
	for _, a := range list {
		lines = append(lines, fmt.Sprintf("%s = %q", a.Key, a.Value))
	}
	about := r.ConfigFile + ": " + strings.Join(lines, ", ")
	switch {
	case len(list) == 0:
		return one(Outcome{State: Same, Text: r.ConfigFile + " needs no change" + notes})
	case r.DryRun:
		return one(Outcome{State: Would, Text: "would write into " + about + notes})
	case !r.may("Write into " + about + "?"):
		return one(Outcome{State: Refused, Text: "not written: " + about})
	}
	changed, err := r.Save(ctx, list)
	switch {
	case err != nil:
		return one(Outcome{State: Failed, Text: "cannot write " + r.ConfigFile + ": " + err.Error(),
			Fixes: []string{"add by hand, or set as variables: " + strings.Join(lines, ", ")}})
	case !changed:
		return one(Outcome{State: Same, Text: r.ConfigFile + " needs no change" + notes})
	}
	return one(Outcome{State: Done, Text: "wrote " + about + notes})
}

// assignments are the settings that config.toml should have and has not. Of
// what the user wrote there only server and model give way, where another was
// chosen in this run.
func (r *run) assignments() (list []settings.Assignment, notes string) {
	want := func(name, key, value string) {
		have, there := r.InFile(name)
		mine := there && (name == "OLLAMA_HOST" || name == "LOCALMODEL_NUM_CTX") // no choice of this run
		if have != value && !mine {
			list = append(list, settings.Assignment{Key: key, Value: value})
		}
		if v := r.Setting(name); v.From == "environment" && v.Value != value {
			notes += fmt.Sprintf("; %s=%s of this shell counts here", name, v.Value)
		}
	}
	if r.server != nil {
		want("LOCALMODEL_LOCAL", "local", r.server.Kind)
		if r.server.Kind == ollamaKind {
			want("OLLAMA_HOST", "ollama_host", r.server.URL)
		} else {
			want("LOCALMODEL_LOCAL_URL", "local_url", r.server.URL)
		}
	}
	if r.model != nil {
		want("LOCALMODEL_MODEL", "model", r.model.Name)
		if r.numCtx < r.NumCtx {
			want("LOCALMODEL_NUM_CTX", "num_ctx", strconv.Itoa(r.numCtx))
		}
	}
	return append(list, r.set...), notes
}

// addClients offers each client that is installed.
func (r *run) addClients(ctx context.Context) (out []Outcome) {
	all := r.Clients()
	if len(all) == 0 {
		return one(Outcome{State: Missing, Text: "no MCP client is found on this machine", Fixes: []string{"localmodel install CLIENT; localmodel install lists them"}})
	}
	for _, c := range all {
		if ctx.Err() != nil {
			return out
		}
		about := c.Title + " (" + c.File + ")"
		byHand := []string{"localmodel install " + c.Name}
		switch {
		case c.Err != nil:
			out = append(out, Outcome{State: Refused, Text: about + " is left alone: " + c.Err.Error(), Fixes: byHand})
		case c.There:
			out = append(out, Outcome{State: Same, Text: about + " starts localmodel already"})
		case r.DryRun:
			out = append(out, Outcome{State: Would, Text: "would add localmodel to " + about})
		case !r.may("Add localmodel to " + about + "?"):
			out = append(out, Outcome{State: Refused, Text: about + " is left alone", Fixes: byHand})
		default:
			if err := c.Install(); err != nil {
				out = append(out, Outcome{State: Failed, Text: about + ": " + err.Error(), Fixes: byHand})
				continue
			}
			out = append(out, Outcome{State: Done, Text: about + " starts localmodel now"})
			r.report.Next = append(r.report.Next, c.Title+": "+c.Next)
		}
	}
	return out
}
