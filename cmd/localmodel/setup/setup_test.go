package setup

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/routing"
)

var (
	small  = routing.Listed{Name: "smollm2:135m", Parameters: "135M", Bytes: 98_000_000, MaxContext: 8192}
	seven  = routing.Listed{Name: "qwen2.5-coder:7b", Parameters: "7.6B", Bytes: 4.7 * gb, MaxContext: 32768, ContextBytes: 1.88 * gb}
	thirty = routing.Listed{Name: "qwen3-coder:30b", Parameters: "30.5B", Bytes: 18.6 * gb, MaxContext: 262144, ContextBytes: 3.2 * gb}
	plain8 = routing.Listed{Name: "llama3.1:8b", Parameters: "8.0B", Bytes: 4.9 * gb, MaxContext: 131072, ContextBytes: 4.3 * gb}
)

func TestRun(t *testing.T) {
	yes := Options{Yes: true}
	noProxy := map[string]string{"LOCALMODEL_FALLBACK": ""}
	with := func(model, window string) map[string]string {
		m := map[string]string{"LOCALMODEL_FALLBACK": "", "LOCALMODEL_MODEL": model}
		if window != "" {
			m["LOCALMODEL_NUM_CTX"] = window
		}
		return m
	}
	ready := []string{"server same", "model same", "proof done", "plan done", "proxy done", "config done", "clients done"}
	for _, c := range []struct {
		name   string
		change func(*fake)
		o      Options
		exit   int
		states []string
		file   map[string]string
		pulled []string
		says   string
	}{
		{"no Ollama", func(f *fake) { f.servers = nil }, yes, ExitMissing,
			[]string{"server missing", "model missing", "proxy done", "config done", "clients done"}, noProxy, nil, "ollama.com/install.sh"},
		{"no Ollama on Windows", func(f *fake) { f.servers, f.OS = nil, "windows" }, yes, ExitMissing, nil, noProxy, nil, "winget install Ollama.Ollama"},
		{"no Ollama on a Mac", func(f *fake) { f.servers, f.OS = nil, "darwin" }, yes, ExitMissing, nil, noProxy, nil, "brew install ollama"},
		{"installed and down", func(f *fake) { f.servers, f.Ollama = nil, "/usr/bin/ollama" }, yes, 0,
			[]string{"server done", "model same", "proof done", "plan done", "proxy done", "config done", "clients done"}, with("qwen2.5-coder:7b", ""), nil, "started"},
		{"no model, 64 GB", func(f *fake) { f.servers = ollamaWith() }, yes, 0,
			[]string{"server same", "model done", "proof done", "plan done", "proxy done", "config done", "clients done"}, noProxy, []string{"qwen3-coder:30b"}, ""},
		{"no model, 8 GB", func(f *fake) { f.servers, f.Room.Memory = ollamaWith(), 8*gb }, yes, 0, nil,
			with("qwen2.5-coder:7b", ""), []string{"qwen2.5-coder:7b"}, ""},
		{"no model, and it does not fit the disk", func(f *fake) {
			f.servers, f.Free = ollamaWith(), func() int64 { return gb }
		}, yes, ExitMissing, nil, noProxy, nil, "does not fit the disk"},
		{"a small model", func(f *fake) { f.servers = ollamaWith(small) }, yes, 0, ready, with("smollm2:135m", "8192"), nil,
			"localmodel setup --model qwen3-coder:30b"},
		{"three models", func(f *fake) { f.servers = ollamaWith(small, plain8, thirty) }, yes, 0, ready, noProxy, nil, "qwen3-coder:30b, 30.5B"},
		{"three models, 8 GB", func(f *fake) {
			f.servers, f.Room.Memory = ollamaWith(small, thirty, seven), 8*gb
		}, yes, 0, ready, with("qwen2.5-coder:7b", "16384"), nil, "with a context of 16384 tokens"},
		{"a cloud model counts for nothing", func(f *fake) {
			f.servers = ollamaWith(routing.Listed{Name: "big:cloud"}, routing.Listed{Name: "alias", Remote: "ollama.com"}, seven)
		}, yes, 0, ready, with("qwen2.5-coder:7b", ""), nil, ""},
		{"a model that is named", func(f *fake) {}, Options{Yes: true, Model: "mine:1b"}, 0, nil, with("mine:1b", ""), []string{"mine:1b"}, "fetched"},
		{"the configured model is there", func(f *fake) {
			f.servers, f.file = ollamaWith(small, thirty), map[string]string{"LOCALMODEL_MODEL": "smollm2:135m"}
		}, yes, 0, ready, with("smollm2:135m", "8192"), nil, "as configured"},
		{"the configured model cannot be fetched", func(f *fake) {
			f.pullErr, f.file = errors.New("no such model"), map[string]string{"LOCALMODEL_MODEL": "gone"}
		}, yes, ExitMissing, nil, with("gone", ""), []string{"gone"}, "no such model"},
		{"a read-only config directory", func(f *fake) { f.saveErr = fs.ErrPermission }, yes, ExitFailed,
			[]string{"server same", "model same", "proof done", "plan done", "proxy done", "config failed", "clients done"}, map[string]string{}, nil, `add by hand, or set as variables: model = "qwen2.5-coder:7b"`},
		{"another server", func(f *fake) {
			f.servers = []Server{{Kind: "openai", Title: "LM Studio", URL: "http://127.0.0.1:1234", Models: []routing.Listed{{Name: "some-coder"}}}}
		}, yes, 0, ready, map[string]string{"LOCALMODEL_FALLBACK": "", "LOCALMODEL_MODEL": "some-coder",
			"LOCALMODEL_LOCAL": "openai", "LOCALMODEL_LOCAL_URL": "http://127.0.0.1:1234"}, nil, "LM Studio"},
		{"a fleet", func(f *fake) { f.env["LOCALMODEL_LOCAL"] = "proxy" }, yes, 0,
			[]string{"server same", "proxy done", "config done", "clients done"}, noProxy, nil, "group free"},
		{"a proxy answers", func(f *fake) { f.proxy = true }, yes, 0, nil, map[string]string{"LOCALMODEL_MODEL": "qwen2.5-coder:7b"}, nil, "LiteLLM proxy answers"},
		{"a proxy is wanted", func(f *fake) { f.file["LOCALMODEL_FALLBACK"] = "" }, Options{Yes: true, Proxy: true}, 0, nil,
			map[string]string{"LOCALMODEL_MODEL": "qwen2.5-coder:7b", "LOCALMODEL_FALLBACK": "cheap,balanced"}, nil, "does not answer yet"},
		{"the plan is not accepted", func(f *fake) { f.plan.By = "template" }, yes, 0, ready, with("qwen2.5-coder:7b", ""), nil, "plans come from template"},
		{"the model is unsure", func(f *fake) { f.servers, f.proof.Confidence = ollamaWith(small), .44 }, yes, 0, ready, with("smollm2:135m", "8192"), nil,
			"confidence 0.44, and below 0.60 the rules classify instead. Expect that of most tickets with this model \nplan: planned in 8.0 s \n"},
		{"the best model is unsure", func(f *fake) { f.servers, f.proof.Confidence = ollamaWith(thirty), .44 }, yes, 0, ready, noProxy, nil,
			"Expect that of most tickets with this model \nplan: planned in 8.0 s \n"},
		{"the model does not answer", func(f *fake) { f.proof.By, f.proof.Why = "rules", "local slow" }, yes, ExitMissing, nil,
			with("qwen2.5-coder:7b", ""), nil, "local slow"},
		{"a plan would take too long", func(f *fake) { f.proof.Took = 40 * time.Second }, yes, 0,
			[]string{"server same", "model same", "proof done", "plan refused", "proxy done", "config done", "clients done"}, with("qwen2.5-coder:7b", ""), nil,
			"not tried: at this speed it takes 80.0 s or more, and LOCALMODEL_DEADLINE allows 55.0 s, so expect plans from templates localmodel setup --model qwen3-coder:30b"},
		{"a classification takes too long", func(f *fake) { f.proof.Took = 56 * time.Second }, yes, 0, nil, with("qwen2.5-coder:7b", ""), nil,
			"classified in 56.0 s (BUG, low); that is more than LOCALMODEL_DEADLINE allows, 55.0 s; later ones are faster"},
		{"all is refused", func(f *fake) { f.answer = func(string) bool { return false } }, Options{}, 0,
			[]string{"server same", "model same", "proof refused", "proxy done", "config refused", "clients refused"}, map[string]string{}, nil, ""},
		{"nobody to ask", func(f *fake) { f.Terminal = false }, Options{}, ExitNobody,
			[]string{"server same", "model same", "proof would", "proxy would", "config would", "clients would"}, map[string]string{}, nil, "would write"},
		{"a dry run", func(f *fake) {}, Options{DryRun: true, Yes: true}, 0,
			[]string{"server same", "model same", "proof would", "proxy would", "config would", "clients would"}, map[string]string{}, nil, ""},
		{"a dry run, no model", func(f *fake) { f.servers = ollamaWith() }, Options{DryRun: true}, 0,
			[]string{"server same", "model would", "proof would", "proxy would", "config would", "clients would"}, map[string]string{}, nil, "would fetch qwen3-coder:30b (19.0 GB, Apache-2.0 licence, 100.0 GB free on the disk)"},
		{"steps left out", func(f *fake) {}, Options{Yes: true, Skip: []string{"proof", "clients", "proxy"}}, 0,
			[]string{"server same", "model same", "proof refused", "proxy refused", "config done", "clients refused"},
			map[string]string{"LOCALMODEL_MODEL": "qwen2.5-coder:7b"}, nil, ""},
		{"a remote server", func(f *fake) {
			f.servers[0].Remote, f.servers[0].URL = "box is not on this machine", "http://box:11434"
		}, yes, 0, ready,
			map[string]string{"LOCALMODEL_MODEL": "qwen2.5-coder:7b", "OLLAMA_HOST": "http://box:11434", "LOCALMODEL_FALLBACK": ""}, nil, "is remote"},
		{"an agent fetches nothing", func(f *fake) { f.servers, f.Agent = ollamaWith(), "CLAUDECODE" }, Options{Yes: true, Model: "huge"}, ExitMissing,
			nil, noProxy, nil, "ollama pull huge"},
		{"an agent takes no remote server", func(f *fake) {
			f.servers[0].Remote, f.Agent = "box is not on this machine", "CLAUDECODE"
		}, yes, ExitMissing, nil, noProxy, nil, "unset OLLAMA_HOST"},
		{"an agent allows no proxy", func(f *fake) { f.Agent = "CLAUDECODE" }, Options{Yes: true, Proxy: true}, 0, nil,
			map[string]string{"LOCALMODEL_MODEL": "qwen2.5-coder:7b"}, nil, "paid calls are the user's to allow"},
		{"an agent sets up what is there", func(f *fake) { f.Agent = "CLAUDECODE" }, yes, 0, ready, with("qwen2.5-coder:7b", ""), nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			c.change(f)
			r, err := Run(t.Context(), c.o, f.Host)
			if err != nil {
				t.Fatal(err)
			}
			if r.Exit != c.exit || c.states != nil && !slices.Equal(states(r), c.states) || !strings.Contains(text(r), c.says) {
				t.Errorf("exit %d, want %d; %v, want %v and %q in\n%s", r.Exit, c.exit, states(r), c.states, c.says, text(r))
			}
			if d := cmp.Diff(c.file, f.file); d != "" {
				t.Errorf("config.toml (-want +got):\n%s", d)
			}
			if !slices.Equal(f.pulled, c.pulled) {
				t.Errorf("fetched %v, want %v", f.pulled, c.pulled)
			}
			if (c.o.DryRun || c.exit == ExitNobody) && (f.installs > 0 || f.started) {
				t.Error("a dry run did something")
			}
			if (c.o.Yes || c.o.DryRun) && len(f.asked) > 0 {
				t.Errorf("asked %q", f.asked)
			}
		})
	}
}

