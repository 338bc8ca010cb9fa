package plan

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/draft"
)

// drafter imitates a local model whose drafts are known beforehand.
type drafter struct {
	deps.Asker
	says func(req routing.Request) string
}

func (a drafter) Complete(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
	text := []byte(a.says(req))
	return routing.Answer{Text: text, Tier: policy.Local, Attempts: []routing.Attempt{{Tier: policy.Local}}}, req.Accept(text)
}

const cartGo = "package cart\n\nfunc Total(items []int) int {\n\tsum := 0\n\tfor _, i := range items {\n\t\tsum += i\n\t}\n\treturn sum\n}\n"

// withCart is a project of one file.
func withCart(t *testing.T) draftHooks {
	t.Helper()
	root := t.TempDir()
	write(t, root, "cart.go", cartGo)
	return draftHooks{&deps.Deps{Root: root, Deadline: time.Minute, Log: slog.New(slog.DiscardHandler)}}
}

// TestDraft_NeverOfSecretFiles holds that neither an affected file nor a test
// of the plan leads to one.
func TestDraft_NeverOfSecretFiles(t *testing.T) {
	h := withCart(t)
	for _, name := range []string{".env", ".git/config", "../outside.go", "id_rsa", ".claude/settings.json"} {
		if f, err := h.read(t.Context(), "", name); err == nil {
			t.Errorf("%s: read %+v, want an error", name, f)
		}
	}
}

// TestDraft_NeverOfPrivateKeys holds that a key in an ordinary file is shown to
// no model, one on this machine included.
func TestDraft_NeverOfPrivateKeys(t *testing.T) {
	h := withCart(t)
	write(t, h.Root, "tls.go", "package x\n\nconst k = `-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAvRz3yX0p\nq8Zt4r1mNnabcd\n-----END RSA PRIVATE KEY-----\n`\n")
	if f, err := h.read(t.Context(), "", "tls.go"); err == nil {
		t.Errorf("read %+v, want an error", f)
	}
}

// TestDraft_NeverThroughLinks holds that a patch changes neither a link nor what
// is behind one.
func TestDraft_NeverThroughLinks(t *testing.T) {
	h := withCart(t)
	write(t, h.Root, ".claude/settings.json", "{}")
	for link, target := range map[string]string{"link.go": "cart.go", "docs": ".claude"} {
		if err := os.Symlink(target, filepath.Join(h.Root, link)); err != nil {
			parts.Absent(t, "symlink", err.Error())
		}
	}
	for name, legal := range map[string]bool{"link.go": false, "docs/settings.json": false, "cart.go": true, "./cart.go": true} {
		if f, err := h.read(t.Context(), "", name); (err == nil) != legal {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
}

// TestDraft_NotWithinASubmodule holds that another repository's file is left out.
func TestDraft_NotWithinASubmodule(t *testing.T) {
	h := withCart(t)
	write(t, h.Root, "sub/.git", "gitdir: ../.git/modules/sub")
	write(t, h.Root, "sub/in/a.go", "package a\n")
	for name, legal := range map[string]bool{"sub/in/a.go": false, "sub/new.go": false, "./sub/in/a.go": false, "cart.go": true} {
		if f, err := h.read(t.Context(), "", name); (err == nil) != legal {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
	if _, err := h.read(t.Context(), "sub", "in/a.go"); err != nil {
		t.Errorf("a ticket of the repository itself: %v", err)
	}
}

// TestDraft_RepairShowsNoSecret holds that the lines of the file that a repair
// turn shows go without their secrets: the local tier may be another machine.
func TestDraft_RepairShowsNoSecret(t *testing.T) {
	shown := ""
	h := withCart(t)
	h.Asker = drafter{says: func(req routing.Request) string {
		shown = req.Repair(nil, errors.New("block 1 does not fit"))
		return "x"
	}}
	err := h.ask(t.Context(), draft.Prompt{
		User: "x", Accept: func([]byte) error { return nil },
		Repair: func(_ []byte, defects error) string { return defects.Error() + "\n7: password = \"hunter2hunter2\"\n" },
	})
	if err != nil || strings.Contains(shown, "hunter2") || !strings.Contains(shown, "block 1 does not fit\n7: password") {
		t.Errorf("shown %q, %v", shown, err)
	}
}

// TestRunDraft_WithinItsSize holds that a patch is not shown beside a long plan,
// and that the call that comes back for it hears of the steps without a draft.
func TestRunDraft_WithinItsSize(t *testing.T) {
	d := withCart(t).Deps
	d.Asker = drafter{says: func(routing.Request) string {
		return "```go\n" + strings.Replace(cartGo, "\t\tsum += i", "\t\tif i > 0 {\n\t\t\tsum += i\n\t\t}", 1) + "```"
	}}
	store := statestore.New(journal.Options{State: filepath.Join(t.TempDir(), "journal.db"), Root: d.Root})
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	d.Journal = store
	d.Drafts = NewDrafts(d, filepath.Join(t.TempDir(), "drafts"))
	t.Cleanup(d.Drafts.Close)
	spec := draft.Spec{
		TicketID: "BUG-7", Ticket: "text", Plan: "plan", Allowed: []string{"cart.go"},
		Targets: []draft.Target{{Path: "cart.go", Step: "skip negative amounts"}},
		Missing: []draft.Missing{{File: "old.go", Why: "to be deleted: left to you"}},
	}
	for size, shown := range map[int]bool{10: true, MaxResult - 500: false} {
		r := &Result{Plan: strings.Repeat("x", size)}
		r.runDraft(t.Context(), d, spec, nil)
		if r.Draft == nil || r.Draft.State != draft.StateReady || r.Draft.Patch == "" || (r.Draft.Text != "") != shown {
			t.Errorf("beside a plan of %d characters: %+v, patch shown wanted %t", size, r.Draft, shown)
		}
	}
	resumed, found := d.Drafts.Resume(d.Project, "BUG-7", "text")
	r := &Result{}
	r.runDraft(t.Context(), d, resumed, nil)
	if !found || r.Draft == nil || len(r.Draft.Missing) != 1 {
		t.Errorf("taken up again: %t, %+v; want old.go missing", found, r.Draft)
	}
}
