package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/tools"
)

// call runs one tool from a shell: its structured content on stdout and exit 0,
// or the error's text on stderr and exit 1.
func call(ctx context.Context, w world, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return exitError{2, "usage: localmodel call TOOL [JSON|@file|-]"}
	}
	arguments, err := readArguments(w.in, args[1:])
	if err != nil {
		return exitError{2, "localmodel call: " + err.Error()}
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
			return exitError{1, err.Error()}
		}
		if _, err = fmt.Fprintf(&plain.JSONWriter{Out: w.out}, "%s\n", text); err != nil {
			return err
		}
		waitForLoad(ctx, w.err, p.router.Loading())
		return nil
	}
	return exitError{2, fmt.Sprintf("localmodel call: there is no tool %q; there are %s", args[0], strings.Join(names, ", "))}
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

// maxArgumentBytes bounds what is read from a file or a pipe of the user's.
const maxArgumentBytes = 64 << 20

func readArguments(in io.Reader, args []string) (json.RawMessage, error) {
	if len(args) == 0 {
		return nil, nil
	}
	data := []byte(args[0])
	var err error
	switch {
	case args[0] == "-":
		data, err = io.ReadAll(io.LimitReader(in, maxArgumentBytes))
	case strings.HasPrefix(args[0], "@"):
		data, err = rootfs.ReadArgument(args[0][1:], maxArgumentBytes)
	}
	if err != nil {
		return nil, err
	}
	if jsondepth.Check(data) != nil || !json.Valid(data) {
		return nil, fmt.Errorf("the arguments are not valid JSON")
	}
	return data, nil
}
