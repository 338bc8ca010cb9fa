package drafts

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/tools/draft"
	"github.com/fjbelchi/localmodel/tools/draft/trial"
)

// Result is what one model made of one task.
type Result struct {
	Task    string      `json:"task"`
	Model   string      `json:"model"`
	Applies bool        `json:"applies"` // the reply fits the file
	Parses  draft.State `json:"parses,omitempty"`
	Passes  draft.State `json:"passes,omitempty"` // the tests of the task
	Why     string      `json:"why,omitempty"`    // it did not pass

	Repaired  bool  `json:"repaired,omitempty"` // a second reply was asked for
	TokensIn  int   `json:"tokens_in"`
	TokensOut int   `json:"tokens_out"`
	MS        int64 `json:"ms"` // of the model, without the checks
}

// Run says what is asked of whom.
type Run struct {
	Models      []*evaluate.Model
	Tasks       []Task
	Dir         string   // where projects and scratch copies are made; it exists
	Env         []string // of the tests
	Parser      []string // the command that calls parse.Input
	Confine     []string // the command that calls trial.RunConfined
	Temperature float64  // of the code; 0 = the model maker's
	Limit       time.Duration
}

// Go runs every task on every model, model by model so that no server loads one
// twice.
func (r Run) Go(ctx context.Context, progress func(done, total int, label string)) ([]Result, error) {
	var out []Result
	total := len(r.Models) * len(r.Tasks)
	for _, m := range r.Models {
		m.Load(ctx)
		for _, t := range r.Tasks {
			progress(len(out), total, m.Name+" "+t.Name)
			one, err := r.one(ctx, m, t)
			if err != nil {
				return out, err
			}
			out = append(out, one)
		}
	}
	progress(total, total, "done")
	return out, nil
}

// one writes the task's project to a directory of its own and lets the model
// draft the change, as plan_ticket does.
func (r Run) one(ctx context.Context, m *evaluate.Model, t Task) (Result, error) {
	result := Result{Task: t.Name, Model: m.Name}
	dir := filepath.Join(r.Dir, "task-"+rand.Text())
	defer os.RemoveAll(dir) //nolint:errcheck // what is left lies in the user's state directory
	tree := filepath.Join(dir, "tree")
	if err := t.write(ctx, tree); err != nil {
		return result, err
	}
	project := trial.Project{Root: tree, Scratch: filepath.Join(r.Dir, "scratch"), Commands: []string{t.Test}, Env: r.Env, Confine: r.Confine}
	manager := draft.NewManager(draft.Config{
		Dir: filepath.Join(dir, "drafts"), Secrets: secrets.Find, Parser: r.Parser, Log: slog.New(slog.DiscardHandler),
		Read: func(ctx context.Context, _, name string) (draft.File, error) { return read(ctx, tree, name) },
		Ask:  func(ctx context.Context, p draft.Prompt) error { return r.ask(ctx, m, p, &result) },
		Commands: func(ctx context.Context, _ draft.Spec, changes []draft.Change) draft.Check {
			return project.Run(ctx, changes)
		},
	})
	defer manager.Close()
	status, err := manager.Draft(ctx, draft.Spec{
		Project: "eval", TicketID: t.Name, Ticket: t.Ticket, Plan: "1. " + t.File + ": " + t.Step,
		Targets: []draft.Target{{Path: t.File, Step: t.Step}}, Allowed: []string{t.File},
	}, nil)
	if err == nil {
		err = ctx.Err()
	}
	result.judge(status)
	return result, err
}

func (t Task) write(ctx context.Context, tree string) error {
	root, err := rootfs.Private(ctx, tree)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // each file is flushed
	for name, text := range t.Files {
		if err := root.Replace(ctx, name, []byte(text), rootfs.Write{Perm: 0o600}); err != nil {
			return err
		}
	}
	return nil
}

func read(ctx context.Context, tree, name string) (draft.File, error) {
	const most = 64 << 10
	data, err := rootfs.ReadFile(ctx, tree, name, most)
	if errors.Is(err, fs.ErrNotExist) {
		return draft.File{Path: name}, nil
	}
	return draft.File{Path: name, Text: string(data), Exists: err == nil}, err
}

func (r Run) ask(ctx context.Context, m *evaluate.Model, p draft.Prompt, result *Result) error {
	ctx, stop := context.WithTimeout(ctx, r.Limit)
	defer stop()
	start := time.Now()
	a, err := m.Asker.Complete(ctx, m.Route, routing.Request{
		Purpose: "draft", TicketID: p.TicketID, System: p.System, User: p.User, MaxTokens: p.MaxTokens,
		Sampling: routing.Sampling{Free: true, Temperature: r.Temperature},
		Accept:   p.Accept,
		Repair: func(reply []byte, defects error) string {
			result.Repaired = true
			return p.Repair(reply, defects)
		},
	})
	result.MS = time.Since(start).Milliseconds()
	attempts := a.Attempts
	if unanswered, ok := errors.AsType[*routing.Unanswered](err); ok {
		attempts = unanswered.Attempts
	}
	for _, at := range attempts {
		result.TokensIn, result.TokensOut = result.TokensIn+at.TokensIn, result.TokensOut+at.TokensOut
	}
	return err
}

// judge reads the checks of the draft.
func (r *Result) judge(s draft.Status) {
	state := func(check string) draft.State {
		word, _, _ := strings.Cut(s.Checks[check], " ")
		return draft.State(strings.TrimSuffix(word, ":"))
	}
	r.Applies = state(draft.CheckApplies) == draft.Passed
	r.Parses, r.Passes = state(draft.CheckParses), state(draft.CheckCommands)
	if r.Passes == draft.Passed {
		return
	}
	if n := len(s.Missing); n > 0 {
		r.Why = s.Missing[n-1].Why
	}
	r.Why = cmp.Or(s.Checks[draft.CheckCommands], r.Why, fmt.Sprintf("the draft is %s", s.State))
}
