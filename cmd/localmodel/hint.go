package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/tools/references"
)

// ticketPlaces are where projects keep their tickets, unless
// backlog.config.json names the place.
var ticketPlaces = []string{
	"backlog", ".backlog", "tickets", "tasks", "issues", "specs", "openspec/changes", ".kiro/specs", ".taskmaster/tasks", ".beads", "TODO.md",
}

const (
	// hintTime bounds the reading of tickets: it is part of a session's start.
	hintTime = 40 * time.Millisecond
	// maxHinted is the count from which on the exact one does not matter.
	maxHinted = 200
)

const aboutHint = `
Prints one line for the SessionStart hook of a client where the project has open tickets, and nothing unless LOCALMODEL_HINT is on.`

func hintCommand(w env) *cobra.Command {
	return &cobra.Command{
		Use:   "hint",
		Short: "print one line for a session's start if tickets are open",
		Long:  aboutHint,
		Args:  atMost(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return hint(cmd.Context(), w) },
	}
}

// hint prints one line for the SessionStart hook of a client where the project
// has open tickets, and nothing unless LOCALMODEL_HINT is on. The line goes
// into a model's context, so it holds a number and no word of the project's.
func hint(ctx context.Context, w env) error {
	c := loadConfig(w.lookup)
	if !c.hint {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, hintTime)
	defer stop()
	open, more := references.CountOpen(ctx, c.root, c.ticketPlaces(), maxHinted)
	return printHint(w, open, more)
}

func printHint(w env, open int, more bool) error {
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
	_, err := fmt.Fprintf(w.out, "localmodel: %s can go local first. To triage, plan or implement them, use the skill local-first.\n", count)
	return err
}

// ticketPlaces are the places that hold the project's tickets.
func (c *config) ticketPlaces() []string {
	if c.Project.DataDir != "" {
		return []string{c.Project.DataDir}
	}
	return ticketPlaces
}
