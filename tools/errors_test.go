package tools

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Every code of errors.go can be had, in the one form, and says what to do.
func TestEveryErrorCode(t *testing.T) {
	reached := map[string]bool{}
	pass := args{"ticket_id": "A-1", "gate": "lint", "outcome": "pass", "event_id": "A-1:lint:1"}
	for _, c := range []struct {
		code      string
		retryable bool
		says      []string // in the text
		call      func(b *bench) *contract.Error
	}{
		{contract.CodeArgument, false, []string{"ticket_path (string)"}, func(b *bench) *contract.Error {
			return b.refuses(b.t.Context(), "plan_ticket", args{}, contract.CodeArgument)
		}},
		{contract.CodeNotFound, false, []string{"none.md", "relative to the project root"}, func(b *bench) *contract.Error {
			return b.refuses(b.t.Context(), "plan_ticket", args{"ticket_path": "none.md"}, contract.CodeNotFound)
		}},
		{contract.CodeInvalid, false, []string{"bad.md line 3"}, func(b *bench) *contract.Error {
			b.write("bad.md", "---\nid: A\ntags: [a, b\n---\n")
			return b.refuses(b.t.Context(), "plan_ticket", args{"ticket_path": "bad.md"}, contract.CodeInvalid)
		}},
		{contract.CodeTooLarge, false, []string{"2097153 bytes", "2097152"}, func(b *bench) *contract.Error {
			b.write("big.md", strings.Repeat("x", ticket.MaxBytes+1))
			return b.refuses(b.t.Context(), "plan_ticket", args{"ticket_path": "big.md"}, contract.CodeTooLarge)
		}},
		{contract.CodeTooLarge, false, []string{"taken inline", "pass its path"}, func(b *bench) *contract.Error { // fewer characters than bytes
			return b.refuses(b.t.Context(), "plan_ticket", args{"ticket": strings.Repeat("é", ticket.MaxInlineBytes/2+1)}, contract.CodeTooLarge)
		}},
		{contract.CodeOutside, false, []string{"outside the project root"}, func(b *bench) *contract.Error {
			return b.refuses(b.t.Context(), "plan_ticket", args{"ticket_path": ".."}, contract.CodeOutside)
		}},
		{contract.CodeUnreadable, false, []string{"is a directory"}, func(b *bench) *contract.Error {
			b.write("dir.md/x", "")
			return b.refuses(b.t.Context(), "plan_ticket", args{"ticket_path": "dir.md"}, contract.CodeUnreadable)
		}},
		{contract.CodeUnreadable, false, []string{"CLAUDE_PROJECT_DIR"}, func(b *bench) *contract.Error {
			b.Root = filepath.Join(b.Root, "gone")
			return b.refuses(b.t.Context(), "plan_ticket", args{"ticket_path": "a.md"}, contract.CodeUnreadable)
		}},
		{contract.CodeConflict, false, []string{"nothing was changed", "is free"}, func(b *bench) *contract.Error {
			b.run("record_gate_outcome", pass)
			other := args{"ticket_id": "A-1", "gate": "lint", "outcome": "fail", "event_id": "A-1:lint:1"}
			return b.refuses(b.t.Context(), "record_gate_outcome", other, contract.CodeConflict)
		}},
		{contract.CodeJournal, true, []string{"nothing was recorded", "check_local_health"}, func(b *bench) *contract.Error {
			b.write("journal/x", "") // a directory where the journal should be
			store := statestore.New(journal.Options{Root: b.Root, State: filepath.Join(b.Root, "journal"), Log: b.Log})
			b.Journal = store
			return b.refuses(b.t.Context(), "record_gate_outcome", pass, contract.CodeJournal)
		}},
		{contract.CodeCanceled, true, []string{"no figure was moved"}, func(b *bench) *contract.Error {
			ctx, cancel := context.WithCancel(b.t.Context())
			b.Asker = &script{complete: func(ctx context.Context, _ policy.Route, _ routing.Request) (routing.Answer, error) {
				cancel()
				return routing.Answer{}, ctx.Err()
			}}
			return b.refuses(ctx, "classify_ticket", args{"ticket": asksModel}, contract.CodeCanceled)
		}},
		{contract.CodeTimeout, true, []string{"LOCALMODEL_DEADLINE"}, func(b *bench) *contract.Error {
			b.Deadline = 50 * time.Millisecond
			b.Asker = &script{complete: func(ctx context.Context, _ policy.Route, _ routing.Request) (routing.Answer, error) {
				<-ctx.Done()
				return routing.Answer{}, ctx.Err()
			}}
			return b.refuses(b.t.Context(), "classify_ticket", args{"ticket": asksModel}, contract.CodeTimeout)
		}},
		{contract.CodeInternal, false, []string{"out of its mind", "localmodel doctor"}, func(b *bench) *contract.Error {
			b.Asker = &script{complete: func(context.Context, policy.Route, routing.Request) (routing.Answer, error) {
				return routing.Answer{}, errors.New("out of its mind")
			}}
			return b.refuses(b.t.Context(), "classify_ticket", args{"ticket": asksModel}, contract.CodeInternal)
		}},
	} {
		reached[c.code] = true
		t.Run(c.code, func(t *testing.T) {
			e := c.call(newBench(t, &script{}))
			if e.Retryable != c.retryable {
				t.Errorf("retryable %t, want %t: %v", e.Retryable, c.retryable, e)
			}
			for _, word := range c.says {
				if !strings.Contains(e.Error(), word) {
					t.Errorf("%q does not say %q", e.Error(), word)
				}
			}
		})
	}
	source, err := os.ReadFile("contract/errors.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range codeConstant.FindAllStringSubmatch(string(source), -1) {
		if !reached[m[1]] {
			t.Errorf("no call here gives %s", m[1])
		}
	}
}

