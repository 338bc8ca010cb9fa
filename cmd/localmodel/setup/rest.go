package setup

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
)

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
	want := func(name, value string) {
		have, there := r.InFile(name)
		mine := there && (name == "OLLAMA_HOST" || name == "LOCALMODEL_NUM_CTX") // no choice of this run
		if have != value && !mine {
			list = append(list, settings.Assignment{Key: settings.Row{Name: name}.Key(), Value: value})
		}
		if v := r.Setting(name); v.From == "environment" && v.Value != value {
			notes += fmt.Sprintf("; %s=%s of this shell counts here", name, v.Value)
		}
	}
	if r.server != nil {
		want("LOCALMODEL_LOCAL", r.server.Kind)
		want(addressOf[r.server.Kind], r.server.URL)
	}
	if r.model != nil {
		want("LOCALMODEL_MODEL", r.model.Name)
		if r.numCtx < r.NumCtx {
			want("LOCALMODEL_NUM_CTX", strconv.Itoa(r.numCtx))
		}
	}
	return append(list, r.set...), notes
}

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
