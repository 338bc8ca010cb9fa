package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/consent"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/machine"
	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/setup"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

const aboutSetup = `
Finds Ollama, or a chat-completions server on its usual port of this machine; chooses a model that is there, or offers to fetch one that fits; makes one real classification and one plan; writes config.toml; and offers to add localmodel to each MCP client that is installed. Each step asks first, and another run changes nothing that is as it should be.

With --yes nothing is asked: what is there is used, and a model is fetched only where there is none or --model names it. Where an agent's variables are set, nothing is fetched, no remote server is taken and no proxy is switched on: those are the user's decisions.

Exit code: 0 set up; 1 a server or a model is missing, or it does not answer; 2 a file cannot be written; 3 not a terminal and no --yes, so nothing was changed.`

func setupCommand(w env) *cobra.Command {
	var o setup.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "find or fetch a local model, prove it, set up the clients",
		Long:  aboutSetup,
		Args:  atMost(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return setUp(cmd.Context(), w, o, asJSON) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.Yes, "yes", false, "do what is recommended without asking")
	fs.BoolVar(&o.DryRun, "dry-run", false, "say what it would do and change nothing")
	fs.BoolVar(&o.Proxy, "proxy", false, "also ask a LiteLLM proxy what the local model cannot answer")
	fs.StringVar(&o.Model, "model", "", "use, and fetch where it is missing, the model `NAME`")
	fs.Func("skip", "leave out a `STEP`: server, model, proof, plan, proxy, config, clients; may be given again", func(step string) error {
		o.Skip = append(o.Skip, step)
		return nil
	})
	fs.BoolVar(&asJSON, "json", false, "print what was done as JSON")
	return cmd
}

// setUp leads from nothing to a local model in a client.
func setUp(ctx context.Context, w env, o setup.Options, asJSON bool) error {
	c := loadConfig(w.lookup)
	host := c.host(w, asJSON)
	report, err := setup.Run(ctx, o, host)
	switch {
	case err != nil && len(report.Steps) == 0:
		return exitcode.New(2, "localmodel setup: "+err.Error())
	case asJSON:
		err = errors.Join(printJSON(w.out, report), err)
	case err == nil:
		report.Print(w.out)
	}
	if err == nil && report.Exit != 0 {
		return exitcode.New(report.Exit, "")
	}
	return err
}

// host is this machine and its user, for setup.
func (c *config) host(w env, quiet bool) setup.Host {
	room := models.Room{Memory: machine.Memory(), GPU: machine.GPU(context.Background())}
	program, _ := exec.LookPath("ollama") // "" where it is not installed
	paint := term.Painter(term.Colours(w.out) && !c.plain)
	places := setup.Places{Ollama: c.ollama, OllamaKey: c.ollamaKey, Local: c.localURL, LocalKey: c.localKey,
		PreferLocal: c.local == "openai", Usual: setup.Usual(), NumCtx: c.numCtx, Version: version()}
	free := func() int64 { return machine.Free(c.ollamaModels()) }
	return setup.Host{
		OS: runtime.GOOS, Room: room, Terminal: term.Is(w.in) && term.Is(w.err), Agent: consent.AgentVariable(environ(), w.lookup),
		Ollama: program, ConfigFile: c.ConfigFile(), NumCtx: c.numCtx,
		Setting: c.Value, InFile: c.InFile,
		Find: places.Find, Free: free,
		Start: func(ctx context.Context) error {
			return c.fixer(w, overridden(w, nil)).Start(ctx, program, c.ollama)
		},
		Pull: func(ctx context.Context, s setup.Server, model string) error {
			return c.fixer(w, overridden(w, setup.Choice{Server: s, Model: model, NumCtx: c.numCtx}.Settings())).Pull(ctx, model)
		},
		MinConfidence: c.minConfidence, Deadline: c.deadline,
		Classify: func(ctx context.Context, choice setup.Choice) (setup.Classified, error) {
			return proveClassify(ctx, w, choice)
		},
		Plan: func(ctx context.Context, choice setup.Choice, within time.Duration) (setup.Planned, error) {
			return provePlan(ctx, w, choice, within)
		},
		ProxyOK: func(ctx context.Context) bool { return c.proxyAnswers(ctx, w) },
		Save: func(ctx context.Context, list []settings.Assignment) (bool, error) {
			return settings.Save(ctx, c.Dirs.Config, list)
		},
		Clients: func() []setup.Client { return setup.Installed(clientPlace(w)) },
		Confirm: func(question string) bool { return term.Ask(w.in, w.err, plain.Line(question)) },
		Read: func(question string) string {
			fmt.Fprint(w.err, strings.TrimSuffix(term.Wrap(term.Width(w.err), "", question+":"), "\n")+" ")
			return term.Line(w.in, w.err)
		},
		Say: func(text string) { term.Print(w.err, "  ", text) },
		Done: func(step setup.Outcome) {
			if !quiet {
				step.Print(w.out, paint)
			}
		},
	}
}

// overridden is the program put together with other settings.
func overridden(w env, values map[string]string) *app {
	other := w
	other.lookup = func(name string) (string, bool) {
		if v, there := values[name]; there {
			return v, true
		}
		return w.lookup(name)
	}
	return build(other)
}

func (c *config) fixer(w env, p *app) checkup.Fixer {
	return checkup.Fixer{Router: p.router, In: w.in, Out: w.err, Yes: true, Dir: c.Dirs.State}
}

// proxyAnswers reports whether a proxy is there that takes the key.
func (c *config) proxyAnswers(ctx context.Context, w env) bool {
	p := overridden(w, map[string]string{"LOCALMODEL_FALLBACK": "cheap"})
	h := p.router.Health(ctx, false).Proxy
	return h.Used && h.OK
}

// ollamaModels is where an Ollama of this machine keeps its models, as far as
// that is known.
func (c *config) ollamaModels() string {
	if dir := c.Getenv("OLLAMA_MODELS"); filepath.IsAbs(dir) {
		return dir
	}
	const ofTheService = "/usr/share/ollama/.ollama/models"
	if _, err := os.Stat(ofTheService); err == nil {
		return ofTheService
	}
	return filepath.Join(c.home, ".ollama", "models")
}
