package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing/place"
)

const aboutTrust = `
Lets the project's backlog.config.json name the proxy and the variable with its key. It shows the exact values and asks for the address to be typed, on a terminal: a ticket could tell a model to run this command, so nothing skips the question. A value that changes has to be trusted again.

With --commands, and where LOCALMODEL_DRAFT=on, it shows the project's qualityGates.* commands: once trusted, they check each draft of the local model, in a copy of the working tree, where the system can forbid it without a network and without writing elsewhere.`

// trustFlags are trust's.
type trustFlags struct{ revoke, commands bool }

func trustCommand(w env) *cobra.Command {
	var f trustFlags
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "let the project's file name the proxy or commands",
		Long:  aboutTrust,
		Args:  atMost(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return trust(cmd.Context(), w, f) },
	}
	cmd.Flags().BoolVar(&f.revoke, "revoke", false, "trust nothing of this project any more")
	cmd.Flags().BoolVar(&f.commands, "commands", false, "trust the commands that check a draft")
	return cmd
}

// trust records what the project asks for as trusted.
func trust(ctx context.Context, w env, f trustFlags) error {
	c := loadConfig(w.lookup)
	if f.revoke {
		return revokeTrust(ctx, w, c)
	}
	for _, text := range c.problems {
		term.Print(w.err, "! ", plain.Line(text))
	}
	groups := f.groups(c)
	if len(groups) == 0 {
		fmt.Fprintf(w.out, "%s asks for nothing that has to be trusted.\n", plain.Line(c.root))
		return nil
	}
	if name := agentVariable(environ(), w.lookup); name != "" {
		return exitError{1, name + " is set, so an agent may have run this: run localmodel trust in a terminal of your own"}
	}
	if !term.Is(w.in) || !term.Is(w.err) {
		return exitError{1, "not a terminal: run localmodel trust in a terminal, where you type the answer"}
	}
	in := bufio.NewReader(io.LimitReader(w.in, 4096))
	for _, g := range groups {
		if !g.confirm(in, w.err, c) {
			return exitError{1, "not what the project asks for: nothing more is trusted"}
		}
		if _, err := settings.Trust(ctx, c.Dirs.State, c.root, g.requests); err != nil {
			return err
		}
		fmt.Fprintln(w.out, "Trusted until a value changes. Take it back: localmodel trust --revoke")
	}
	return nil
}

func revokeTrust(ctx context.Context, w env, c *config) error {
	changed, err := settings.Trust(ctx, c.Dirs.State, c.root, nil)
	switch {
	case err != nil:
		return err
	case !changed:
		fmt.Fprintf(w.out, "Nothing of %s was trusted.\n", plain.Line(c.root))
	default:
		fmt.Fprintf(w.out, "Nothing of %s is trusted any more.\n", plain.Line(c.root))
	}
	return nil
}

// trustGroup is what is trusted together, by one answer.
type trustGroup struct {
	requests []settings.Request
	ask      func(out io.Writer, c *config, requests []settings.Request) (answer string)
}

// groups lists what is to be asked: the commands only where drafts are on or
// they are asked for.
func (f trustFlags) groups(c *config) (out []trustGroup) {
	if len(c.Project.Requests) > 0 && !f.commands {
		out = append(out, trustGroup{c.Project.Requests, askAddress})
	}
	if len(c.Project.Commands) > 0 && (f.commands || c.draft && !c.Project.CommandsTrusted) {
		out = append(out, trustGroup{c.Project.Commands, askCommands})
	}
	return out
}

// confirm shows what the project asks for and has the answer typed.
func (g trustGroup) confirm(in *bufio.Reader, out io.Writer, c *config) bool {
	fmt.Fprintf(out, "%s asks for:\n", plain.Line(c.root))
	for _, r := range g.requests {
		fmt.Fprintf(out, "  %s = %s\n", r.Key, plain.Line(r.Value))
	}
	answer := g.ask(out, c, g.requests)
	typed, _ := in.ReadString('\n') // "" is no answer
	return strings.TrimSpace(typed) == answer
}

// askAddress asks for the address where tickets and the key would be sent.
func askAddress(out io.Writer, c *config, requests []settings.Request) string {
	address := c.proxy
	for _, r := range requests {
		if r.Address() {
			address = r.Value
		}
	}
	where := "on another machine"
	if place.Loopback(address) {
		where = "on this machine"
	}
	term.Print(out, "", "Tickets, affected files and the proxy's key would be sent to the following address, "+where+".")
	fmt.Fprintf(out, "\n  %s\n\nType it to trust it: ", plain.Line(address))
	return address
}

// askCommands asks whether the project's commands may run.
func askCommands(out io.Writer, _ *config, _ []settings.Request) string {
	const word = "run"
	term.Print(out, "", "They would run with your rights in a copy of the working tree, on code that the local model wrote "+
		"for a ticket: what that code does when it is tested, it does as you.")
	fmt.Fprintf(out, "\nType %s to trust them: ", word)
	return word
}

// agentVariables are what agents and the editors that run them set; one that ends
// in an underscore is a prefix.
var agentVariables = []string{"AGENT", "AIDER_", "AI_AGENT", "AMP_", "CLAUDECODE", "CLAUDE_CODE_", "CLINE_", "CODEX_", "COPILOT_", "CRUSH_",
	"CURSOR_", "GEMINI_CLI", "GOOSE_", "OPENCODE", "OPENCODE_", "QWEN_CODE", "REPL_ID", "ROO_", "WINDSURF_"}

// notAgents are variables of those names that a person sets.
var notAgents = []string{"CODEX_HOME", "AIDER_MODEL"}

// agentVariable is the name of a variable that shows that an agent runs this, ""
// where there is none.
func agentVariable(environ []string, lookup func(string) (string, bool)) string {
	for _, name := range agentVariables {
		if value, _ := lookup(name); value != "" {
			return name
		}
	}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		name = strings.ToUpper(name)
		if value == "" || slices.Contains(notAgents, name) {
			continue
		}
		for _, agent := range agentVariables {
			if name == agent || strings.HasSuffix(agent, "_") && strings.HasPrefix(name, agent) {
				return name
			}
		}
	}
	return ""
}
