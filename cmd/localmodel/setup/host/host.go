// Package host is the machine and the user that setup runs on: what the program,
// put together with other settings, can find, fetch and prove there.
package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/consent"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/setup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// host is what setup's questions to a machine are answered from.
type host struct {
	app.Env
	config *app.Config
}

// New is this machine and its user. quiet leaves out what each step did.
func New(e app.Env, quiet bool) setup.Host {
	c := app.Load(e)
	h := host{e, c}
	program := machine.Program("ollama")
	paint := c.Painter(e.Out)
	places := setup.Places{
		Ollama: c.Ollama, OllamaKey: c.OllamaKey,
		Local: c.LocalURL, LocalKey: c.LocalKey, PreferLocal: c.Local == "openai",
		Usual: setup.Usual(), NumCtx: c.NumCtx, Version: e.Version,
	}
	return setup.Host{
		OS:            runtime.GOOS,
		Room:          models.Room{Memory: machine.Memory(), GPU: machine.GPU(context.Background())},
		Terminal:      term.Is(e.In) && term.Is(e.Err),
		Agent:         consent.AgentVariable(app.Environ(), e.Lookup),
		Ollama:        program,
		ConfigFile:    c.ConfigFile(),
		NumCtx:        c.NumCtx,
		MinConfidence: c.MinConfidence,
		Deadline:      c.Deadline,
		Setting:       c.Value,
		InFile:        c.InFile,
		Find:          places.Find,
		Free:          func() int64 { return machine.Free(h.ollamaModels()) },
		Start: func(ctx context.Context) error {
			return h.fixer(nil).Start(ctx, program, c.Ollama)
		},
		Pull: func(ctx context.Context, s setup.Server, model string) error {
			return h.fixer(setup.Choice{Server: s, Model: model, NumCtx: c.NumCtx}.Settings()).Pull(ctx, model)
		},
		Classify: h.classify,
		Plan:     h.plan,
		ProxyOK:  h.proxyAnswers,
		Save: func(ctx context.Context, list []settings.Assignment) (bool, error) {
			return settings.Save(ctx, c.Dirs.Config, list)
		},
		Clients: func() []setup.Client { return setup.Installed(c.ClientPlace()) },
		Confirm: func(question string) bool { return term.Ask(e.In, e.Err, plain.Line(question)) },
		Read: func(question string) string {
			fmt.Fprint(e.Err, strings.TrimSuffix(term.Wrap(term.Width(e.Err), "", question+":"), "\n")+" ")
			return term.Line(e.In, e.Err)
		},
		Say: func(text string) { term.Print(e.Err, "  ", text) },
		Done: func(step setup.Outcome) {
			if !quiet {
				step.Print(e.Out, paint)
			}
		},
	}
}

// fixer works on the program put together with other settings.
func (h host) fixer(values map[string]string) checkup.Fixer {
	return checkup.Fixer{Router: app.NewWith(h.Env, values).Router, In: h.In, Out: h.Err, Yes: true, Dir: h.config.Dirs.State}
}

// proxyAnswers reports whether a proxy is there that takes the key.
func (h host) proxyAnswers(ctx context.Context) bool {
	p := app.NewWith(h.Env, map[string]string{"LOCALMODEL_FALLBACK": "cheap"})
	proxy := p.Router.Health(ctx, false).Proxy
	return proxy.Used && proxy.OK
}

// ollamaModels is where an Ollama of this machine keeps its models, as far as
// that is known.
func (h host) ollamaModels() string {
	if dir := h.config.Getenv("OLLAMA_MODELS"); filepath.IsAbs(dir) {
		return dir
	}
	const ofTheService = "/usr/share/ollama/.ollama/models"
	if _, err := os.Stat(ofTheService); err == nil {
		return ofTheService
	}
	return filepath.Join(h.config.Home(), ".ollama", "models")
}

// classifyWithin bounds the first answer: a processor without a graphics card
// reads the prompt slowly the first time.
const classifyWithin = 5 * time.Minute

// classify classifies one ticket in a temporary directory, and records nothing
// of it.
func (h host) classify(ctx context.Context, choice setup.Choice) (c setup.Classified, err error) {
	err = h.prove(choice, classifyWithin, func(p setup.Prover) (err error) {
		c, err = p.Classify(ctx)
		return err
	})
	return c, err
}

// plan plans the same ticket in the same way.
func (h host) plan(ctx context.Context, choice setup.Choice, within time.Duration) (planned setup.Planned, err error) {
	err = h.prove(choice, within, func(p setup.Prover) (err error) {
		planned, err = p.Plan(ctx)
		return err
	})
	return planned, err
}

// prove puts the program together for one answer.
func (h host) prove(choice setup.Choice, within time.Duration, ask func(setup.Prover) error) error {
	dir, remove, err := app.Scratch()
	if err != nil {
		return err
	}
	defer remove()
	values := choice.Settings()
	values["CLAUDE_PROJECT_DIR"] = dir
	values["LOCALMODEL_STATE"] = filepath.Join(dir, "journal.db")
	values["LOCALMODEL_STATE_FILE"] = "off"
	values["LOCALMODEL_GUARD"] = "always"
	values["LOCALMODEL_DRAFT"] = "off"
	values["LOCALMODEL_MIN_CONFIDENCE"] = "0" // an unsure answer is one; what it is worth is reported
	for _, limit := range []string{"LOCALMODEL_DEADLINE", "LOCALMODEL_FIRST_TOKEN_TIMEOUT", "LOCALMODEL_TOKEN_TIMEOUT"} {
		values[limit] = within.String()
	}
	p := app.NewWith(h.Env, values)
	defer p.Close()
	return ask(setup.Prover{Router: p.Router, Deps: p.Deps, Loads: p.Config.Local == "ollama", Said: h.Err})
}
