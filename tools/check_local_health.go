package tools

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/decide"
)

//go:embed check_local_health.md
var checkLocalHealthDescription string

var checkLocalHealthSpec = spec{
	name: "check_local_health", title: "Check local health", description: checkLocalHealthDescription,
	hint:     "status available doctor",
	readOnly: true, openWorld: true,
	input: `{"type":"object","additionalProperties":false,"properties":{` +
		`"deep":{"type":"boolean"},"preload":{"type":"boolean"}}}`,
	output: `{"type":"object","additionalProperties":false,"required":["summary","ok","ollama","proxy","guard","stats","fixes"],"properties":{` +
		`"summary":{"type":"string"},"ok":{"type":"boolean"},"ollama":{"type":"object"},"proxy":{"type":"object"},` +
		`"guard":{"type":"object"},"stats":{"type":"object"},"fixes":{"type":"array","items":{"type":"string"}},` +
		`"warnings":{"type":"array","items":{"type":"string"}}}}`,
}

type healthInput struct {
	Deep    bool `json:"deep"`
	Preload bool `json:"preload"`
}

type healthResult struct {
	Summary  string            `json:"summary"`
	OK       bool              `json:"ok"`
	Ollama   ollamaReport      `json:"ollama"`
	Proxy    proxyReport       `json:"proxy"`
	Guard    guardReport       `json:"guard"`
	Stats    *projection.Stats `json:"stats"`
	Fixes    []string          `json:"fixes"`
	Warnings contract.Warnings `json:"warnings,omitempty"`
}

type ollamaReport struct {
	OK        bool   `json:"ok"`
	URL       string `json:"url,omitempty"` // left out where the error names it
	Version   string `json:"version,omitempty"`
	Model     string `json:"model"`
	State     string `json:"state"`            // loaded, cold, missing, down, behind the proxy, remote
	Remote    string `json:"remote,omitempty"` // why it is not on this machine
	Generated string `json:"generated,omitempty"`
	Error     string `json:"error,omitempty"`
}

type proxyReport struct {
	OK    bool   `json:"ok"`
	Used  bool   `json:"used"`
	URL   string `json:"url,omitempty"` // likewise
	Error string `json:"error,omitempty"`
}

type guardReport struct {
	Mode string   `json:"mode"`
	Open []string `json:"open"` // the classes cut off, in words
}

func checkLocalHealth(ctx context.Context, d *Deps, in healthInput, _ Call) (*healthResult, error) {
	asking, stop := d.UntilDeadline(ctx)
	defer stop()
	h := d.Asker.Health(asking, in.Deep)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h.Ollama.Fix, h.Proxy.Fix = offered(d, policy.Local, h.Ollama.Fix), offered(d, policy.Cheap, h.Proxy.Fix)
	r := &healthResult{OK: h.Ollama.OK, Fixes: []string{}, Guard: guardReport{Mode: string(d.Guard.Mode), Open: []string{}}}
	r.Ollama = ollamaReport{OK: h.Ollama.OK, URL: h.Ollama.URL, Version: h.Ollama.Version, Model: h.Ollama.Model,
		State: ollamaState(h.Ollama), Remote: h.Ollama.Remote, Generated: h.Ollama.Generated, Error: h.Ollama.Error}
	if strings.Contains(h.Ollama.Error, h.Ollama.URL) {
		r.Ollama.URL = ""
	}
	r.Proxy = proxyReport{OK: h.Proxy.OK, Used: h.Proxy.Used}
	r.fix(h.Ollama.Fix)
	if h.Proxy.Used {
		r.Proxy.Error = h.Proxy.Error
		if !strings.Contains(h.Proxy.Error, h.Proxy.URL) {
			r.Proxy.URL = h.Proxy.URL
		}
		r.fix(h.Proxy.Fix)
	}
	if h.Ollama.SlotsError != "" {
		r.Warnings = append(r.Warnings, plain.Clip(h.Ollama.SlotsError, 200))
	}
	r.Warnings.Add(h.Ollama.Note)
	for _, p := range d.Problems { // each is named, however many there are
		r.Warnings = append(r.Warnings, plain.Clip(p, 200))
	}
	if in.Preload && h.Ollama.Present && !h.Ollama.Loaded {
		if err := d.Asker.Preload(ctx); err != nil {
			r.Warnings.Add("preload not started: " + err.Error())
		} else {
			r.Ollama.State = "loading"
		}
	}
	r.journal(ctx, d)
	r.Summary = r.words(h)
	r.fit()
	return r, nil
}

func offered(d *Deps, tier policy.Tier, fix string) string {
	if d.Fix != nil && fix != "" {
		fix = d.Fix(tier, fix)
	}
	return d.Shell.Say(fix)
}

