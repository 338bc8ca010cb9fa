package tools

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/draft"
	"github.com/fjbelchi/localmodel/tools/plan"
)

const cartGo = "package cart\n\nfunc Total(items []int) int {\n\tsum := 0\n\tfor _, i := range items {\n\t\tsum += i\n\t}\n\treturn sum\n}\n"

// draftingModel plans and drafts as a strong local model would.
type draftingModel struct {
	scriptedModel
	plans, drafts int
	draft         func(ctx context.Context, req routing.Request) string
}

func (m *draftingModel) Complete(ctx context.Context, route policy.Route, req routing.Request) (routing.Answer, error) {
	var text []byte
	switch req.Purpose {
	case "plan":
		m.plans++
		text = []byte(`{"files":{"cart.go":{"action":"modify","where":"Total","what":"wrap the accumulator in a guard clause so refunds below zero leave the running sum unchanged","approach":"compare each loop variable with zero before the addition"}},` +
			`"criteria":{"AC-1":{"file":"cart_test.go","name":"TestTotal_Negative","checks":"Total([]int{2, -3}) returns 2 because the loop skips -3"}},"verify":[],"risk":"callers that rely on negative sums"}`)
	case "draft":
		m.drafts++
		if route != policy.OnlyLocal || !req.Background {
			return routing.Answer{}, &routing.Unanswered{Closed: "a draft may only be asked of the local tier, in the background"}
		}
		text = []byte(m.draft(ctx, req))
	default:
		return m.scriptedModel.Complete(ctx, route, req)
	}
	if err := req.Accept(text); err != nil {
		return routing.Answer{}, &routing.Unanswered{Attempts: []routing.Attempt{{Tier: policy.Local, Kind: routing.InvalidOutput, Reason: err.Error()}}}
	}
	return routing.Answer{Text: text, Tier: policy.Local, Model: "scripted", Attempts: []routing.Attempt{{Tier: policy.Local}}}, nil
}

func draftingDeps(t *testing.T, m *draftingModel) (*Deps, planInput) {
	t.Helper()
	root := t.TempDir()
	m.says = func(string) (string, string) { return "BUG", "low" }
	d := deciderIn(t, root, &m.scriptedModel)
	d.Asker = m
	d.Drafts = plan.NewDrafts(d, filepath.Join(t.TempDir(), "drafts"))
	t.Cleanup(d.Drafts.Close)
	text := fm("id: BUG-7", "complexity: simple") + "# Negative amounts\n\nTotal must not count negative amounts.\n" +
		fileTable("cart.go") + "\n## Acceptance Criteria\n- [ ] AC-1: negative amounts count as nothing\n"
	for name, data := range map[string]string{"BUG-7.md": text, "cart.go": cartGo} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	yes := true
	return d, planInput{TicketPath: "BUG-7.md", Draft: &yes}
}

