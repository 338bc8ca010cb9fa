package references

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/prompts/paths"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/project"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// oneOf finds a task of a file by its id, as people write it.
func oneOf(doc *ticket.Document, id, name string) (*ticket.Ticket, *contract.Error) {
	tasks := doc.Tasks
	if !doc.Several {
		tasks = append([]ticket.Ticket{doc.Head}, tasks...)
	}
	i := slices.IndexFunc(tasks, func(t ticket.Ticket) bool { return strings.EqualFold(t.Local, id) || strings.EqualFold(t.ID, id) })
	if i < 0 {
		x := ticket.NewIndex()
		for i := range tasks {
			x.Add(tasks[i].ID, true)
		}
		if e, found, _ := x.Find(id, false); found {
			i = slices.IndexFunc(tasks, func(t ticket.Ticket) bool { return t.ID == e.ID })
		}
	}
	if i >= 0 {
		return &tasks[i], nil
	}
	var some []string
	for i := range tasks {
		if len(some) < 8 && tasks[i].Open() {
			some = append(some, cmp.Or(tasks[i].Local, tasks[i].ID))
		}
	}
	return nil, &contract.Error{Code: contract.CodeNotFound, Cause: fmt.Sprintf("no task %s in %s", plain.Clip(plain.Line(id), 100),
		plain.Clip(plain.Line(name), 200)),
		Next: "Give one of its ids: " + plain.Clip(strings.Join(some, ", "), 300) + "."}
}

// readDocument reads a file of tickets inside the root, in whatever form it is.
func readDocument(ctx context.Context, p project.Project, name string) (*ticket.Document, *contract.Error) {
	data, rel, fault := p.Read(ctx, name, ticket.Limit(name))
	if fault != nil {
		return nil, fault
	}
	if project.IsLocal(name, rel) {
		return nil, &contract.Error{Code: contract.CodeInvalid, Cause: plain.Clip(name, 200) +
			" holds credentials by its name, and is not read as a ticket",
			Next: "Give the path of a ticket."}
	}
	return parseDocument(filepath.ToSlash(rel), data, filepath.Base(rel), func(beside string) ([]byte, error) {
		data, real, fault := p.Read(ctx, filepath.FromSlash(beside), ticket.MaxBytes)
		if fault != nil {
			return nil, fault
		}
		if project.IsLocal(beside, real) {
			return nil, fs.ErrPermission
		}
		return data, nil
	})
}

func parseDocument(name string, data []byte, base string, beside ticket.Reader) (*ticket.Document, *contract.Error) {
	doc, err := ticket.Read(name, data, beside)
	if err == nil {
		return doc, nil
	}
	fault := &contract.Error{Code: contract.CodeInvalid, Cause: plain.Clip(base, 100) + ": " + err.Error(),
		Next: "Fix the ticket and call again.", Err: err}
	var known *ticket.Error
	if errors.As(err, &known) {
		fault.Cause = plain.Clip(base, 100) + ": " + known.Cause
		if known.Line > 0 {
			fault.Cause = fmt.Sprintf("%s line %d: %s", plain.Clip(base, 100), known.Line, known.Cause)
		}
		if known.Next != "" {
			fault.Next = known.Next
		}
	}
	return nil, fault
}

func parseInline(text string) (*ticket.Document, *contract.Error) {
	if len(text) > ticket.MaxInlineBytes {
		return nil, &contract.Error{Code: contract.CodeTooLarge,
			Cause: fmt.Sprintf("the ticket has %d bytes, more than the %d taken inline", len(text),
				ticket.MaxInlineBytes),
			Next: fmt.Sprintf("Save it in the project and pass its path: up to %d bytes are read.",
				ticket.MaxBytes)}
	}
	return parseDocument("", []byte(text), "ticket", nil)
}

// named gives a ticket the id that it states, else the name of its file. A
// ticket whose ids or paths cannot be shown as they are is refused before they
// are used anywhere.
func named(t ticket.Ticket, name string) (ticket.Ticket, *contract.Error) {
	if t.ID == "" {
		t.ID = name
	}
	err := paths.CheckID(t.ID)
	for _, c := range t.Criteria {
		err = cmp.Or(err, paths.CheckID(c.ID))
	}
	for _, id := range t.DependsOn {
		err = cmp.Or(err, paths.CheckID(id))
	}
	for _, f := range t.Files {
		err = cmp.Or(err, paths.Check(f.Path))
	}
	if err != nil {
		t.ID = plain.Clip(strings.ReplaceAll(plain.Line(t.ID), "\uFFFD", "?"), paths.MaxID)
		return t, &contract.Error{Code: contract.CodeInvalid, Cause: plain.Clip(plain.Line(name), 100) + ": " + err.Error(),
			Next: "Write the id or path in the ticket with visible characters and call again.", Err: err}
	}
	return t, nil
}
