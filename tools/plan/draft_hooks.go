package plan

import (
	"context"
	"errors"
	"path"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/drafts"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/draft"
	"github.com/fjbelchi/localmodel/tools/draft/trial"
	"github.com/fjbelchi/localmodel/tools/project"
)

// maxDraftFile is the size, in bytes, up to which a file is drafted.
const maxDraftFile = 64 << 10

// draftHooks are what a draft's manager needs of the rest.
type draftHooks struct{ *deps.Deps }

// NewDrafts returns the manager of drafts beneath dir. parser is the command
// that calls parse.Input. It opens nothing.
func NewDrafts(d *deps.Deps, dir string, parser ...string) *draft.Manager {
	h := draftHooks{d}
	return draft.NewManager(draft.Config{
		Dir: dir, Read: h.read, Ask: h.ask, Secrets: secrets.Find, Log: d.Log, Parser: parser,
		Commands: func(ctx context.Context, s draft.Spec, changes []draft.Change) draft.Check {
			return h.runCommands(ctx, filepath.Join(filepath.Dir(dir), "scratch"), s, changes)
		},
		Ended: h.record,
	})
}

// runCommands checks a draft by the project's own commands, where the user
// trusts them, in a copy of its working tree beneath scratch.
func (h draftHooks) runCommands(ctx context.Context, scratch string, s draft.Spec, changes []draft.Change) draft.Check {
	none := draft.Check{Name: draft.CheckCommands, State: draft.NotRun, Detail: "no command of the project was run"}
	if h.TrustedCommands == nil {
		return none
	}
	lines, why := h.TrustedCommands(ctx)
	if len(lines) == 0 {
		none.Detail += ": " + why
		return none
	}
	p := trial.Project{Root: filepath.Join(h.Root, filepath.FromSlash(s.Tree)), Scratch: scratch, Commands: lines, Confine: h.Confine}
	if h.Environ != nil {
		p.Env = h.Environ()
	}
	return p.Run(ctx, changes)
}

// record notes what came of a draft, for the guard and the statistics.
func (h draftHooks) record(ctx context.Context, e draft.Ended) error {
	const bytesPerToken = 4
	return h.Journal.RecordDraft(ctx, drafts.Draft{
		ID: e.ID, TicketID: e.Spec.TicketID,
		Key:      guard.Key{Class: e.Spec.Class, Category: e.Spec.Category, Digest: e.Spec.Digest},
		Ready:    e.Status.State == draft.StateReady,
		Verified: e.Status.Verified, Tokens: e.Bytes / bytesPerToken,
	})
}

// read reads a file that is to be changed.
func (h draftHooks) read(ctx context.Context, tree, name string) (draft.File, error) {
	if paths.Refused(name, true) != "" || project.IsLocal(name) {
		return draft.File{}, errors.New("such a file is never drafted")
	}
	if h.inSubmodule(ctx, tree, name) {
		return draft.File{}, errors.New("it lies in a repository within this one")
	}
	data, real, fault := h.Files().Read(ctx, project.InTree(tree, name), maxDraftFile)
	switch {
	case fault != nil && fault.Code == contract.CodeNotFound:
		return draft.File{Path: name}, nil
	case fault != nil:
		return draft.File{}, errors.New(fault.Cause)
	case project.IsLocal(real):
		return draft.File{}, errors.New("such a file is never drafted")
	case real != filepath.Clean(filepath.FromSlash(project.InTree(tree, name))):
		// git apply would take the link itself for the file.
		return draft.File{}, errors.New("it is reached through a link")
	case !utf8.Valid(data):
		return draft.File{}, errors.New("not text")
	}
	if _, hasKey := secrets.MaskKeys(string(data)); hasKey { // no model is shown one, and a draft may not lose it
		return draft.File{}, errors.New("it holds a private key")
	}
	return draft.File{Path: name, Text: string(data), Exists: true}, nil
}

// inSubmodule says whether a repository of its own, such as a submodule, lies
// between the working tree and the file: a patch of the tree is none for it.
func (h draftHooks) inSubmodule(ctx context.Context, tree, name string) bool {
	for dir := path.Dir(path.Clean(name)); dir != "." && dir != "/" && dir != ".."; dir = path.Dir(dir) {
		if _, err := h.Files().Stat(ctx, filepath.FromSlash(project.InTree(tree, dir)+"/.git")); err == nil {
			return true
		}
	}
	return false
}

// interruptedPause is how long a draft waits before it asks again for a slot
// that a call took.
const interruptedPause = time.Second

// ask puts a prompt to the local tier behind every interactive call.
func (h draftHooks) ask(ctx context.Context, p draft.Prompt) error {
	for {
		// A parser that panics on what a model wrote costs one file.
		_, err := contract.Safely(func() (routing.Answer, error) {
			return h.Asker.Complete(ctx, policy.OnlyLocal, routing.Request{
				Purpose: "draft", TicketID: p.TicketID, System: p.System, User: p.User,
				Remote:    func() (string, []string) { return secrets.Mask(p.User) },
				MaxTokens: p.MaxTokens, Sampling: routing.Sampling{Free: true, Temperature: h.DraftTemperature}, Background: true,
				Accept: p.Accept, Progress: p.Progress,
				// Whether the tier is on this machine is not known where the turn is worded.
				Repair: func(reply []byte, defects error) string {
					text, _ := secrets.Mask(p.Repair(reply, defects))
					return text
				},
			})
		})
		var unanswered *routing.Unanswered
		if !errors.As(err, &unanswered) || ctx.Err() != nil || len(unanswered.Attempts) == 0 ||
			unanswered.Attempts[len(unanswered.Attempts)-1].Kind != routing.Busy {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interruptedPause):
		}
	}
}
