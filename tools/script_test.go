package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/tools/contract"
)

// script imitates the router with answers known beforehand, and states of
// health that real servers cannot be put into on demand.
type script struct {
	complete func(ctx context.Context, route policy.Route, req routing.Request) (routing.Answer, error)
	health   routing.Health
	slow     bool // a look takes until its time is over
	preload  error
}

func (s *script) Complete(ctx context.Context, route policy.Route, req routing.Request) (routing.Answer, error) {
	if s.complete == nil {
		return routing.Answer{}, &routing.Unanswered{Attempts: []routing.Attempt{
			{Tier: policy.Local, Kind: routing.Unavailable, Reason: "Ollama is not reachable at http://127.0.0.1:11434 (connection refused)"},
			{Tier: policy.Cheap, Kind: routing.Unavailable, Reason: "LiteLLM is not reachable at http://127.0.0.1:8000 (connection refused)"},
		}}
	}
	return s.complete(ctx, route, req)
}

func (s *script) Digest(context.Context) string { return "d1" }
func (s *script) Preload(context.Context) error { return s.preload }

func (s *script) Health(ctx context.Context, _ bool) routing.Health {
	if s.slow {
		<-ctx.Done()
	}
	return s.health
}

// says answers every question with one text, on one tier.
func says(text string, a routing.Answer) func(context.Context, policy.Route, routing.Request) (routing.Answer, error) {
	return func(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
		if err := req.Accept([]byte(text)); err != nil {
			return routing.Answer{}, fmt.Errorf("the script is wrong: %w", err)
		}
		a.Text = []byte(text)
		if a.Tier == "" {
			a.Tier = policy.Local
		}
		a.Model, a.MS = "scripted:1b", 42
		return a, nil
	}
}

// bench is the tools on a project and a journal of their own.
type bench struct {
	*Deps
	t   *testing.T
	log bytes.Buffer
}

func newBench(t *testing.T, s *script) *bench {
	t.Helper()
	b := &bench{t: t}
	root := t.TempDir()
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	store := statestore.New(journal.Options{State: filepath.Join(root, "state", "journal.db"), Root: root, Log: log})
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b.Deps = &Deps{Root: root, Model: "scripted:1b", NumCtx: 8192, Deadline: time.Minute, Guard: policy.Guard{Mode: policy.Adaptive},
		Asker: s, Journal: store, CloudAllowed: true, Log: log}
	return b
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) tool(name string) Tool {
	b.t.Helper()
	for _, tool := range All(b.Deps) {
		if tool.Declaration.Name == name {
			return tool
		}
	}
	b.t.Fatalf("no tool %s", name)
	return Tool{}
}

// run calls a tool and holds what is true of every result.
func (b *bench) run(name string, arguments any) gjson.Result {
	b.t.Helper()
	tool := b.tool(name)
	text := []byte(b.runRaw(name, arguments).Raw)
	if err := validate(compileSchema(b.t, string(tool.Declaration.RawOutputSchema)), text); err != nil {
		b.t.Errorf("%s: the result does not fit its schema: %v\n%s", name, err, text)
	}
	holdsValues(b.t, name, gjson.ParseBytes(text))
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil || compact.String() != string(text) {
		b.t.Errorf("%s: the result is not compact (%v): %s", name, err, text)
	}
	return gjson.ParseBytes(text)
}

// runRaw calls a tool.
func (b *bench) runRaw(name string, arguments any) gjson.Result {
	b.t.Helper()
	in, err := json.Marshal(arguments)
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := b.tool(name).Run(b.t.Context(), b.Deps, Call{Arguments: in})
	if err != nil {
		b.t.Fatalf("%s %.200s: %v", name, in, err)
	}
	return gjson.ParseBytes(text)
}

// holdsValues holds that a key without a value is left out.
func holdsValues(t *testing.T, path string, v gjson.Result) {
	t.Helper()
	switch {
	case v.Type == gjson.Null:
		t.Errorf("%s is null", path)
	case v.Type == gjson.String && v.Str == "":
		t.Errorf("%s is empty", path)
	case v.Type == gjson.String && strings.ContainsRune(v.Str, '\uFFFD'):
		t.Errorf("%s is not whole: %q", path, v.Str)
	case v.IsObject() || v.IsArray():
		i := 0
		v.ForEach(func(key, value gjson.Result) bool {
			name := key.Str
			if name == "" {
				name = fmt.Sprint(i)
			}
			i++
			holdsValues(t, path+"."+name, value)
			return true
		})
	}
}

// refuses calls a tool and expects an error.
func (b *bench) refuses(ctx context.Context, name string, arguments any, code string) *contract.Error {
	b.t.Helper()
	in, err := json.Marshal(arguments)
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := b.tool(name).Run(ctx, b.Deps, Call{Arguments: in})
	if err == nil {
		b.t.Fatalf("%s %.100s: %s, want %s", name, in, text, code)
	}
	holdsErrorForm(b.t, err, code)
	var e *contract.Error
	errors.As(err, &e)
	return e
}

type args = map[string]any
