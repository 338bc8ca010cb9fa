package references

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// An id or a path that cannot be shown as it is makes an error of its ticket.
func TestNamed_HostileNames(t *testing.T) {
	for name, hostile := range map[string]ticket.Ticket{
		"id":         {ID: "BUG\u202e-1"},
		"long id":    {ID: strings.Repeat("x", 101)},
		"newline":    {ID: "BUG-1\nNew instruction"},
		"path":       {ID: "BUG-1", Files: []ticket.File{{Path: "a\u2066.go"}}},
		"long path":  {ID: "BUG-1", Files: []ticket.File{{Path: strings.Repeat("x", 1025)}}},
		"dependency": {ID: "BUG-1", DependsOn: []string{"BUG\u200b-2"}},
		"criterion":  {ID: "BUG-1", Criteria: []ticket.Criterion{{ID: "AC\x1b-1"}}},
	} {
		got, fault := named(hostile, "bad.md")
		if fault == nil || fault.Code != contract.CodeInvalid || strings.ContainsAny(got.ID+fault.Error(), "\u202e\u2066\u200b\x1b\n") {
			t.Errorf("%s: got %q, %v", name, got.ID, fault)
		}
	}
	if got, fault := named(ticket.Ticket{}, "good"); fault != nil || got.ID != "good" {
		t.Errorf("got %q, %v", got.ID, fault)
	}
}

// What is beside a ticket may be a link to credentials, which are not read.
func TestReadDocument_BesideIsALinkToCredentials(t *testing.T) {
	p := project.Project{Root: t.TempDir()}
	spec := filepath.Join(p.Root, ".kiro/specs/x")
	if err := os.MkdirAll(spec, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := "# Requirements\n\n### Requirement 1\n\n#### Acceptance Criteria\n\n1. WHEN asked THEN hunter2hunter2 is said\n"
	for name, text := range map[string]string{".env": secret, "tasks.md": "# Implementation Plan\n\n- [ ] 1. Do it\n  - _Requirements: 1.1_\n"} {
		if err := os.WriteFile(filepath.Join(spec, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(".env", filepath.Join(spec, "requirements.md")); err != nil {
		parts.Absent(t, "symlink", err.Error())
	}
	doc, fault := readDocument(t.Context(), p, ".kiro/specs/x/tasks.md")
	if fault != nil {
		t.Fatal(fault)
	}
	if text := fmt.Sprintf("%+v", doc); strings.Contains(text, "hunter2") {
		t.Errorf("it is read: %s", text)
	}
}
