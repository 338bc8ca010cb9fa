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
	"github.com/fjbelchi/localmodel/tools/contract"
)

// readFile reads a file of the project, named relative to its root or absolutely,
// of at most limit bytes. name is its name beneath the root.
func (d *Deps) readFile(ctx context.Context, path string, limit int64) (data []byte, name string, fault *contract.Error) {
	root, err := rootfs.Open(ctx, d.Root)
	if err != nil {
		return nil, "", &contract.Error{Code: contract.CodeUnreadable, Cause: "project root: " + err.Error(),
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

func (d *Deps) fileError(ctx context.Context, path string, err error) *contract.Error {
	fault := &contract.Error{Code: contract.CodeUnreadable, Cause: plain.Clip(path, 200) + ": " + cause(err), Next: "Give the path of a readable file.", Err: err}
	var size *rootfs.SizeError
	switch {
	case ctx.Err() != nil:
		fault.Code, fault.Cause = contract.CodeTimeout, plain.Clip(path, 200)+": the file system did not answer in time"
		fault.Next, fault.Retryable = "Call again; check the disk if it stays.", true
	case errors.Is(err, fs.ErrNotExist):
		fault.Code, fault.Cause = contract.CodeNotFound, "no file "+plain.Clip(path, 200)+" in "+d.Root
		fault.Next = "Give a path relative to the project root."
	case errors.Is(err, rootfs.ErrOutside):
		fault.Code, fault.Cause = contract.CodeOutside, plain.Clip(path, 200)+" is outside the project root "+d.Root
		fault.Next = "Give a path inside the project, or pass the text as `ticket`."
	case errors.As(err, &size):
		fault.Code, fault.Cause = contract.CodeTooLarge, fmt.Sprintf("%s has %d bytes, the limit is %d", plain.Clip(path, 200), size.Size, size.Limit)
		fault.Next = "Split the ticket, or move attachments out of it."
	}
	return fault
}

// readBatch reads every ticket that a call names; one that cannot be read becomes
// its error, beside the others.
func (d *Deps) readBatch(ctx context.Context, in classifyInput) (*reader, *contract.Error) {
	r := d.newReader()
	for _, ref := range in.TicketPaths {
		if r.reference(ctx, ref); ctx.Err() != nil {
			break
		}
	}
	if strings.TrimSpace(in.Ticket) != "" {
		r.inline(ctx, in.Ticket)
	}
	if r.total > maxRows {
		return nil, &contract.Error{Code: contract.CodeTooLarge, Cause: fmt.Sprintf("%d tickets in one call, the limit is %d", r.total, maxRows),
			Next: "Give fewer paths, a folder with less in it, or path#ID."}
	}
	r.givenAgain(ctx)
	r.warnAgain()
	return r, nil
}

func baseName(path string) string {
	name := filepath.Base(filepath.ToSlash(path))
	return plain.Clip(plain.Line(strings.TrimSuffix(name, filepath.Ext(name))), 100)
}

// cause describes a file error without repeating its path.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