// TestRun_TimeOfAPlan holds that classification and plan together keep to what
// a waiting person has patience for, or what the user's own deadline allows.
func TestRun_TimeOfAPlan(t *testing.T) {
	for _, c := range []struct{ classified, deadline, want time.Duration }{
		{time.Second, 55 * time.Second, 99 * time.Second},
		{33 * time.Second, 55 * time.Second, 67 * time.Second},
		{34 * time.Second, 55 * time.Second, 0},
		{2 * time.Minute, 5 * time.Minute, 5 * time.Minute},
	} {
		f := newFake()
		f.proof.Took, f.Deadline = c.classified, c.deadline
		if _, err := Run(t.Context(), Options{Yes: true}, f.Host); err != nil || f.planned != c.want {
			t.Errorf("classified in %v, deadline %v: the plan had %v, want %v; %v", c.classified, c.deadline, f.planned, c.want, err)
		}
	}
}

// What a model is worth that is too unsure is the last thing that is read.
func TestRun_UnsureLeadsToABetterModel(t *testing.T) {
	f := newFake()
	f.servers, f.proof.Confidence = ollamaWith(small), .44
	r, err := Run(t.Context(), Options{Yes: true}, f.Host)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	r.Print(&out)
	got := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"Next: a better model: localmodel setup --model qwen3-coder:30b (19.0 GB",
		"Set up, but rules will classify most tickets: smollm2:135m is too unsure.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// Who says no to a file does not read that all is set up.
func TestRun_VerdictOfARefusal(t *testing.T) {
	for answer, want := range map[bool]string{true: "Set up. localmodel doctor", false: "Set up, but for what is marked - above"} {
		f := newFake()
		f.answer = func(string) bool { return answer }
		r, err := Run(t.Context(), Options{}, f.Host)
		if got := r.verdict(); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%v to all: got %q, %v; want %q", answer, got, err, want)
		}
	}
}

