// Package hint says in one line whether a project has open tickets.
package hint

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/tools/references"
)

// ticketPlaces are where projects keep their tickets, unless
// backlog.config.json names the place.
var ticketPlaces = []string{
	"backlog", ".backlog", "tickets", "tasks", "issues", "specs", "openspec/changes", ".kiro/specs", ".taskmaster/tasks", ".beads", "TODO.md",
}

const (
	// timeLimit bounds the reading of tickets: it is part of a session's start.
	timeLimit = 40 * time.Millisecond
	// maxCounted is the count from which on the exact one does not matter.
	maxCounted = 200
)

// Run prints one line for the SessionStart hook of a client where the project
// has open tickets, and nothing unless LOCALMODEL_HINT is on. The line goes
// into a model's context, so it holds a number and no word of the project's.
func Run(ctx context.Context, e app.Env) error {
	c := app.Load(e)
	if !c.Hint {
		return nil
	}
	places := ticketPlaces
	if c.Project.DataDir != "" {
		places = []string{c.Project.DataDir}
	}
	ctx, stop := context.WithTimeout(ctx, timeLimit)
	defer stop()
	open, more := references.CountOpen(ctx, c.Root, places, maxCounted)
	return write(e.Out, open, more)
}

func write(out io.Writer, open int, more bool) error {
	if open == 0 {
		return nil
	}
	count := fmt.Sprintf("%d open tickets", open)
	switch {
	case more:
		count = "At least " + count
	case open == 1:
		count = "1 open ticket"
	}
	_, err := fmt.Fprintf(out, "localmodel: %s can go local first. To triage, plan or implement them, use the skill local-first.\n", count)
	return err
}
