package tools

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/policy/category"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/decide"
	"github.com/fjbelchi/localmodel/tools/references"
)

//go:embed record_gate_outcome.md
var recordGateOutcomeDescription string

var recordGateOutcomeSpec = spec{
	name: "record_gate_outcome", title: "Record a gate outcome", description: recordGateOutcomeDescription,
	hint: "result pass fail test statistics",
	input: `{"type":"object","additionalProperties":false,"required":["ticket_id","gate","outcome"],"properties":{` +
		`"ticket_id":{"type":"string","minLength":1,"maxLength":100},` +
		`"gate":{"type":"string","enum":` + enum(policy.Gates()) + `},` +
		`"outcome":{"type":"string","enum":` + enum([]policy.Outcome{policy.Pass, policy.Fail}) + `},` +
		`"event_id":{"type":"string","maxLength":200},` +
		`"route":{"type":"string","enum":` + enum([]policy.Owner{policy.OwnerLocal, policy.OwnerCloud}) + `},` +
		`"quality_score":{"type":"number","minimum":0,"maximum":100},` +
		`"draft":{"type":"string","enum":` + enum(policy.DraftUses()) + `},` +
		`"evidence":{"type":"string","maxLength":8000}}}`,
	output: `{"type":"object","additionalProperties":false,"required":["summary","action","next_event_id","stats"],"properties":{` +
		`"summary":{"type":"string"},"action":{"type":"string"},"next_event_id":{"type":"string"},"repeated":{"type":"boolean"},` +
		`"if_new_event_id":{"type":"string"},"owner":{"type":"string"},` +
		`"escalate_to":{"type":"string"},"message":{"type":"string"},"handoff":{"type":"string"},"stats":{"type":"object"},` +
		`"warnings":{"type":"array","items":{"type":"string"}}}}`,
}

// enum renders the values of a type as a JSON array, for a schema.
func enum[T ~string](values []T) string {
	text, _ := json.Marshal(values) // strings always marshal
	return string(text)
}

type recordInput struct {
	TicketID     string   `json:"ticket_id"`
	Gate         string   `json:"gate"`
	Outcome      string   `json:"outcome"`
	EventID      string   `json:"event_id"`
	Route        string   `json:"route"`
	QualityScore *float64 `json:"quality_score"`
	Evidence     string   `json:"evidence"`
	Draft        string   `json:"draft"`
}

type recordResult struct {
	Summary     string        `json:"summary"`
	Action      policy.Action `json:"action"`
	Owner       policy.Owner  `json:"owner"` // whose ticket it is from here
	NextEventID string        `json:"next_event_id"`
	Repeated    bool          `json:"repeated,omitempty"`
	// IfNewEventID comes with Repeated: the id to use if the gate ran anew.
	IfNewEventID string `json:"if_new_event_id,omitempty"`

	EscalateTo string            `json:"escalate_to,omitempty"`
	Message    string            `json:"message,omitempty"`
	Handoff    string            `json:"handoff,omitempty"`
	Stats      projection.Stats  `json:"stats"`
	Warnings   contract.Warnings `json:"warnings,omitempty"`
}

func recordGateOutcome(ctx context.Context, d *Deps, in recordInput, call Call) (*recordResult, error) {
	o := statestore.Outcome{Gate: policy.Gate(in.Gate), Outcome: policy.Outcome(in.Outcome),
		EventID: in.EventID, ToolUseID: call.ToolUseID, Route: policy.Owner(in.Route), Quality: in.QualityScore, Evidence: in.Evidence, Draft: policy.DraftUse(in.Draft)}
	if o.Draft != "" && o.Gate != policy.Implement {
		return nil, &contract.Error{Code: contract.CodeArgument, Cause: fmt.Sprintf("draft goes with gate %s alone, not with %s", policy.Implement, o.Gate),
			Next: "Record this gate without draft."}
	}
	var unseen string
	o.TicketID, unseen = references.RecordedID(ctx, d.Files(), d.Journal, &d.SeenIDs, strings.TrimSpace(in.TicketID))
	if err := paths.CheckID(o.TicketID); err != nil {
		return nil, &contract.Error{Code: contract.CodeArgument, Cause: "ticket_id: " + err.Error(), Next: "Send the id that classify_ticket or plan_ticket gave.", Err: err}
	}
	if o.Route == policy.OwnerLocal {
		o.Default = guard.Key{Class: string(policy.Medium), Category: string(category.Task), Digest: decide.GuardDigest(ctx, d)}
	}
	rec, err := d.Journal.Record(ctx, o, func(state []byte, c statestore.Closed) ([]byte, error) {
		return d.Guard.Settle(c.TicketID, state, c.Escalated, time.Now())
	})
	if err != nil {
		return nil, storeError(err)
	}
	d.SeenIDs.Store(o.TicketID, true)
	r := &recordResult{Action: rec.Action, Owner: rec.Owner, NextEventID: rec.NextEventID, Repeated: rec.Repeated, IfNewEventID: rec.IfNewEventID,
		EscalateTo: rec.EscalateTo, Message: rec.Message, Stats: rec.Stats}
	if rec.Action == policy.Escalate && rec.Attempt != nil {
		r.Handoff = handoff(*rec.Attempt, in.Gate)
	}
	if !d.CloudAllowed {
		r.stayHere(rec.Route)
	}
	r.Warnings.Add(unseen)
	r.Warnings.Add(rec.Warnings...)
	r.Summary = fmt.Sprintf("%s %s %s (%s ticket): %s", o.TicketID, in.Gate, past[in.Outcome], rec.Route, rec.Action)
	if rec.Changed != "" {
		r.Summary += "; " + rec.Changed
	}
	if rec.Repeated {
		r.Summary = "already recorded, counted once: " + r.Summary
	}
	if r.Handoff == "" {
		r.Warnings.Fit(resultChars, r)
	}
	return r, nil
}

// stayHere takes the model out of an escalation that may not leave this
// machine: the ticket is the caller's from here. owner is whose it was.
func (r *recordResult) stayHere(owner policy.Owner) {
	if r.EscalateTo == "" {
		return
	}
	r.EscalateTo = ""
	r.Message = "LOCALMODEL_CLOUD=never names no stronger model for this ticket: finish it yourself from the hand-off, or ask the user."
	if owner == policy.OwnerLocal {
		r.Message = "The local model is out of this ticket, and LOCALMODEL_CLOUD=never names no other: finish it yourself from the hand-off, or ask the user."
	}
}

var past = map[string]string{"pass": "passed", "fail": "failed"}

func storeError(err error) *contract.Error {
	switch {
	case errors.Is(err, statestore.ErrConflict):
		return &contract.Error{Code: contract.CodeConflict, Cause: err.Error() + "; nothing was changed",
			Next: "If this is a new run of the gate, send it under the event_id that is free.", Err: err}
	case errors.Is(err, context.Canceled):
		return &contract.Error{Code: contract.CodeCanceled, Cause: "the call was canceled before the outcome was recorded",
			Next: "Send it again with the same event_id.", Retryable: true, Err: err}
	default:
		return &contract.Error{Code: contract.CodeJournal, Cause: "nothing was recorded: " + err.Error(),
			Next:      "Run check_local_health, or `localmodel doctor` in a shell, fix what it names, then send the same call again.",
			Retryable: true, Err: err}
	}
}