func planInputOf(t *testing.T, d *Deps, in planInput) *plan.Result {
	t.Helper()
	r, err := planTicket(t.Context(), d, in, Call{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// goodDraft writes the file that the prompt asks for.
func goodDraft(_ context.Context, req routing.Request) string {
	if strings.Contains(req.User, "The file to create now:") {
		return "```go\npackage cart\n\nimport \"testing\"\n\nfunc TestTotal_Negative(t *testing.T) {\n\tif got := Total([]int{2, -3}); got != 2 {\n\t\tt.Errorf(\"got %d, want 2\", got)\n\t}\n}\n```"
	}
	return "```go\n" + strings.Replace(cartGo, "\t\tsum += i", "\t\tif i > 0 {\n\t\t\tsum += i\n\t\t}", 1) + "```"
}

// TestPlan_WithDraft holds the whole way: a plan, a draft of the file and its
// test, a patch, and nothing in the working tree.
func TestPlan_WithDraft(t *testing.T) {
	m := &draftingModel{draft: goodDraft}
	d, in := draftingDeps(t, m)
	r := planInputOf(t, d, in)
	if r.Draft == nil || r.Draft.State != draft.StateReady || r.Draft.Stats.Files != 2 || len(r.Draft.Missing) != 0 {
		text, _ := json.Marshal(r)
		t.Fatalf("got %s, want a draft of two files", text)
	}
	if !strings.Contains(r.Draft.Text, "+\t\tif i > 0 {") || !strings.Contains(r.Next, "git apply --check") {
		t.Errorf("patch %q, next %q", r.Draft.Text, r.Next)
	}
	if r.Draft.Verified || !strings.Contains(r.Next, "not verified in full") {
		t.Errorf("no command was run, but it is called verified: %+v, %s", r.Draft, r.Next)
	}
	if data, err := os.ReadFile(filepath.Join(d.Root, "cart.go")); err != nil || string(data) != cartGo {
		t.Errorf("the working tree was changed: %q (%v)", data, err)
	}
	again := planInputOf(t, d, in)
	if m.plans != 1 || m.drafts != 2 || again.Draft == nil || again.Draft.State != draft.StateReady || again.Plan != r.Plan {
		t.Errorf("the same call again: %d plans, %d drafts, %+v", m.plans, m.drafts, again.Draft)
	}
}

// TestPlan_WithoutDraft holds that none is written unless it is asked for.
func TestPlan_WithoutDraft(t *testing.T) {
	m := &draftingModel{draft: goodDraft}
	d, in := draftingDeps(t, m)
	no := false
	for _, in.Draft = range []*bool{nil, &no} {
		if r := planInputOf(t, d, in); r.Draft != nil || m.drafts != 0 {
			t.Errorf("got %+v after %d drafts", r.Draft, m.drafts)
		}
	}
	d.DraftDefault = true
	in.Draft = nil
	if r := planInputOf(t, d, in); r.Draft == nil {
		t.Error("LOCALMODEL_DRAFT=on drafts nothing")
	}
}

// TestPlan_DraftOutlivesTheCall holds that the call ends in time while the
// draft is written, and that the same call again returns it.
func TestPlan_DraftOutlivesTheCall(t *testing.T) {
	release := make(chan struct{})
	m := &draftingModel{draft: func(ctx context.Context, req routing.Request) string {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return goodDraft(ctx, req)
	}}
	d, in := draftingDeps(t, m)
	d.Deadline = 500 * time.Millisecond
	r := planInputOf(t, d, in)
	if r.Draft == nil || r.Draft.State != draft.StateWriting || r.Draft.Of != 2 || !strings.Contains(r.Next, "Call plan_ticket again") {
		t.Fatalf("got %+v, next %q; want it writing", r.Draft, r.Next)
	}
	close(release)
	d.Deadline = time.Minute
	if r := planInputOf(t, d, in); r.Draft == nil || r.Draft.State != draft.StateReady || m.plans != 1 {
		t.Errorf("got %+v after %d plans, want it ready after one", r.Draft, m.plans)
	}
}

// TestPlan_DraftOutlivesACancel holds that a call that the user ends is over at
// once, and that the draft is written all the same.
func TestPlan_DraftOutlivesACancel(t *testing.T) {
	begun, release := make(chan struct{}, 9), make(chan struct{})
	m := &draftingModel{draft: func(ctx context.Context, req routing.Request) string {
		begun <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return goodDraft(ctx, req)
	}}
	d, in := draftingDeps(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if r, err := planTicket(ctx, d, in, Call{}); err == nil && r.Draft.State != draft.StateWriting {
		t.Errorf("got %+v, want the call ended", r.Draft)
	}
	close(release)
	if r := planInputOf(t, d, in); r.Draft == nil || r.Draft.State != draft.StateReady || m.plans != 1 || m.drafts != 2 {
		t.Errorf("the same call again: %d plans, %d drafts, %+v", m.plans, m.drafts, r.Draft)
	}
}

// TestPlan_AfterAFailedGate_DraftsAnew holds that a plan whose gate failed is
// not handed over again with its draft, and that the new one is.
func TestPlan_AfterAFailedGate_DraftsAnew(t *testing.T) {
	m := &draftingModel{draft: goodDraft}
	d, in := draftingDeps(t, m)
	planInputOf(t, d, in)
	recordOutcome(t, d, "BUG-7", policy.Plan, policy.Fail, "the test is missing a case")
	planInputOf(t, d, in)
	if m.plans != 2 {
		t.Errorf("%d plans, want the failed one made anew", m.plans)
	}
	if r := planInputOf(t, d, in); m.plans != 2 || r.Draft == nil || r.Draft.State != draft.StateReady {
		t.Errorf("the same call again: %d plans, %+v; want the second plan's draft", m.plans, r.Draft)
	}
}

// TestPlan_PanicInADraft holds that a panic while a draft is written costs its
// file, not the session.
func TestPlan_PanicInADraft(t *testing.T) {
	m := &draftingModel{draft: func(ctx context.Context, req routing.Request) string {
		if !strings.Contains(req.User, "The file to create now:") {
			panic("a parser's bug")
		}
		return goodDraft(ctx, req)
	}}
	d, in := draftingDeps(t, m)
	r := planInputOf(t, d, in)
	if r.Draft == nil || len(r.Draft.Missing) != 1 || r.Draft.Missing[0].File != "cart.go" {
		t.Errorf("got %+v, want cart.go missing alone", r.Draft)
	}
}
