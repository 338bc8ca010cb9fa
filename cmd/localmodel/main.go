// Command localmodel is an MCP server that lets a free local model take the
// cheap work on tickets, and the commands around it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/fjbelchi/localmodel/cmd/localmodel/option"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/tools/draft"
)

// readsOwnHelp lists the commands whose --help is their own flags'.
var readsOwnHelp = []string{"setup", "doctor", "config", "trust", "stats", "eval", "export", "projects", "install", "uninstall", "completion", "man"}

func main() {
	// A client that has gone is a failed write, which run tells, not the end of
	// the process: what is recorded has to be flushed first.
	signal.Ignore(syscall.SIGPIPE)
	if len(os.Args) == 3 && os.Args[1] == parseWord {
		os.Exit(draft.ParseInput(os.Args[2], os.Stdin, os.Stderr))
	}
	// The signals stay caught to the end: clients send a second one soon after
	// the first, and it must not take the exit code.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	os.Exit(run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr))
}

// parseWord makes this program the process that parses a draft. It is for the
// server alone, which can end it.
const parseWord = "parse-draft"

// world is what a command may touch.
type world struct {
	lookup func(string) (string, bool)
	in     io.Reader
	out    io.Writer
	err    io.Writer
}

// command is one subcommand, in a file of its own.
type command struct {
	name, args, short string
	protocol          bool // standard output is JSON-RPC, not text for a person
	run               func(ctx context.Context, w world, args []string) error
}

func commands() []command {
	return []command{
		{name: "setup", args: "[--yes] [--dry-run]", short: "find a local model, prove it, set up the clients", run: setUp},
		{name: "serve", args: "", short: "speak MCP on stdin and stdout (the default)", protocol: true, run: serve},
		{name: "call", args: "TOOL [JSON|@file|-]", short: "run one tool and print its result", run: call},
		{name: "ask", args: "[OPTION...]", short: "put one question to one tier", run: ask},
		{name: "demo", args: "[--cloud]", short: "show all four tools on a small backlog", run: showDemo},
		{name: "doctor", args: "[--fix] [--json]", short: "say what works, what does not, and what mends it", run: doctor},
		{name: "config", args: "[--json]", short: "print each setting and where its value comes from", run: showConfig},
		{name: "trust", args: "[OPTION...]", short: "let the project's file name the proxy or commands", run: trust},
		{name: "stats", args: "[OPTION...]", short: "say what the local model did and saved", run: stats},
		{name: "eval", args: "DIR [OPTION...]", short: "replay tickets through models side by side", run: eval},
		{name: "hint", args: "", short: "print one line for a session's start if tickets are open", run: hint},
		{name: "projects", args: "[forget|move]", short: "list, forget or move projects of the journal", run: projects},
		{name: "export", args: "[--format jsonl|csv]", short: "write every model call as a usage ledger", run: export},
		{name: "install", args: "[CLIENT]", short: "add localmodel to an MCP client's configuration", run: install},
		{name: "uninstall", args: "CLIENT", short: "take it out again", run: uninstall},
		{name: "completion", args: "SHELL", short: "print the shell's completion script", run: completion},
		{name: "man", args: "", short: "print the man page", run: manPage},
		{name: "version", args: "", short: "print the version", run: printVersion},
	}
}

// helps are what `localmodel NAME --help` prints for a command that has more to
// say than the overview.
var helps = map[string]string{"ask": askHelp}

// exitError ends the process with a code; its text, if any, goes to stderr.
type exitError struct {
	code int
	text string
}

func (e exitError) Error() string { return e.text }

// run is main without the process: arguments in, exit code out.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), in io.Reader, out, errOut io.Writer) int {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	if name == "help" && len(args) == 1 {
		name, args = args[0], []string{"--help"}
	}
	if name == "help" || (len(args) > 0 && slices.Contains([]string{"-h", "--help", "-help"}, args[0]) && !slices.Contains(readsOwnHelp, name)) {
		if text, ok := helps[name]; ok {
			fmt.Fprint(out, text)
			return 0
		}
		usage(out)
		return 0
	}
	if len(args) > 0 && name == "serve" && args[0] == "--version" {
		name, args = "version", nil
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		w := world{lookup, in, &plain.Writer{Out: out, Colours: term.Colours(out)}, &plain.Writer{Out: errOut, Colours: term.Colours(errOut)}}
		if c.protocol {
			w.out, w.err = out, errOut
		}
		err := c.run(ctx, w, args)
		var exit exitError
		var misused *option.UsageError
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return 0
		case errors.As(err, &misused):
			fmt.Fprintln(w.err, misused)
			return 2
		case errors.As(err, &exit):
			if exit.text != "" {
				fmt.Fprintln(w.err, exit.text)
			}
			return exit.code
		}
		fmt.Fprintf(w.err, "localmodel %s: %v\n", name, err)
		return 1
	}
	fmt.Fprintf(errOut, "localmodel: there is no command %q\n\n", name)
	usage(errOut)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, "localmodel lets a free local model take the cheap work on tickets.\n\nUsage:\n")
	widest := 0
	for _, c := range commands() {
		widest = max(widest, len(c.usage()))
	}
	for _, c := range commands() {
		fmt.Fprintf(w, "  localmodel %-*s  %s\n", widest, c.usage(), c.short)
	}
}

func (c command) usage() string { return strings.TrimSpace(c.name + " " + c.args) }

func noArguments(name string, args []string) error {
	if len(args) > 0 {
		return exitError{2, fmt.Sprintf("localmodel %s takes no argument, got %q", name, args[0])}
	}
	return nil
}
