package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/draft"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// maxDraftFile is the size, in bytes, up to which a file is drafted.
const maxDraftFile = 64 << 10

// maxPatchShown is how many characters of a patch stand in a result.
const maxPatchShown = 6000

// draftResult is what plan_ticket says of a draft.
type draftResult struct {
	draft.Status
	Text string `json:"patch,omitempty"` // the patch itself, where it is short
}

// NewDrafts returns the manager of drafts beneath dir. parser is the command
// that calls draft.ParseInput. It opens nothing.
func (d *Deps) NewDrafts(dir string, parser ...string) *draft.Manager {
	return draft.NewManager(draft.Config{
		Dir: dir, Read: d.readDraftFile, Ask: d.askDraft, Secrets: secrets.Find, Log: d.Log, Parser: parser,
	})
}

// wantsDraft says whether the call asks for one, and whether there can be any.
func (d *Deps) wantsDraft(in planInput) bool {
	if d.Drafts == nil {
		return false
	}
	if in.Draft != nil {
		return *in.Draft
	}
	return d.DraftDefault
}

// resumeDraft answers with the plan and the draft that an earlier call began,
// as long as the ticket is the same and still the local model's.
func (d *Deps) resumeDraft(ctx context.Context, r *planResult, t ticket.Ticket, p progress) bool {
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
	r.Next = d.nextAfterPlan(ctx, t.ID)
	d.runDraft(ctx, r, spec, p)
	return true
}

// failuresOf names the failures of a ticket's gates: a draft is of use until
// there is another one.
func failuresOf(s policy.TicketState) string { return fmt.Sprint(s.Failures) }

// addDraft drafts the change of a plan that the local tier made.
func (d *Deps) addDraft(ctx context.Context, r *planResult, t ticket.Ticket, q prompts.PlanQuestion, plan []byte, p progress) error {
	reply, err := q.Parse(plan)
	if err != nil {
		return fmt.Errorf("an accepted plan does not parse: %w", err)
	}
	spec := draftSpec(t, q, reply)
	if state, err := d.Journal.TicketState(ctx, t.ID); err == nil {
		spec.Failures = failuresOf(state.TicketState)
	}
	spec.Project, spec.Tree, spec.Plan = d.Project, d.treeOf(ctx, t), r.Plan
	d.runDraft(ctx, r, spec, p)
	return nil
}

func (d *Deps) runDraft(ctx context.Context, r *planResult, spec draft.Spec, p progress) {
	waiting, stop := d.asking(ctx)
	defer stop()
	status, err := d.Drafts.Draft(waiting, spec, func(message string, done, of int) {
		if p != nil {
			p(0, 0, clip(fmt.Sprintf("%s: draft %d of %d: %s", r.ID, done, of, message), 120))
		}
	})
	if err != nil {
		r.warn("no draft: " + cause(err))
		return
	}
	status.Missing = slices.Concat(status.Missing, spec.Missing)
	r.Draft = &draftResult{Status: status}
	switch status.State {
	case draft.StateWriting:
		r.Next = fmt.Sprintf("The draft is being written (%d of %d files). Call plan_ticket again to wait for it, or go on without it. ", status.Done, status.Of) + r.Next
	case draft.StateReady:
		r.Draft.Text = shortPatch(ctx, d.Drafts.Dir(), status.Patch)
		r.Next = "A verified draft is in patch_file: git apply --check it, git apply it, let a sub-agent finish what is missing, then run the gates. " + r.Next
		if !status.Verified {
			r.Next = strings.Replace(r.Next, "A verified draft", "A draft, not verified in full (see checks),", 1)
		}
		if text, err := encode(r); err != nil || utf8.RuneCount(text) > maxPlanResult {
			r.Draft.Text = "" // it stands in patch_file
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
	for _, step := range q.Ordered(reply) {
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
	for _, test := range q.TestsOf(reply) {
		if test.File == "" || slices.Contains(s.Allowed, test.File) || prompts.Refused(test.File, false) != "" {
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

// readDraftFile reads a file that is to be changed.
func (d *Deps) readDraftFile(ctx context.Context, tree, path string) (draft.File, error) {
	if prompts.Refused(path, true) != "" || isLocal(path) {
		return draft.File{}, errors.New("such a file is never drafted")
	}
	data, real, fault := d.readFile(ctx, inTree(tree, path), maxDraftFile)
	switch {
	case fault != nil && fault.Code == codeNotFound:
		return draft.File{Path: path}, nil
	case fault != nil:
		return draft.File{}, errors.New(fault.Cause)
	case isLocal(real):
		return draft.File{}, errors.New("such a file is never drafted")
	case real != filepath.Clean(filepath.FromSlash(inTree(tree, path))):
		// git apply would take the link itself for the file.
		return draft.File{}, errors.New("it is reached through a link")
	case !utf8.Valid(data):
		return draft.File{}, errors.New("not text")
	}
	if _, hasKey := secrets.MaskKeys(string(data)); hasKey { // no model is shown one, and a draft may not lose it
		return draft.File{}, errors.New("it holds a private key")
	}
	return draft.File{Path: path, Text: string(data), Exists: true}, nil
}

// interruptedPause is how long a draft waits before it asks again for a slot
// that a call took.
const interruptedPause = time.Second

// askDraft puts a prompt to the local tier behind every interactive call.
func (d *Deps) askDraft(ctx context.Context, p draft.Prompt) error {
	for {
		// A parser that panics on what a model wrote costs one file.
		_, err := safely(func() (routing.Answer, error) {
			return d.Asker.Complete(ctx, policy.OnlyLocal, routing.Request{
				Purpose: "draft", TicketID: p.TicketID, System: p.System, User: p.User,
				Remote: func() (string, []string) {
					text, kinds := secrets.Mask(p.User)
					return text, kinds
				},
				MaxTokens: p.MaxTokens, Sampling: routing.Sampling{Free: true}, Background: true,
				Accept: p.Accept, Repair: withoutSecretsIn(p.Repair), Progress: p.Progress,
			})
		})
		var unanswered *routing.Unanswered
		if err == nil || ctx.Err() != nil || !errors.As(err, &unanswered) || !interrupted(unanswered) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interruptedPause):
		}
	}
}

// withoutSecretsIn masks what a repair turn shows of the file: whether the tier
// is on this machine is not known where the turn is worded.
func withoutSecretsIn(repair func([]byte, error) string) func([]byte, error) string {
	if repair == nil {
		return nil
	}
	return func(reply []byte, defects error) string {
		text, _ := secrets.Mask(repair(reply, defects))
		return text
	}
}

func interrupted(u *routing.Unanswered) bool {
	return len(u.Attempts) > 0 && u.Attempts[len(u.Attempts)-1].Kind == routing.Busy
}
