package decide

import (
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

// What a ticket's words and labels say of its kind counts beside its type and its id,
// but not against a prefix that the project has configured.
func TestStated_Kind(t *testing.T) {
	for name, c := range map[string]struct {
		ticket   ticket.Ticket
		prefixes []string
		id, kind string
	}{
		"id alone":             {ticket.Ticket{ID: "BUG-1", IDStatesKind: true}, nil, "BUG-1", ""},
		"a tracker's id":       {ticket.Ticket{ID: "BUG-1"}, nil, "", ""},
		"label":                {ticket.Ticket{ID: "X-1", IDStatesKind: true, Kind: "BUG"}, nil, "X-1", "BUG"},
		"label, configured id": {ticket.Ticket{ID: "sec-1", IDStatesKind: true, Kind: "BUG"}, []string{"SEC"}, "sec-1", ""},
		"label, tracker's id":  {ticket.Ticket{ID: "SEC-1", Kind: "BUG"}, []string{"SEC"}, "", "BUG"},
		"configured type":      {ticket.Ticket{ID: "X-1", IDStatesKind: true, Type: "sec", Kind: "BUG"}, []string{"SEC"}, "X-1", "sec"},
		"type and label":       {ticket.Ticket{ID: "SEC-1", IDStatesKind: true, Type: "defect", Kind: "BUG"}, []string{"SEC"}, "SEC-1", "BUG"},
	} {
		if s := Stated(c.ticket, c.prefixes); s.ID != c.id || s.Type != c.kind {
			t.Errorf("%s: id %q, type %q; want %q and %q", name, s.ID, s.Type, c.id, c.kind)
		}
	}
}

// A pattern or a folder counts as its files.
func TestStated_Files(t *testing.T) {
	s := Stated(ticket.Ticket{Files: []ticket.File{{Path: "a.go"}, {Path: "many/", Count: 3}}}, nil)
	if len(s.Files) != 4 {
		t.Errorf("files %q, want 4", s.Files)
	}
}