// codeConstant is a code as errors.go declares it.
var codeConstant = regexp.MustCompile(`"(E_[A-Z_]+)"`)

// A symlink is where it leads to.
func TestPathOutsideBySymlink(t *testing.T) {
	b := newBench(t, &script{})
	outside := filepath.Join(t.TempDir(), "secret.md")
	if err := os.WriteFile(outside, []byte("---\nid: S-1\n---\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(b.Root, "link.md")); err != nil {
		t.Skipf("no symlinks here: %v", err)
	}
	for _, path := range []string{"link.md", outside, "../" + filepath.Base(filepath.Dir(outside)) + "/secret.md"} {
		b.refuses(t.Context(), "plan_ticket", args{"ticket_path": path}, contract.CodeOutside)
	}
	// In a batch it is one row's error; the others are kept.
	r := b.run("classify_ticket", args{"ticket_paths": []string{"link.md"}, "ticket": states})
	if !strings.HasPrefix(r.Get("tickets.0.error").Str, contract.CodeOutside+": ") || r.Get("tickets.1.by").Str != "front_matter" {
		t.Errorf("rows: %s", r.Raw)
	}
}

// The answer on a path outside says nothing of what is there: but for the path
// itself it is the same, however the path is given.
func TestPathOutside_HasOneAnswer(t *testing.T) {
	b := newBench(t, &script{})
	outside := t.TempDir()
	there, missing := filepath.Join(outside, "there.md"), filepath.Join(outside, "gone.md")
	if err := os.WriteFile(there, []byte("---\nid: S-1\n---\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := func(path string) string { return path }
	for name, as := range map[string]func(path string) string{
		"path":       plain,
		"task":       func(path string) string { return path + "#T1" },
		"pattern":    func(path string) string { return strings.TrimSuffix(path, ".md") + ".m*" },
		"beneath it": func(path string) string { return path + "/x.md" },
		"link": func(path string) string {
			name := filepath.Base(path)
			if err := os.Symlink(path, filepath.Join(b.Root, name)); err != nil {
				t.Skipf("no symlinks here: %v", err)
			}
			return name
		},
	} {
		var texts []string
		for _, path := range []string{there, missing} {
			asked := as(path)
			e := b.refuses(t.Context(), "plan_ticket", args{"ticket_path": asked}, contract.CodeOutside)
			texts = append(texts, strings.ReplaceAll(strings.ReplaceAll(e.Error(), asked, "PATH"), path, "PATH"))
		}
		if texts[0] != texts[1] {
			t.Errorf("%s: %q if it is there, %q if not", name, texts[0], texts[1])
		}
	}
}

// A bug costs one answer: in the handler and in what it starts beside itself.
func TestPanicIsAnError(t *testing.T) {
	b := newBench(t, &script{complete: func(context.Context, policy.Route, routing.Request) (routing.Answer, error) { panic("on purpose") }})
	for name, in := range map[string]args{"plan_ticket": {"ticket": states}, "classify_ticket": {"ticket": asksModel}} {
		if e := b.refuses(t.Context(), name, in, contract.CodeInternal); !strings.Contains(e.Error(), "on purpose") || strings.Contains(e.Error(), ".go:") {
			t.Errorf("%s: %v", name, e)
		}
		if !strings.Contains(b.log.String(), "errors_test.go") {
			t.Errorf("%s: the log does not say where: %s", name, b.log.String())
		}
		b.log.Reset()
	}
	if strings.Contains(b.log.String(), "the total") {
		t.Error("ticket text in the log")
	}
	if r := b.run("classify_ticket", args{"ticket": states}); r.Get("tickets.0.by").Str != "front_matter" {
		t.Errorf("the call after: %s", r.Raw)
	}
}
