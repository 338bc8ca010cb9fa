package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/ledger"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// models makes a router for each name, with a log of errors alone, and looks whether
// the model is there.
func (r run) models(ctx context.Context) (out []*evaluate.Model, err error) {
	log := slog.New(slog.NewTextHandler(r.Err, &slog.HandlerOptions{Level: max(r.config.LogLevel, slog.LevelError)}))
	base := r.config.Routing(log)
	base.MinConfidence = 0 // every answer is looked at, however unsure
	for name := range strings.SplitSeq(cmp.Or(r.Models, r.config.Model), ",") {
		name = strings.TrimSpace(name)
		known := slices.ContainsFunc(out, func(m *evaluate.Model) bool { return m.Name == name })
		if name == "" || name == evaluate.Rules || known {
			continue
		}
		m := &evaluate.Model{Name: name, Tier: policy.Local, Route: policy.Auto, Group: name == "free"}
		if tier := policy.Tier(name); tier == policy.Cheap || tier == policy.Balanced {
			if !base.CloudAllowed {
				return nil, fmt.Errorf("%s is a paid tier, and LOCALMODEL_CLOUD=never forbids it", name)
			}
			m.Tier, m.Route, m.Group = tier, policy.OnlyCloud, true
		}
		m.Asker = routing.New(base, []routing.Backend{r.config.Backend(name, log)}, ledger.Unrecorded{}, r.wallet)
		if err := m.Ready(ctx); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, errors.New("--models names no model")
	}
	return out, nil
}

// agree shows what the paid calls may cost and asks.
func (r run) agree(ctx context.Context, plan evaluate.Plan, results *evaluate.Results) error {
	quote, err := plan.Quote(ctx, results)
	if err != nil {
		return stopped(err, 0)
	}
	if len(quote.Calls) == 0 {
		return nil
	}
	r.wallet.Fill(quote.MostUSD)
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(quote.Calls)) {
		calls = append(calls, fmt.Sprintf("%d by %s", quote.Calls[name], name))
	}
	text := fmt.Sprintf("Paid calls: %s, at most $%.2f at the list prices of %s.", strings.Join(calls, ", "), quote.MostUSD, prices.Date)
	if day := r.config.DailyUSD; quote.MostUSD > day {
		text += fmt.Sprintf(" That is more than a day's LOCALMODEL_CLOUD_DAILY_USD ($%g), which does not bound eval.", day)
	}
	term.Print(r.Err, "", text)
	switch {
	case r.Yes:
		return nil
	case !term.Is(r.In):
		return exitcode.New(2, "localmodel eval: not a terminal: pass --yes to allow paid calls")
	case !term.Ask(r.In, r.Err, "Go on?"):
		return errors.New("nothing was asked, nothing paid")
	}
	return nil
}

// planLimit is how long a model may take for one plan, its repair included. It is
// longer than a call's deadline: how slow a model is, is what is compared.
const planLimit = 10 * time.Minute

// onlyPlans turns a plan into a comparison of plans, by model and setting.
func (r run) onlyPlans(p *evaluate.Plan) error {
	heats, err := settingValues("temperature", r.Temperatures, 2)
	if err != nil {
		return err
	}
	topPs, err := settingValues("top-p", r.TopPs, 1)
	if err != nil {
		return err
	}
	p.OnlyPlan, p.Plans, p.Deadline = true, len(p.Set.Tickets), planLimit
	p.Models = evaluate.Settings(p.Models, heats, topPs)
	return nil
}

// settingValues reads the values of a flag, each above 0 and at most most, or the
// word default, which is 0.
func settingValues(flag, text string, most float64) (out []float64, err error) {
	for word := range strings.SplitSeq(cmp.Or(text, "default"), ",") {
		word = strings.TrimSpace(word)
		if word == "default" {
			out = append(out, 0)
			continue
		}
		v, err := strconv.ParseFloat(word, 64)
		if err != nil || !(v > 0 && v <= most) {
			return nil, exitcode.New(2, fmt.Sprintf("localmodel eval: --%s %q is neither a number above 0 and at most %g nor the word default",
				flag, word, most))
		}
		out = append(out, v)
	}
	return out, nil
}