// Another run finds all as it should be.
func TestRun_AgainChangesNothing(t *testing.T) {
	f := newFake()
	f.servers = ollamaWith(small)
	if _, err := Run(t.Context(), Options{Yes: true}, f.Host); err != nil {
		t.Fatal(err)
	}
	saved := false
	f.Save = func(context.Context, []settings.Assignment) (bool, error) { saved = true; return true, nil }
	r, err := Run(t.Context(), Options{Yes: true}, f.Host)
	want := []string{"server same", "model same", "proof done", "plan done", "proxy same", "config same", "clients same"}
	if err != nil || !slices.Equal(states(r), want) || saved || f.installs != 1 || len(f.pulled) > 0 {
		t.Errorf("%v, %v, saved %v, %d installs, fetched %v", states(r), err, saved, f.installs, f.pulled)
	}
}

// TestRun_InterruptedReportsOnlyWhatWasDone holds that the step at work when it
// happens is not reported: neither an unanswered question nor a trial that was
// canceled says anything of the machine.
func TestRun_InterruptedReportsOnlyWhatWasDone(t *testing.T) {
	for name, c := range map[string]struct {
		interrupt func(f *fake, cancel func())
		want      []string
	}{
		"in a question": {func(f *fake, cancel func()) {
			f.servers = ollamaWith(small, plain8)
			f.Read = func(string) string { cancel(); return "" }
		}, []string{"server same"}},
		"in the classification": {func(f *fake, cancel func()) {
			f.Classify = func(context.Context, Choice) (Classified, error) {
				cancel()
				return Classified{}, errors.New("E_CANCELED")
			}
		}, []string{"server same", "model same"}},
		"in the plan": {func(f *fake, cancel func()) {
			f.Plan = func(context.Context, Choice, time.Duration) (Planned, error) {
				cancel()
				return Planned{By: "template"}, nil
			}
		}, []string{"server same", "model same", "proof done"}},
	} {
		f := newFake()
		ctx, cancel := context.WithCancel(t.Context())
		c.interrupt(f, cancel)
		r, err := Run(ctx, Options{}, f.Host)
		var got []string
		for _, step := range r.Steps {
			got = append(got, step.Name+" "+string(step.State))
		}
		if d := cmp.Diff(c.want, got); d != "" || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
}

// TestRun_Interrupted holds that nothing is written after an interrupted
// download, and that another run goes on.
func TestRun_Interrupted(t *testing.T) {
	f := newFake()
	f.servers = ollamaWith()
	ctx, cancel := context.WithCancel(t.Context())
	pull := f.Pull
	f.Pull = func(ctx context.Context, _ Server, _ string) error { cancel(); return ctx.Err() }
	r, err := Run(ctx, Options{Yes: true}, f.Host)
	if !errors.Is(err, context.Canceled) || len(f.file) > 0 || f.installs > 0 || !strings.Contains(text(r), "what is fetched stays") {
		t.Errorf("%v, wrote %v, %d installs\n%s", err, f.file, f.installs, text(r))
	}
	f.Pull = pull
	r, err = Run(t.Context(), Options{Yes: true}, f.Host)
	if err != nil || r.Exit != 0 || f.file["LOCALMODEL_FALLBACK"] != "" || f.installs != 1 {
		t.Errorf("again: %v, exit %d, wrote %v", err, r.Exit, f.file)
	}
}

// What a person is asked names the file, the size and the free space.
func TestRun_Questions(t *testing.T) {
	f := newFake()
	f.servers = ollamaWith()
	if _, err := Run(t.Context(), Options{}, f.Host); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(f.asked, "\n")
	for _, want := range []string{
		"Fetch qwen3-coder:30b (19.0 GB, Apache-2.0 licence, 100.0 GB free on the disk)?",
		"Try it: one classification and one plan by qwen3-coder:30b?",
		"Ask cloud models through a LiteLLM proxy",
		"Add localmodel to Claude Code (.mcp.json)?",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if _, err := Run(t.Context(), Options{Skip: []string{"modelx"}}, f.Host); err == nil || !strings.Contains(err.Error(), "server, model") {
		t.Errorf("an unknown step: %v", err)
	}
}

func TestBillions(t *testing.T) {
	for text, want := range map[string]float64{"30.5B": 30.5, "135M": .135, "111K": .000111, "1.2T": 1200, "": 0, "many": 0, "-1B": 0} {
		if got := billions(routing.Listed{Parameters: text}); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