// healthChars is what a result may cost a model, its warnings apart: they say
// what is wrong with the configuration, all of it.
const healthChars = 800

// fit shortens the texts that quote addresses, models and figures, as far as it
// takes.
func (r *healthResult) fit() {
	for most := 120; most >= 40; most -= 10 {
		r.Ollama.Error, r.Proxy.Error = plain.Clip(r.Ollama.Error, most), plain.Clip(r.Proxy.Error, most)
		for i := range r.Guard.Open {
			r.Guard.Open[i] = plain.Clip(r.Guard.Open[i], most)
		}
		bare := *r
		bare.Warnings = nil
		if text, err := contract.Encode(bare); err != nil || utf8.RuneCount(text) <= healthChars {
			return
		}
	}
}

func (r *healthResult) fix(command string) {
	if command != "" && !slices.Contains(r.Fixes, command) {
		r.Fixes = append(r.Fixes, plain.Clip(command, 200))
	}
}

func (r *healthResult) journal(ctx context.Context, d *Deps) {
	stats, err := d.Journal.Stats(ctx)
	if err != nil {
		what := "nothing can be recorded: "
		if statestore.IsAway(err) {
			what = "outcomes are kept until the journal's server is back: "
		}
		r.Warnings.Add(what + err.Error())
		for _, w := range d.Journal.Warnings() {
			r.Warnings.Add(w)
		}
		r.Stats = &projection.Stats{FailuresByType: map[string]int{}}
		return
	}
	r.Stats = &stats
	states, err := d.Journal.GuardStates(ctx)
	if err != nil {
		r.Warnings.Add("guard not readable: " + err.Error())
		states = map[guard.Key][]byte{}
	}
	totals := policy.Totals{Attempts: stats.TotalAttempts, Escalated: stats.EscalatedToCloud}
	digest := decide.GuardDigest(ctx, d)
	// What the fixed rule and LOCALMODEL_GUARD=never say holds for a class without
	// outcomes, too.
	for _, class := range []policy.Complexity{policy.Low, policy.Medium} { // high never is the local model's
		key := guard.Key{Class: string(class), Digest: digest}
		if _, ok := states[key]; !ok {
			states[key] = nil
		}
	}
	for key, text := range states {
		state := policy.ParseGuardState(text)
		if key.Digest != digest || key.Category != "" && !state.Decides() {
			continue
		}
		if v := d.Guard.Look(decide.RecordName(key), state, totals, time.Now()); !v.Admit {
			r.Guard.Open = append(r.Guard.Open, v.Why)
		}
	}
	records, _ := d.Journal.DraftRecords(ctx) // what is wrong with the journal has been said by then
	for key, state := range records {
		if why := d.Guard.LookDraft(decide.RecordName(key), state); why != "" && key.Digest == digest {
			r.Guard.Open = append(r.Guard.Open, why)
		}
	}
	slices.Sort(r.Guard.Open)
	r.Guard.Open = slices.Compact(r.Guard.Open)
	if echo := decide.Echo(ctx, d); echo.Follows() {
		r.Warnings.Add(echo.Words() + ": its word on a ticket's complexity is not counted, its plans are checked as before")
	}
	r.Warnings.Add(d.Journal.Warnings()...)
}

func ollamaState(h routing.Check) string {
	switch {
	case h.Remote != "":
		return "remote"
	case h.Loaded:
		return "loaded"
	case h.Loading:
		return "loading"
	case h.Fleet && h.Present:
		return "behind the proxy"
	case h.Present:
		return "cold"
	case h.Version != "" || len(h.Models) > 0:
		return "missing"
	}
	return "down"
}

func (r *healthResult) words(h routing.Health) string {
	local := fmt.Sprintf("local model %s is %s", r.Ollama.Model, r.Ollama.State)
	switch {
	case r.Ollama.State == "down":
		local = cmp.Or(h.Ollama.Server, "Ollama") + " is down"
	case h.Ollama.Refused:
		local = "the local tier is " + h.Ollama.Error
	case h.Ollama.Remote != "":
		local = "the local tier is not on this machine: " + h.Ollama.Remote
	}
	fallback := "no fallback is allowed: rules and templates answer"
	switch {
	case h.Proxy.OK:
		fallback = "the proxy is up as fallback"
	case h.Proxy.Used && r.OK:
		fallback = "the proxy is not usable as fallback"
	case h.Proxy.Used:
		fallback = "the proxy is not usable: rules and templates answer"
	case r.OK:
		fallback = "no fallback is allowed"
	}
	return plain.Clip(local+"; "+fallback, 200)
}
