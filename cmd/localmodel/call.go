package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/tools"
)

const aboutCall = `
Runs one tool as a client would, and prints its result as JSON. The arguments are a JSON object: on the command line, in a file (@file) or on standard input (-).`

func callCommand(w env) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "call TOOL [JSON|@file|-]",
		Short:             "run one tool and print its result",
		Long:              aboutCall,
		ValidArgsFunction: completes(toolNames),
		RunE:              func(cmd *cobra.Command, args []string) error { return call(cmd.Context(), w, args) },
	}
	cmd.Flags().SetInterspersed(false) // what follows the tool is JSON, whatever a shell made of it
	return cmd
}

// call runs one tool from a shell: its structured content on stdout and exit 0,
// or the error's text on stderr and exit 1.
func call(ctx context.Context, w env, args []string) error {
	if len(args) < 1 || len(args) > 2 && !unquoted(args[1:]) {
		return exitcode.New(2, "usage: localmodel call TOOL [JSON|@file|-]")
	}
	arguments, err := readArguments(w.in, args[1:])
	if err != nil {
		return exitcode.New(2, "localmodel call: "+err.Error())
	}
	p := build(w)
	var names []string
	for _, t := range tools.All(p.deps) {
		names = append(names, t.Declaration.Name)
		if t.Declaration.Name != args[0] {
			continue
		}
		text, err := t.Run(ctx, p.deps, tools.Call{Arguments: arguments})
		p.close()
		for _, text := range p.store.Warnings() { // what the last write found is in no reply
			fmt.Fprintln(w.err, "localmodel: "+plain.Line(text))
		}
		if err != nil {
			return exitcode.New(1, err.Error())
		}
		if _, err = fmt.Fprintf(&plain.JSONWriter{Out: w.out}, "%s\n", text); err != nil {
			return err
		}
		waitForLoad(ctx, w.err, p.router.Loading())
		return nil
	}
	return exitcode.New(2, fmt.Sprintf("localmodel call: there is no tool %q; there are %s", args[0], strings.Join(names, ", ")))
}

// waitForLoad keeps the process until a model that is being loaded is there: a
// large one would begin anew at each call, and never be.
func waitForLoad(ctx context.Context, said io.Writer, loaded <-chan struct{}) {
	if loaded == nil {
		return
	}
	fmt.Fprintln(said, "localmodel: that is the answer; the model is still loading, and the next call finds it ready. Ctrl-C gives it up.")
	select {
	case <-loaded:
	case <-ctx.Done():
	}
}
