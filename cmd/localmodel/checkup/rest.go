package checkup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
)

func (f Facts) proxy() []Check {
	p, fleet := f.Health.Proxy, f.Config.Local == "proxy"
	c := Check{Name: "proxy", Status: OK}
	switch {
	case !p.Used:
		c.Text = "not used"
		if o := f.Health.Ollama; o.Remote == "" || o.Refused {
			c.Text += ": nothing leaves this machine"
		}
		return []Check{c}
	case p.OK:
		c.Text = fmt.Sprintf("LiteLLM %s at %s takes our key; fallback %s", p.Version, p.URL, f.fallback())
		c.Text += fmt.Sprintf("; $%.2f of $%.2f spent today", f.SpentUSD, f.Config.DailyUSD)
		if f.SpentUSD >= f.Config.DailyUSD {
			c.Status, c.Fixes = Less, []string{"export LOCALMODEL_CLOUD_DAILY_USD=<more>"}
			c.Text += ": paid tiers are closed until midnight UTC"
		}
	default:
		c.Status, c.Text, c.Fixes = Less, p.Error, f.proxyFixes()
		if !fleet {
			c.Fixes = append(c.Fixes, "or go without: export LOCALMODEL_FALLBACK=none")
		}
	}
	out := []Check{c}
	if f.Config.ProxyKey == settings.DefaultKey && (fleet || f.paid()) {
		out = append(out, Check{Name: "proxy key", Status: Advice, Text: "the default key, which everyone knows, is in use",
			Fixes: []string{"export LITELLM_MASTER_KEY=<a key of your own>, for the proxy too"}})
	}
	return out
}

// proxyFixes has a line for each command of the proxy's own fix, and the
// installation before the last where the program is not here.
func (f Facts) proxyFixes() []string {
	p := f.Health.Proxy
	fixes := nonEmpty(strings.Split(p.Fix, " && ")...)
	last := len(fixes) - 1
	if last < 0 || !strings.HasPrefix(fixes[last], "litellm ") {
		return fixes
	}
	if !place.Loopback(f.Config.Proxy) {
		return []string{"start LiteLLM on that host", "or export LITELLM_BASE_URL=<another>"}
	}
	if f.LiteLLM == "" {
		fixes = slices.Insert(fixes, last, "python3 -m pip install --no-deps --require-hashes -r requirements.txt")
	}
	return fixes
}

func (f Facts) paid() bool { return f.Config.Cloud && len(f.Config.Fallback) > 0 }

func (f Facts) fallback() string {
	if !f.paid() {
		return "none"
	}
	var names []string
	for _, t := range f.Config.Fallback {
		names = append(names, string(t))
	}
	return strings.Join(names, ", then ")
}

func (f Facts) journal() []Check {
	if statestore.IsAway(f.JournalErr) {
		return []Check{{Name: "journal", Status: Less, Text: "outcomes are kept until its server is back: " + f.JournalErr.Error()}}
	}
	if f.JournalErr != nil {
		return []Check{{Name: "journal", Status: Fail, Text: "nothing can be recorded: " + f.JournalErr.Error()}}
	}
	state := secrets.Address(f.Config.State)
	c := Check{Name: "journal", Status: OK, Text: "ready at " + state + ", nothing recorded yet"}
	if n := f.Stats.TotalAttempts; n > 0 {
		c.Text = fmt.Sprintf("%s: %d local tickets done, %d escalated", state, f.Stats.SuccessCount, f.Stats.EscalatedToCloud)
	}
	return []Check{c, f.stateFile()}
}

func (f Facts) stateFile() Check {
	c := Check{Name: "state file", Status: OK, Text: "agrees with the journal"}
	switch {
	case !f.Config.StateFile && f.StateFile:
		c.Text = "left as it is: LOCALMODEL_STATE_FILE=off"
	case !f.Config.StateFile:
		c.Text = "none is kept here; LOCALMODEL_STATE_FILE=on keeps one, as does a backlog.config.json"
	case !f.StateFile:
		c.Text = "not there yet; the first outcome makes it"
	}
	var hurt, repaired []string
	for _, w := range f.Warnings {
		if strings.Contains(w, "was repaired") {
			repaired = append(repaired, w)
			continue
		}
		hurt = append(hurt, w)
	}
	switch {
	case len(hurt) > 0:
		c.Status, c.Text = Less, strings.Join(append(hurt, repaired...), "; ")
		c.Fixes = []string{"repair .claude/implementer-state.json, or move it away: the journal makes it anew"}
	case len(repaired) > 0:
		c.Status, c.Text = Advice, strings.Join(repaired, "; ")
	}
	return c
}

func (f Facts) guard() []Check {
	c, mode := Check{Name: "guard", Status: OK}, string(f.Config.Guard)
	var open, closed []string
	for _, g := range f.Guard {
		if g.Open {
			open = append(open, g.Words)
			continue
		}
		closed = append(closed, g.Class+": "+strings.TrimPrefix(g.Words, "guard closed: "))
	}
	switch {
	case f.JournalErr != nil:
		c.Text = mode + "; what it has counted is in the journal"
	case len(open) > 0:
		c.Status = Less
		c.Text = fmt.Sprintf("%s; the next tier answers instead: %s", mode, strings.Join(slices.Compact(open), "; "))
	case f.Config.Guard == policy.Adaptive:
		c.Text = "adaptive, the local model is let through: " + strings.Join(closed, "; ")
	default:
		c.Text = mode + ", the local model is let through"
	}
	return []Check{c}
}

func (f Facts) configuration() []Check {
	var out []Check
	for _, p := range f.Config.Problems {
		out = append(out, Check{Name: "settings", Status: Fail, Text: p})
	}
	if len(out) == 0 {
		out = append(out, Check{Name: "settings", Status: OK, Text: "all can be used"})
	}
	for _, text := range f.Untrusted {
		text, command, _ := strings.Cut(text, ": ")
		out = append(out, Check{Name: "trust", Status: Advice, Text: text, Fixes: nonEmpty(command)})
	}
	return out
}

func (f Facts) clients() []Check {
	if len(f.Clients) == 0 {
		return []Check{{Name: "clients", Status: Advice, Text: "no client's configuration names localmodel",
			Fixes: []string{"localmodel install claude-code"}}}
	}
	c := Check{Name: "clients", Status: OK}
	var found, broken []string
	for _, client := range f.Clients {
		if client.Err != nil {
			broken = append(broken, fmt.Sprintf("%s (%s) cannot be read: %v", client.Title, client.Path, client.Err))
			continue
		}
		found = append(found, client.Title+" ("+client.Path+")")
	}
	if len(found) > 0 {
		c.Text = "set up in " + strings.Join(found, ", ")
	}
	if len(broken) > 0 {
		c.Status, c.Text = Advice, strings.Join(nonEmpty(append([]string{c.Text}, broken...)...), "; ")
	}
	return []Check{c}
}
