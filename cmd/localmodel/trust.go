package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/option"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing/place"
)

const aboutTrust = `
Lets the project's backlog.config.json name the proxy and the variable with its key. It shows the exact values and asks for the address to be typed, on a terminal: a ticket could tell a model to run this command, so nothing skips the question. A value that changes has to be trusted again.`

// trust records the settings that the project asks for as trusted.
func trust(ctx context.Context, w world, args []string) error {
	fs := option.Flags(w.out, "trust", "[--revoke]", aboutTrust)
	revoke := fs.Bool("revoke", false, "trust nothing of this project any more")
	if _, err := option.Parse(fs, args, 0); err != nil {
		return err
	}
	c := loadConfig(w.lookup)
	root := plain.Line(c.root)
	if *revoke {
		changed, err := settings.Trust(ctx, c.Dirs.State, c.root, nil)
		if err == nil && !changed {
			fmt.Fprintf(w.out, "Nothing of %s was trusted.\n", root)
		} else if err == nil {
			fmt.Fprintf(w.out, "Nothing of %s is trusted any more.\n", root)
		}
		return err
	}
	for _, text := range c.problems {
		fmt.Fprint(w.err, term.Wrap("! ", plain.Line(text)))
	}
	if len(c.Project.Requests) == 0 {
		fmt.Fprintf(w.out, "%s asks for nothing that has to be trusted.\n", root)
		return nil
	}
	if name := agentVariable(environ(), w.lookup); name != "" {
		return exitError{1, name + " is set, so an agent may have run this: run localmodel trust in a terminal of your own"}
	}
	if !term.Is(w.in) || !term.Is(w.err) {
		return exitError{1, "not a terminal: run localmodel trust in a terminal, where you type the address"}
	}
	if !confirmTrust(w.in, w.err, c) {
		return exitError{1, "not what the project asks for: nothing is trusted"}
	}
	if _, err := settings.Trust(ctx, c.Dirs.State, c.root, c.Project.Requests); err != nil {
		return err
	}
	fmt.Fprintln(w.out, "Trusted until a value changes. Take it back: localmodel trust --revoke")
	return nil
}

// confirmTrust shows what the project asks for and has its address typed.
func confirmTrust(in io.Reader, out io.Writer, c *config) bool {
	address := c.proxy
	fmt.Fprintf(out, "%s asks for:\n", plain.Line(c.root))
	for _, r := range c.Project.Requests {
		fmt.Fprintf(out, "  %s = %s\n", r.Key, plain.Line(r.Value))
		if r.Address() {
			address = r.Value
		}
	}
	where := "on another machine"
	if place.Loopback(address) {
		where = "on this machine"
	}
	fmt.Fprint(out, term.Wrap("", "Tickets, affected files and the proxy's key would be sent to the following address, "+where+"."))
	fmt.Fprintf(out, "\n  %s\n\nType it to trust it: ", plain.Line(address))
	typed, _ := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n') // "" is no address
	return strings.TrimSpace(typed) == address
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
