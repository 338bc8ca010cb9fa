package plan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/drafts"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/decide"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/draft"
	"github.com/fjbelchi/localmodel/tools/draft/trial"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// maxPatchShown is how many characters of a patch stand in a result.
const maxPatchShown = 6000

// Draft is what plan_ticket says of a draft.
type Draft struct {
	draft.Status
	Text string `json:"patch,omitempty"` // the patch itself, where it is short
}

// resumeDraft answers with the plan and the draft that an earlier call began,
// as long as the ticket is the same and still the local model's.
func (r *Result) resumeDraft(ctx context.Context, d *deps.Deps, req Request) bool {
	t := req.Ticket
	spec, found := d.Drafts.Resume(d.Project, t.ID, ticketText(t))
	if !found {
		return false
	}
	state, err := d.Journal.TicketState(ctx, t.ID)
	if err != nil || state.Phase != policy.PhaseLocal || spec.Failures != failuresOf(state.TicketState) {
		return false
	}
	r.Plan, r.By, r.Owner = spec.Plan, string(policy.Local), policy.OwnerLocal
	r.Summary = t.ID + ": the plan of an earlier call"
	r.Next = next(ctx, d, t.ID)
	r.runDraft(ctx, d, spec, req.Progress)
	return true
}

// failuresOf names the failures of a ticket's gates: a draft is of use until
// there is another one.
func failuresOf(s policy.TicketState) string { return fmt.Sprint(s.Failures) }

// admitDraft asks the guard whether the ticket's change is drafted. A journal
// that cannot be read is no reason not to.
func (r *Result) admitDraft(ctx context.Context, d *deps.Deps, key guard.Key) policy.Verdict {
	records, err := d.Journal.DraftRecords(ctx)
	if !policy.ParseDraftRecord(records[key]).Decides() {
		key.Category = ""
	}
	v := policy.Verdict{Admit: true}
	if err == nil {
		err = d.Journal.Admit(ctx, key.DraftKey(), r.ID, func(state, memo []byte) (newState, newMemo []byte, err error) {
			v, newState, newMemo, err = d.Guard.AdmitDraft(decide.RecordName(key), r.ID, state, memo, time.Now())
			return newState, newMemo, err
		})
	}
	if err != nil {
		r.Warnings.Add("what became of earlier drafts was not considered: " + err.Error())
		return policy.Verdict{Admit: true}
	}
	return v
}

// addDraft drafts the change of a plan that the local tier made; key is the
// record of the guard that it counts in.
func (r *Result) addDraft(ctx context.Context, d *deps.Deps, req Request, key guard.Key, q prompts.PlanQuestion, plan []byte) error {
	t := req.Ticket
	if v := r.admitDraft(ctx, d, key); !v.Admit {
		r.Draft = &Draft{Status: draft.Status{State: draft.StateOff, Why: v.Why}}
		return nil
	}
	reply, err := q.Parse(plan)
	if err != nil {
		return fmt.Errorf("an accepted plan does not parse: %w", err)
	}
	spec := draftSpec(t, q, reply)
	if state, err := d.Journal.TicketState(ctx, t.ID); err == nil {
		spec.Failures = failuresOf(state.TicketState)
	}
	spec.Project, spec.Tree, spec.Plan = d.Project, d.Files().Tree(ctx, t), r.Plan
	spec.Class, spec.Category, spec.Digest = key.Class, key.Category, key.Digest
	r.runDraft(ctx, d, spec, req.Progress)
	return nil
}

func (r *Result) runDraft(ctx context.Context, d *deps.Deps, spec draft.Spec, p deps.Progress) {
	waiting, stop := d.UntilDeadline(ctx)
	defer stop()
	status, err := d.Drafts.Draft(waiting, spec, func(message string, done, of int) {
		if p != nil {
			p(0, 0, plain.Clip(fmt.Sprintf("%s: draft %d of %d: %s", r.ID, done, of, message), 120))
		}
	})
	if err != nil {
		r.Warnings.Add("no draft: " + project.Cause(err))
		return
	}
	status.Missing = slices.Concat(status.Missing, spec.Missing)
	r.Draft = &Draft{Status: status}
	switch status.State {
	case draft.StateWriting:
		r.Next = fmt.Sprintf("The draft is being written (%d of %d files). Call plan_ticket again to wait for it, or go on without it. ", status.Done, status.Of) + r.Next
	case draft.StateReady:
		r.Draft.Text = shortPatch(ctx, d.Drafts.Dir(), status.Patch)
		r.Next = "A verified draft is in patch_file: git apply --check it, git apply it, let a sub-agent finish what is missing, then run the gates; gate implement takes draft: applied, edited or discarded. " + r.Next
		if !status.Verified {
			r.Next = strings.Replace(r.Next, "A verified draft", "A draft, not verified in full (see checks),", 1)
		}
		if text, err := contract.Encode(r); err != nil || utf8.RuneCount(text) > MaxResult {
			r.Draft.Text = "" // it is in patch_file
		}
	}
}

// shortPatch reads a patch that is short enough to be shown.
func shortPatch(ctx context.Context, dir, file string) string {
	name, found := strings.CutPrefix(file, dir+string(os.PathSeparator))
	if !found {
		return ""
	}
	data, err := rootfs.ReadFile(ctx, dir, name, 4*maxPatchShown)
	if err != nil || !utf8.Valid(data) || utf8.RuneCount(data) > maxPatchShown {
		return ""
	}
	return string(data)
}

// draftSpec lists the files of a plan in its order: those of its steps, then
// the tests that are in none. What a model cannot draft is in Missing.
func draftSpec(t ticket.Ticket, q prompts.PlanQuestion, reply prompts.PlanReply) draft.Spec {
	s := draft.Spec{TicketID: t.ID, Ticket: ticketText(t)}
	for _, step := range q.Steps(reply) {
		s.Allowed = append(s.Allowed, step.File)
		if step.Action == "delete" {
			s.Missing = append(s.Missing, draft.Missing{File: plain.Line(step.File), Why: "to be deleted: left to you"})
			continue
		}
		s.Targets = append(s.Targets, draft.Target{
			Path: step.File, Create: step.Action == "create",
			Step: strings.TrimSpace(step.What + "\nWhere: " + step.Where + "\nHow: " + step.Approach),
		})
	}
	for _, test := range q.Tests(reply) {
		if test.File == "" || slices.Contains(s.Allowed, test.File) || paths.Refused(test.File, false) != "" {
			continue
		}
		s.Allowed = append(s.Allowed, test.File)
		s.Targets = append(s.Targets, draft.Target{
			Path: test.File, Create: true, Step: "Add the test " + test.Name + ". It checks: " + test.Checks,
		})
	}
	return s
}

// ticketText is the ticket with its title.
func ticketText(t ticket.Ticket) string {
	if t.Title == "" || strings.Contains(t.Body, t.Title) {
		return t.Body
	}
	return t.Title + "\n\n" + t.Body
}

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
