package tools

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

// inside resolves a path of an argument, symlinks included, and refuses one
// that leaves the project root.
func (d *Deps) inside(path string) (string, *Error) {
	root, err := filepath.EvalSymlinks(d.Root)
	if err != nil {
		return "", &Error{Code: codeUnreadable, Cause: "project root: " + err.Error(),
			Next: "Set CLAUDE_PROJECT_DIR to the project's directory."}
	}
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(root, full)
	}
	real, err := filepath.EvalSymlinks(full)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &Error{Code: codeNotFound, Cause: "no file " + clip(path, 200) + " in " + root,
			Next: "Give a path relative to the project root."}
	}
	if err != nil {
		return "", &Error{Code: codeUnreadable, Cause: clip(path, 200) + ": " + err.Error(), Next: "Give the path of a readable file."}
	}
	rel, err := filepath.Rel(root, real)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", &Error{Code: codeOutside, Cause: clip(path, 200) + " is outside the project root " + root,
			Next: "Give a path inside the project, or pass the text as `ticket`."}
	}
	return real, nil
}

// readTicket reads and parses a ticket file inside the root.
func (d *Deps) readTicket(path string) (ticket.Ticket, *Error) {
	real, fault := d.inside(path)
	if fault != nil {
		return ticket.Ticket{}, fault
	}
	data, size, err := readUpTo(real, ticket.MaxBytes)
	switch {
	case err != nil:
		return ticket.Ticket{}, &Error{Code: codeUnreadable, Cause: clip(path, 200) + ": " + cause(err), Next: "Give the path of a readable file."}
	case size > ticket.MaxBytes:
		return ticket.Ticket{}, &Error{Code: codeTooLarge,
			Cause: fmt.Sprintf("%s has %d bytes, more than the %d taken by path", clip(path, 200), size, ticket.MaxBytes),
			Next:  "Split the ticket, or move attachments out of it."}
	}
	return parseTicket(data, filepath.Base(real))
}

func parseTicket(data []byte, name string) (ticket.Ticket, *Error) {
	t, err := ticket.Parse(data)
	if err == nil {
		return t, nil
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
	return t, fault
}

func parseInline(text string) (ticket.Ticket, *Error) {
	if len(text) > ticket.MaxInlineBytes {
		return ticket.Ticket{}, &Error{Code: codeTooLarge,
			Cause: fmt.Sprintf("the ticket has %d bytes, more than the %d taken inline", len(text), ticket.MaxInlineBytes),
			Next:  fmt.Sprintf("Save it in the project and pass its path: up to %d bytes are read.", ticket.MaxBytes)}
	}
	return parseTicket([]byte(text), "ticket")
}

// readBatch reads every ticket of a call; one that cannot be read stands as
// its error, beside the others.
func (d *Deps) readBatch(in classifyInput) []classifying {
	batch := make([]classifying, 0, len(in.TicketPaths)+1)
	add := func(name string, t ticket.Ticket, fault *Error) {
		c := classifying{fault: fault}
		c.id, c.ticket = name, t
		if t.ID != "" {
			c.id = t.ID
		}
		c.ticket.ID = c.id
		batch = append(batch, c)
	}
	for _, path := range in.TicketPaths {
		t, fault := d.readTicket(path)
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
	return clip(strings.TrimSuffix(name, filepath.Ext(name)), 100)
}

// readUpTo reads a regular file of at most limit bytes; a larger one is not
// read, only measured.
func readUpTo(path string, limit int64) (data []byte, size int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("is not a regular file")
	}
	if info.Size() > limit {
		return nil, info.Size(), nil
	}
	f, err := os.Open(path) //nolint:gosec // the path was resolved inside the project root
	if err != nil {
		return nil, 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err = io.ReadAll(io.LimitReader(f, limit+1))
	return data, int64(len(data)), err
}

// cause words a file error without repeating its path.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
