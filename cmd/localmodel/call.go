package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/arguments"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/tools"
	"github.com/fjbelchi/localmodel/tools/background"
)

const aboutCall = `
Runs one tool as a client would, and prints its result as JSON. The arguments are a JSON object: on the command line, in a file (@file) or on standard input (-).

A plan that the local model is still writing at LOCALMODEL_DEADLINE is waited for, where no paid tier may answer in its place.`

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
	if len(args) < 1 || len(args) > 2 && !arguments.Unquoted(args[1:]) {
		return exitcode.New(2, "usage: localmodel call TOOL [JSON|@file|-]")
	}
	given, err := arguments.Read(w.in, args[1:])
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
		p.deps.Finish = background.New(p.config.planDir())
		text, err := runToEnd(w.err, func() ([]byte, error) {
			return t.Run(ctx, p.deps, tools.Call{Arguments: given})
		})
		p.deps.Finish.Close()
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

// runToEnd calls again while a plan or a draft is being written: what this process
// writes ends with it, so that an answer that says "call again" would be lost at
// each call.
func runToEnd(said io.Writer, run func() ([]byte, error)) ([]byte, error) {
	for {
		text, err := run()
		state := gjson.GetBytes(text, "state").Str
		if state == "" {
			state = gjson.GetBytes(text, "draft.state").Str
		}
		if err != nil || state != "writing" {
			return text, err
		}
		fmt.Fprintf(said, "localmodel: %s. Ctrl-C gives it up.\n", plain.Line(gjson.GetBytes(text, "summary").Str))
	}
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
