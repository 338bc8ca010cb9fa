package references

import (
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// named gives a ticket the id that it states, else the name of its file. A
// ticket whose ids or paths cannot be shown as they are is refused before they
// are used anywhere.
func named(t ticket.Ticket, name string) (ticket.Ticket, *contract.Error) {
	if t.ID == "" {
		t.ID = name
	}
	err := paths.CheckID(t.ID)
	for _, c := range t.Criteria {
		if err == nil {
			err = paths.CheckID(c.ID)
		}
	}
	for _, id := range t.DependsOn {
		if err == nil {
			err = paths.CheckID(id)
		}
	}
	for _, f := range t.Files {
		if err == nil {
			err = paths.Check(f.Path)
		}
	}
	if err != nil {
		t.ID = plain.Clip(strings.ReplaceAll(plain.Line(t.ID), "\uFFFD", "?"), paths.MaxID)
		return t, &contract.Error{Code: contract.CodeInvalid, Cause: plain.Clip(plain.Line(name), 100) + ": " + err.Error(),
			Next: "Write the id or path in the ticket with visible characters and call again.", Err: err}
	}
	return t, nil
}
