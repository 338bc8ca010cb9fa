// Command localmodel is an MCP server that lets a free local model take the
// cheap work on tickets, and the commands around it.
package main

// This file owns what the program writes. The rules:
//
//   - In serve, standard output is JSON-RPC and nothing else; logs go to
//     standard error. serve gets the streams as they are.
//   - Every other command writes what was asked for to standard output, and
//     warnings, progress and questions to standard error. Both go through
//     plain.Writer, which lets no control character of a project's text pass.
//   - A failure is one text on standard error: the command, what failed, the
//     fix. No capital at its beginning, no stack. Exit code 2 = the command line
//     or the configuration is wrong, 1 = it failed.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/serve"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/tools/draft/parse"
	"github.com/fjbelchi/localmodel/tools/draft/trial"
)

func main() {
	// A client that has gone is a failed write, which run reports, not the end of
	// the process: what is recorded has to be flushed first.
	signal.Ignore(syscall.SIGPIPE)
	if len(os.Args) == 3 && os.Args[1] == app.ParseWord {
		os.Exit(parse.Input(os.Args[2], os.Stdin, os.Stderr))
	}
	if len(os.Args) > 2 && os.Args[1] == app.ConfineWord {
		os.Exit(trial.RunConfined(os.Args[2:], app.Environ(), os.Stderr))
	}
	// The signals stay caught to the end: clients send a second one soon after
	// the first, and it must not take the exit code.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process: arguments in, exit code out.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), in io.Reader, out, errOut io.Writer) int {
	columns, _ := lookup("COLUMNS")
	forPerson := func(to io.Writer) *plain.Writer {
		return &plain.Writer{Out: to, Colours: term.Colours(to), Columns: term.Columns(to, columns)}
	}
	raw := app.Env{Lookup: lookup, In: in, Out: out, Err: errOut, Version: version()}
	w := raw
	w.In, w.Out, w.Err = term.Interruptible(ctx, in), forPerson(out), forPerson(errOut)
	if isServe(args, in) {
		return exitCode(w, "localmodel serve", serve.Run(ctx, raw))
	}
	root := newRoot(w, raw)
	root.SetArgs(append([]string{}, args...)) // nil would be the process's own
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !started { // the command line is wrong
		fmt.Fprintf(w.Err, "%s: %s; %[1]s --help says more\n", cmd.CommandPath(), plain.Text(err.Error()))
		return 2
	}
	return exitCode(w, cmd.CommandPath(), err)
}

// isServe reports whether the arguments are those of a client that starts the
// server. Then nobody waits for the other commands to be put together.
func isServe(args []string, in io.Reader) bool {
	return len(args) == 0 && !term.Is(in) || len(args) == 1 && args[0] == "serve"
}

// exitCode prints why the command at a path failed, and returns the exit code. The
// text may name files of a project: the stream lets colours through, also theirs.
func exitCode(w app.Env, path string, err error) int {
	var exit exitcode.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if exit.Text != "" {
			fmt.Fprintln(w.Err, plain.Text(exit.Text))
		}
		return exit.Code
	}
	fmt.Fprintf(w.Err, "%s: %s\n", path, plain.Text(err.Error()))
	return 1
}
