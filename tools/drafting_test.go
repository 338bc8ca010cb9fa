package tools

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/draft"
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
	d.Drafts = d.NewDrafts(filepath.Join(t.TempDir(), "drafts"))
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

func planInputOf(t *testing.T, d *Deps, in planInput) *planResult {
	t.Helper()
	parsed, fault := d.readOne(t.Context(), in)
	if fault != nil {
		t.Fatal(fault)
	}
	r, err := d.plan(t.Context(), parsed, in, nil)
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
	parsed, fault := d.readOne(t.Context(), in)
	if fault != nil {
		t.Fatal(fault)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if r, err := d.plan(ctx, parsed, in, nil); err == nil && r.Draft.State != draft.StateWriting {
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

// TestDraft_NeverOfSecretFiles holds that neither an affected file nor a test
// of the plan leads to one.
func TestDraft_NeverOfSecretFiles(t *testing.T) {
	d, _ := draftingDeps(t, &draftingModel{draft: goodDraft})
	for _, name := range []string{".env", ".git/config", "../outside.go", "id_rsa", ".claude/settings.json"} {
		if f, err := d.readDraftFile(t.Context(), "", name); err == nil {
			t.Errorf("%s: read %+v, want an error", name, f)
		}
	}
}

// TestDraft_NeverOfPrivateKeys holds that a key in an ordinary file is shown to
// no model, one on this machine included.
func TestDraft_NeverOfPrivateKeys(t *testing.T) {
	d, _ := draftingDeps(t, &draftingModel{draft: goodDraft})
	if err := os.WriteFile(filepath.Join(d.Root, "tls.go"), []byte("package x\n\nconst k = `"+privateKey+"`\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := d.readDraftFile(t.Context(), "", "tls.go"); err == nil {
		t.Errorf("read %+v, want an error", f)
	}
}

// TestDraft_NeverThroughLinks holds that a patch changes neither a link nor what
// is behind one.
func TestDraft_NeverThroughLinks(t *testing.T) {
	d, _ := draftingDeps(t, &draftingModel{draft: goodDraft})
	if err := os.Mkdir(filepath.Join(d.Root, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Root, ".claude", "settings.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"link.go": "cart.go", "docs": ".claude"} {
		if err := os.Symlink(target, filepath.Join(d.Root, link)); err != nil {
			parts.Absent(t, "symlink", err.Error())
		}
	}
	for name, legal := range map[string]bool{"link.go": false, "docs/settings.json": false, "cart.go": true, "./cart.go": true} {
		if f, err := d.readDraftFile(t.Context(), "", name); (err == nil) != legal {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
}

// TestDraft_RepairShowsNoSecret holds that the lines of the file that a repair
// turn shows go without their secrets: the local tier may be another machine.
func TestDraft_RepairShowsNoSecret(t *testing.T) {
	shown := ""
	m := &draftingModel{draft: func(_ context.Context, req routing.Request) string {
		shown = req.Repair(nil, errors.New("block 1 does not fit"))
		return "x"
	}}
	d, _ := draftingDeps(t, m)
	err := d.askDraft(t.Context(), draft.Prompt{
		User: "x", Accept: func([]byte) error { return nil },
		Repair: func(_ []byte, defects error) string { return defects.Error() + "\n7: password = \"hunter2hunter2\"\n" },
	})
	if err != nil || strings.Contains(shown, "hunter2") || !strings.Contains(shown, "block 1 does not fit\n7: password") {
		t.Errorf("shown %q, %v", shown, err)
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

// TestRunDraft_WithinItsSize holds that a patch is not shown beside a long plan,
// and that the call that comes back for it hears of the steps without a draft.
func TestRunDraft_WithinItsSize(t *testing.T) {
	d, _ := draftingDeps(t, &draftingModel{draft: goodDraft})
	spec := draft.Spec{
		TicketID: "BUG-7", Ticket: "text", Plan: "plan", Allowed: []string{"cart.go"},
		Targets: []draft.Target{{Path: "cart.go", Step: "skip negative amounts"}},
		Missing: []draft.Missing{{File: "old.go", Why: "to be deleted: left to you"}},
	}
	for size, shown := range map[int]bool{10: true, maxPlanResult - 500: false} {
		r := &planResult{Plan: strings.Repeat("x", size)}
		d.runDraft(t.Context(), r, spec, nil)
		if r.Draft == nil || r.Draft.State != draft.StateReady || r.Draft.Patch == "" || (r.Draft.Text != "") != shown {
			t.Errorf("beside a plan of %d characters: %+v, patch shown wanted %t", size, r.Draft, shown)
		}
	}
	resumed, found := d.Drafts.Resume(d.Project, "BUG-7", "text")
	r := &planResult{}
	d.runDraft(t.Context(), r, resumed, nil)
	if !found || r.Draft == nil || len(r.Draft.Missing) != 1 {
		t.Errorf("taken up again: %t, %+v; want old.go missing", found, r.Draft)
	}
}
