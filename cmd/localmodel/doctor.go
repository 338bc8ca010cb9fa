package main

import (
	"context"
	"fmt"
	"io"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/tools"
)

// doctor prints check_local_health for a person: what works, what does not, and
// the command that mends it. Exit 0: all works; 1: it works with less; 2:
// nothing can be recorded, or a setting cannot be used.
func doctor(ctx context.Context, w world, args []string) error {
	if err := noArguments("doctor", args); err != nil {
		return err
	}
	p := build(w)
	defer p.store.Close() //nolint:errcheck // nothing was recorded
	var health tools.Tool
	for _, t := range tools.All(p.deps) {
		if t.Declaration.Name == "check_local_health" {
			health = t
		}
	}
	text, err := health.Run(ctx, p.deps, tools.Call{})
	if err != nil {
		return exitError{2, err.Error()}
	}
	r := gjson.ParseBytes(text)
	_, journal := p.store.Stats(ctx)
	printHealth(w.out, r, journal)
	if p.config.key == defaultKey && r.Get("proxy.used").Bool() {
		fmt.Fprintln(w.out, "! the proxy's default key is in use; set LITELLM_MASTER_KEY")
	}
	switch {
	case journal != nil || len(p.config.problems) > 0:
		return exitError{code: 2}
	case !r.Get("ok").Bool() || (r.Get("proxy.used").Bool() && !r.Get("proxy.ok").Bool()):
		return exitError{code: 1}
	}
	return nil
}

func printHealth(out io.Writer, r gjson.Result, journal error) {
	mark := func(ok bool, bad string) string {
		if ok {
			return "✓"
		}
		return bad
	}
	line := func(m, text string) { fmt.Fprintf(out, "%s %s\n", m, text) }
	o, proxy := r.Get("ollama"), r.Get("proxy")
	text := fmt.Sprintf("Ollama %s at %s, model %s: %s", o.Get("version").Str, o.Get("url").Str, o.Get("model").Str, o.Get("state").Str)
	if e := o.Get("error").Str; e != "" {
		text = e
	}
	line(mark(o.Get("ok").Bool(), "!"), text)
	switch {
	case !proxy.Get("used").Bool():
		line("✓", "proxy: not used, nothing leaves this machine")
	case proxy.Get("ok").Bool():
		line("✓", "proxy at "+proxy.Get("url").Str)
	default:
		line("!", proxy.Get("error").Str)
	}
	if journal != nil {
		line("✗", "nothing can be recorded: "+journal.Error())
	} else {
		s := r.Get("stats")
		line("✓", fmt.Sprintf("journal: %d local tickets done, %d escalated", s.Get("successCount").Int(), s.Get("escalatedToCloud").Int()))
	}
	line(mark(len(r.Get("guard.open").Array()) == 0, "!"), "guard "+r.Get("guard.mode").Str)
	for _, g := range r.Get("guard.open").Array() {
		line(" ", g.Str)
	}
	for _, v := range r.Get("warnings").Array() {
		line("!", v.Str)
	}
	for _, f := range r.Get("fixes").Array() {
		line("→", f.Str)
	}
}
