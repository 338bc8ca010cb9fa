// Package projects lists the projects of the journal, and changes what a moved or
// deleted directory left in it.
package projects

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/project"
)

// List prints the projects, one a line, or as JSON.
func List(ctx context.Context, e app.Env, asJSON bool) error {
	p, done := app.Look(e, false)
	defer done()
	list, err := p.Store.Projects(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		if list == nil {
			list = []journal.Summary{}
		}
		return plain.PrintJSON(e.Out, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(e.Out, "Nothing is recorded yet.")
		return nil
	}
	var rows [][]string
	for _, one := range list {
		rows = append(rows, []string{
			one.Used.Format(time.DateOnly),
			strconv.Itoa(one.Rows),
			fmt.Sprintf("%d of %d", one.Stats.SuccessCount, one.Stats.TotalAttempts),
			one.Name,
		})
	}
	return term.Paths(e.Out, []string{"LAST USE", "ROWS", "STAYED LOCAL", "PROJECT"}, rows)
}

// Forget deletes what is recorded of a project, after a question unless yes.
func Forget(ctx context.Context, e app.Env, name string, yes bool) error {
	p, done := app.Look(e, false)
	defer done()
	if !yes {
		fmt.Fprintf(e.Err, "Delete everything that is recorded of %s? What it spent stays counted. [y/N] ", plain.Line(name))
		answer, err := bufio.NewReader(e.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			return exitcode.New(1, "localmodel projects: nothing was deleted")
		}
	}
	if err := p.Store.Forget(ctx, name); err != nil {
		return err
	}
	fmt.Fprintln(e.Err, "deleted "+plain.Line(name))
	return nil
}

// Move gives a project's rows to the one in a directory.
func Move(ctx context.Context, e app.Env, name, dir string) error {
	p, done := app.Look(e, false)
	defer done()
	to, err := p.Config.NameOf(dir)
	if err != nil {
		return err
	}
	if err := project.Check(to); err != nil {
		return fmt.Errorf("%s: %w", plain.Line(to), err)
	}
	if err := p.Store.Rename(ctx, name, to); err != nil {
		return err
	}
	fmt.Fprintf(e.Err, "%s is now %s\n", plain.Line(name), plain.Line(to))
	return nil
}
