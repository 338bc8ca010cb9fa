package tools

import (
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/contract"
)

// Whatever a ticket calls itself, nothing invisible comes back, and the other
// tickets of the call are.
func TestNames_HostileTicketsStandAlone(t *testing.T) {
	for name, text := range map[string]string{
		"id":         "---\nid: \"BUG\\u202e-1\"\n---\n# T\n\nText\n",
		"path":       "---\nid: BUG-1\ncomplexity: low\naffected_files: [\"a\\u2066.go\"]\n---\n# T\n\nText\n",
		"dependency": "---\nid: BUG-1\ncomplexity: low\ndepends_on: [\"BUG\\u200b-2\"]\n---\n# T\n\nText\n",
	} {
		b := newBench(t, &newObedient().script)
		b.write("good.md", "---\nid: BUG-9\ntype: bug\ncomplexity: low\n---\n# T\n\nText\n")
		b.write("bad.md", text)
		r := b.run("classify_ticket", args{"ticket_paths": []string{"bad.md", "good.md"}})
		if bad := r.Get("tickets.0"); !bad.Get("error").Exists() && !r.Get("warnings").Exists() {
			t.Errorf("%s: neither an error nor a warning: %s", name, r.Raw)
		}
		if !r.Get("tickets.1.local").Exists() || strings.ContainsAny(r.Raw, "\u202e\u2066\u200b") {
			t.Errorf("%s: got %q", name, r.Raw)
		}
	}
	b := newBench(t, &newObedient().script)
	b.refuses(t.Context(), "record_gate_outcome", args{"ticket_id": "A\u202eB", "gate": "lint", "outcome": "pass"}, contract.CodeArgument)
}
