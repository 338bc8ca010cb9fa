package setup

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/routing"
)

const gb = 1_000_000_000

// fake is a machine of which each part can be set. What setup does to it stays,
// so that another run finds it.
type fake struct {
	Host

	servers  []Server
	file     map[string]string // config.toml
	env      map[string]string
	pulled   []string
	pullErr  error
	saveErr  error
	installs int
	there    bool
	asked    []string
	answer   func(question string) bool
	started  bool
	proof    Classified
	plan     Planned
	planned  time.Duration // that the plan had; 0 = there was none
	proxy    bool
}

var defaults = map[string]string{
	"OLLAMA_HOST": "http://127.0.0.1:11434", "LOCALMODEL_LOCAL": "ollama", "LOCALMODEL_LOCAL_URL": "",
	"LOCALMODEL_MODEL": "qwen3-coder:30b", "LOCALMODEL_NUM_CTX": "32768", "LOCALMODEL_FALLBACK": "cheap,balanced",
}

var keys = map[string]string{
	"ollama_host": "OLLAMA_HOST", "local": "LOCALMODEL_LOCAL", "local_url": "LOCALMODEL_LOCAL_URL",
	"model": "LOCALMODEL_MODEL", "num_ctx": "LOCALMODEL_NUM_CTX", "fallback": "LOCALMODEL_FALLBACK",
}

func ollamaWith(list ...routing.Listed) []Server {
	return []Server{{Kind: "ollama", Title: "Ollama", URL: "http://127.0.0.1:11434", Version: "0.24.0", Models: list}}
}

func newFake() *fake {
	f := &fake{servers: ollamaWith(seven), file: map[string]string{}, env: map[string]string{},
		answer: func(string) bool { return true },
		proof:  Classified{Took: time.Second, Category: "BUG", Complexity: "low", Confidence: .9, By: "local"},
		plan:   Planned{Took: 8 * time.Second, By: "local"}}
	f.Host = Host{OS: "linux", Room: models.Room{Memory: 64 * gb}, Terminal: true, ConfigFile: "config.toml", NumCtx: 32768,
		MinConfidence: .6, Deadline: 55 * time.Second,
		Setting: f.setting, InFile: f.inFile,
		Find:  func(context.Context) []Server { return slices.Clone(f.servers) },
		Start: func(context.Context) error { f.started = true; f.servers = ollamaWith(seven); return nil },
		Free:  func() int64 { return 100 * gb },
		Pull: func(_ context.Context, _ Server, model string) error {
			f.pulled = append(f.pulled, model)
			if f.pullErr == nil {
				f.servers[0].Models = append(f.servers[0].Models, routing.Listed{Name: model, Parameters: "7B", Bytes: gb})
			}
			return f.pullErr
		},
		Classify: func(context.Context, Choice) (Classified, error) { return f.proof, nil },
		Plan: func(_ context.Context, _ Choice, within time.Duration) (Planned, error) {
			f.planned = within
			return f.plan, nil
		},
		ProxyOK: func(context.Context) bool { return f.proxy },
		Save:    f.save,
		Clients: func() []Client {
			return []Client{{Name: "claude-code", Title: "Claude Code", File: ".mcp.json", There: f.there, Next: "start it",
				Install: func() error { f.installs++; f.there = true; return nil }}}
		},
		Confirm: func(q string) bool { f.asked = append(f.asked, q); return f.answer(q) },
		Read:    func(string) string { return "" },
		Say:     func(string) {},
		Done:    func(Outcome) {},
	}
	return f
}

func (f *fake) setting(name string) settings.Value {
	if v, ok := f.env[name]; ok {
		return settings.Value{Name: name, Value: v, From: "environment"}
	}
	v, there := f.inFile(name)
	if there {
		return settings.Value{Name: name, Value: v, From: "config.toml"}
	}
	return settings.Value{Name: name, Value: v, From: "default"}
}

func (f *fake) inFile(name string) (string, bool) {
	if v, there := f.file[name]; there {
		return v, true
	}
	v, known := defaults[name]
	if !known {
		panic("no default of " + name)
	}
	return v, false
}

func (f *fake) save(_ context.Context, list []settings.Assignment) (bool, error) {
	if f.saveErr != nil {
		return false, f.saveErr
	}
	for _, a := range list {
		f.file[keys[a.Key]] = a.Value
	}
	return true, nil
}

// states are the outcomes as "step state".
func states(r Report) []string {
	var out []string
	for _, s := range r.Steps {
		out = append(out, s.Name+" "+string(s.State))
	}
	return out
}

func text(r Report) string {
	var b strings.Builder
	for _, s := range r.Steps {
		b.WriteString(s.Name + ": " + s.Text + " " + strings.Join(s.Fixes, " | ") + "\n")
	}
	return b.String()
}
