package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/consent"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/programs"
)

// host is what setup's questions to a machine are answered from: what the
// program, put together with other settings, can find, fetch and prove there.
type host struct {
	app.Env
	config *app.Config
}

// NewHost is this machine and its user. quiet leaves out what each step did.
func NewHost(e app.Env, quiet bool) Host {
	c := app.Load(e)
	h := host{e, c}
	program := programs.Find("ollama")
	paint := c.Painter(e.Out)
	return Host{
		OS:            runtime.GOOS,
		Room:          models.Room{Memory: machine.Memory(), GPU: machine.GPU(context.Background())},
		Terminal:      term.Is(e.In) && term.Is(e.Err),
		Agent:         consent.AgentVariable(e),
		Ollama:        program,
		ConfigFile:    c.ConfigFile(),
		NumCtx:        c.NumCtx,
		MinConfidence: c.MinConfidence,
		Deadline:      c.Deadline,
		Setting:       c.Value,
		InFile:        c.InFile,
		Find:          h.find,
		Free:          func() int64 { return machine.Free(h.ollamaModels()) },
		Start:         func(ctx context.Context) error { return h.fixer(nil).Start(ctx, program, c.Ollama) },
		Pull: func(ctx context.Context, s Server, model string) error {
			return h.fixer(Choice{s, model, c.NumCtx}.settings()).Pull(ctx, model)
		},
		Classify: h.classify,
		Plan:     h.plan,
		ProxyOK:  h.proxyAnswers,
		Save: func(ctx context.Context, list []settings.Assignment) (bool, error) {
			return settings.Save(ctx, c.Dirs.Config, list)
		},
		Clients: func() []Client { return installed(c.ClientPlace()) },
		Confirm: func(question string) bool { return term.Ask(e.In, e.Err, plain.Line(question)) },
		Read: func(question string) string {
			fmt.Fprint(e.Err, strings.TrimSuffix(term.Wrap(term.Width(e.Err), "", question+":"), "\n")+" ")
			return term.Line(e.In, e.Err)
		},
		Say: func(text string) { term.Print(e.Err, "  ", text) },
		Done: func(step Outcome) {
			if !quiet {
				paint.Marked(e.Out, marks[step.State], fmt.Sprintf("%-7s", step.Name), step.Text, step.Fixes)
			}
		},
	}
}

func (h host) fixer(values map[string]string) checkup.Fixer {
	return checkup.Fixer{Router: app.NewWith(h.Env, values).Router, In: h.In, Out: h.Err, Yes: true, Dir: h.config.Dirs.State}
}

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

// settings are those under which a choice is tried: it alone is asked, and
// nothing leaves for a cloud.
func (c Choice) settings() map[string]string {
	v := map[string]string{
		"LOCALMODEL_MODEL":        c.Model,
		"LOCALMODEL_LOCAL":        c.Server.Kind,
		"LOCALMODEL_NUM_CTX":      strconv.Itoa(c.NumCtx),
		"LOCALMODEL_FALLBACK":     "",
		"LOCALMODEL_CLOUD":        "never",
		"LOCALMODEL_LOCAL_REMOTE": "deny",
		addressOf[c.Server.Kind]:  c.Server.URL,
	}
	if c.Server.Remote != "" { // the user agreed to it
		v["LOCALMODEL_LOCAL_REMOTE"] = "allow"
	}
	return v
}

// installed are the clients of this machine, with the edit each would get. A
// client that reads files of projects alone is not set up in the home directory.
func installed(place clients.Place) []Client {
	var out []Client
	for _, c := range clients.All() {
		if !c.Present(place) {
			continue
		}
		plan, err := clients.Options{}.Plan(c, place)
		one := Client{Name: c.Name, Title: c.Title, File: plain.Line(plan.Path), Err: err, Next: c.Next}
		switch {
		case err != nil:
		case plan.Client.OfProject() && filepath.Clean(place.Root) == filepath.Clean(place.Home):
			one.Err = errors.New("its file belongs to a project: run localmodel setup in yours")
		default:
			one.There = plan.Change.Same
			one.Install = func() error { _, err := plan.Change.Apply(); return err }
		}
		out = append(out, one)
	}
	return out
}
