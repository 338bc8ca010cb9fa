package tools

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/tools/ticket"
)

// readFile reads a file of the project, named relative to its root or absolutely,
// of at most limit bytes. name is its name beneath the root.
func (d *Deps) readFile(ctx context.Context, path string, limit int64) (data []byte, name string, fault *Error) {
	root, err := rootfs.Open(ctx, d.Root)
	if err != nil {
		return nil, "", &Error{Code: codeUnreadable, Cause: "project root: " + err.Error(),
			Next: "Set CLAUDE_PROJECT_DIR to the project's directory.", Err: err}
	}
	defer root.Close() //nolint:errcheck // only read
	name, err = root.Rel(ctx, path)
	if err == nil {
		data, err = root.Read(ctx, name, limit)
	}
	if err != nil {
		return nil, name, d.fileError(ctx, path, err)
	}
	return data, name, nil
}

func (d *Deps) fileError(ctx context.Context, path string, err error) *Error {
	fault := &Error{Code: codeUnreadable, Cause: clip(path, 200) + ": " + cause(err), Next: "Give the path of a readable file.", Err: err}
	var size *rootfs.SizeError
	switch {
	case ctx.Err() != nil:
		fault.Code, fault.Cause = codeTimeout, clip(path, 200)+": the file system did not answer in time"
		fault.Next, fault.Retryable = "Call again; check the disk if it stays.", true
	case errors.Is(err, fs.ErrNotExist):
		fault.Code, fault.Cause = codeNotFound, "no file "+clip(path, 200)+" in "+d.Root
		fault.Next = "Give a path relative to the project root."
	case errors.Is(err, rootfs.ErrOutside):
		fault.Code, fault.Cause = codeOutside, clip(path, 200)+" is outside the project root "+d.Root
		fault.Next = "Give a path inside the project, or pass the text as `ticket`."
	case errors.As(err, &size):
		fault.Code, fault.Cause = codeTooLarge, fmt.Sprintf("%s has %d bytes, more than the %d taken by path", clip(path, 200), size.Size, size.Limit)
		fault.Next = "Split the ticket, or move attachments out of it."
	}
	return fault
}

// readTicket reads and parses a ticket file inside the root.
func (d *Deps) readTicket(ctx context.Context, path string) (ticket.Ticket, *Error) {
	data, name, fault := d.readFile(ctx, path, ticket.MaxBytes)
	if fault != nil {
		return ticket.Ticket{}, fault
	}
	if isLocal(path, name) {
		return ticket.Ticket{}, &Error{Code: codeInvalid, Cause: clip(path, 200) + " holds credentials by its name, and is not read as a ticket",
			Next: "Give the path of a ticket."}
	}
	return parseTicket(filepath.ToSlash(name), data, filepath.Base(name))
}

func parseTicket(path string, data []byte, name string) (ticket.Ticket, *Error) {
	doc, err := ticket.Read(path, data, nil)
	if err == nil {
		return doc.Head, nil
	}
	fault := &Error{Code: codeInvalid, Cause: clip(name, 100) + ": " + err.Error(), Next: "Mend the ticket and call again.", Err: err}
	var known *ticket.Error
	if errors.As(err, &known) {
		fault.Cause = clip(name, 100) + ": " + known.Cause
		if known.Line > 0 {
			fault.Cause = fmt.Sprintf("%s line %d: %s", clip(name, 100), known.Line, known.Cause)
		}
		if known.Next != "" {
			fault.Next = known.Next
		}
	}
	return ticket.Ticket{}, fault
}

func parseInline(text string) (ticket.Ticket, *Error) {
	if len(text) > ticket.MaxInlineBytes {
		return ticket.Ticket{}, &Error{Code: codeTooLarge,
			Cause: fmt.Sprintf("the ticket has %d bytes, more than the %d taken inline", len(text), ticket.MaxInlineBytes),
			Next:  fmt.Sprintf("Save it in the project and pass its path: up to %d bytes are read.", ticket.MaxBytes)}
	}
	return parseTicket("", []byte(text), "ticket")
}

// readBatch reads every ticket of a call; one that cannot be read stands as
// its error, beside the others.
func (d *Deps) readBatch(ctx context.Context, in classifyInput) []classifying {
	batch := make([]classifying, 0, len(in.TicketPaths)+1)
	add := func(name string, t ticket.Ticket, fault *Error) {
		if fault == nil {
			t, fault = named(t, name)
		}
		c := classifying{fault: fault}
		c.id, c.ticket = orElse(t.ID, name), t
		batch = append(batch, c)
	}
	for _, path := range in.TicketPaths {
		t, fault := d.readTicket(ctx, path)
		add(baseName(path), t, fault)
	}
	if strings.TrimSpace(in.Ticket) != "" {
		t, fault := parseInline(in.Ticket)
		add("ticket", t, fault)
	}
	return batch
}

func baseName(path string) string {
	name := filepath.Base(filepath.ToSlash(path))
	return clip(plain.Line(strings.TrimSuffix(name, filepath.Ext(name))), 100)
}

// cause words a file error without repeating its path.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
