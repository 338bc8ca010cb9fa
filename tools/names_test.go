package tools

import (
	"strings"
	"testing"
)

// An id or a path that cannot be shown as it is makes an error of its ticket,
// and the other tickets of the call stand.
func TestNames_HostileAreErrors(t *testing.T) {
	for name, ticket := range map[string]string{
		"id":         "---\nid: \"BUG\\u202e-1\"\n---\n# T\n\nText\n",
		"long id":    "---\nid: " + strings.Repeat("x", 101) + "\n---\n# T\n\nText\n",
		"path":       "---\nid: BUG-1\ncomplexity: low\naffected_files: [\"a\\u2066.go\"]\n---\n# T\n\nText\n",
		"dependency": "---\nid: BUG-1\ncomplexity: low\ndepends_on: [\"BUG\\u200b-2\"]\n---\n# T\n\nText\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, &newObedient().script)
			b.write("good.md", "---\nid: BUG-9\ntype: bug\ncomplexity: low\n---\n# T\n\nText\n")
			b.write("bad.md", ticket)
			r := b.run("classify_ticket", args{"ticket_paths": []string{"bad.md", "good.md"}})
			bad, good := r.Get("tickets.0"), r.Get("tickets.1")
			if name == "long id" && bad.Get("id").Str != "" && !bad.Get("error").Exists() { // the parser may have cut it
				return
			}
			if !strings.HasPrefix(bad.Get("error").Str, codeInvalid) || !good.Get("local").Exists() {
				t.Errorf("got %s", r.Raw)
			}
			if strings.ContainsAny(r.Raw, "\u202e\u2066\u200b") {
				t.Errorf("invisible characters in %q", r.Raw)
			}
			if e := b.refuses(t.Context(), "plan_ticket", args{"ticket": ticket}, codeInvalid); !strings.Contains(e.Error(), "retryable: no") {
				t.Errorf("got %v", e)
			}
		})
	}
	b := newBench(t, &newObedient().script)
	b.refuses(t.Context(), "record_gate_outcome", args{"ticket_id": "A\u202eB", "gate": "lint", "outcome": "pass"}, codeArgument)
}
