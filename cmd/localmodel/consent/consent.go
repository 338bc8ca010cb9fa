// Package consent has a person agree to what a project asks for: what `localmodel
// trust` does.
package consent

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing/place"
)

// Session is a person at a terminal, and what the project asks for.
type Session struct {
	app.Env
	*app.Config
	commands bool // ask for the commands alone
}

// New returns the session in which a command runs; commands says that it is
// about the project's commands alone.
func New(e app.Env, commands bool) Session { return Session{e, app.Load(e), commands} }

// Grant shows what the project asks for and records what is agreed to.
func (s Session) Grant(ctx context.Context) error {
	for _, text := range s.Problems {
		term.Print(s.Err, "! ", plain.Line(text))
	}
	groups := s.groups()
	if len(groups) == 0 {
		fmt.Fprintf(s.Out, "%s asks for nothing that has to be trusted.\n", plain.Line(s.Root))
		return nil
	}
	if agent := AgentVariable(s.Env); agent != "" {
		return exitcode.New(1, agent+" is set, so an agent may have run this: run localmodel trust in a terminal of your own")
	}
	if !term.Is(s.In) || !term.Is(s.Err) {
		return exitcode.New(1, "not a terminal: run localmodel trust in a terminal, where you type the answer")
	}
	in := bufio.NewReader(io.LimitReader(s.In, 4096))
	for _, requests := range groups {
		answer := s.explain(requests)
		typed, _ := in.ReadString('\n') // "" is no answer
		if strings.TrimSpace(typed) != answer {
			return exitcode.New(1, "not what the project asks for: nothing more is trusted")
		}
		if _, err := settings.Trust(ctx, s.Dirs.State, s.Root, requests); err != nil {
			return err
		}
		fmt.Fprintln(s.Out, "Trusted until a value changes. Take it back: localmodel trust --revoke")
	}
	return nil
}

// Revoke trusts nothing of the project any more.
func (s Session) Revoke(ctx context.Context) error {
	changed, err := settings.Trust(ctx, s.Dirs.State, s.Root, nil)
	if err != nil {
		return err
	}
	was := "was trusted"
	if changed {
		was = "is trusted any more"
	}
	fmt.Fprintf(s.Out, "Nothing of %s %s.\n", plain.Line(s.Root), was)
	return nil
}

// groups lists what is trusted together, by one answer: the commands only where
// drafts are on or they are asked for.
func (s Session) groups() (out [][]settings.Request) {
	if len(s.Project.Requests) > 0 && !s.commands {
		out = append(out, s.Project.Requests)
	}
	if len(s.Project.Commands) > 0 && (s.commands || s.Draft && !s.Project.CommandsTrusted) {
		out = append(out, s.Project.Commands)
	}
	return out
}

// explain shows what the project asks for and what that means, and returns the
// answer of who agrees: the address where tickets and the key would be sent, or a
// word where commands would run.
func (s Session) explain(requests []settings.Request) (answer string) {
	fmt.Fprintf(s.Err, "%s asks for:\n", plain.Line(s.Root))
	address := s.Proxy
	for _, r := range requests {
		fmt.Fprintf(s.Err, "  %s = %s\n", r.Key, plain.Line(r.Value))
		if r.Address() {
			address = r.Value
		}
	}
	if requests[0].Command() {
		const word = "run"
		term.Print(s.Err, "", "They would run with your rights in a copy of the working tree, on code that the local model wrote "+
			"for a ticket: what that code does when it is tested, it does as you.")
		fmt.Fprintf(s.Err, "\nType %s to trust them: ", word)
		return word
	}
	where := "on another machine"
	if place.Loopback(address) {
		where = "on this machine"
	}
	term.Print(s.Err, "", "Tickets, affected files and the proxy's key would be sent to the following address, "+where+".")
	fmt.Fprintf(s.Err, "\n  %s\n\nType it to trust it: ", plain.Line(address))
	return address
}

// agentVariables are what agents and the editors that run them set; one that ends
// in an underscore is a prefix.
var agentVariables = []string{"AGENT", "AIDER_", "AI_AGENT", "AMP_", "CLAUDECODE", "CLAUDE_CODE_", "CLINE_", "CODEX_", "COPILOT_", "CRUSH_",
	"CURSOR_", "GEMINI_CLI", "GOOSE_", "OPENCODE", "OPENCODE_", "QWEN_CODE", "REPL_ID", "ROO_", "WINDSURF_"}

// notAgents are variables of those names that a person sets.
var notAgents = []string{"CODEX_HOME", "AIDER_MODEL"}

// AgentVariable is the name of a variable that shows that an agent runs this, ""
// where there is none.
func AgentVariable(e app.Env) string {
	for _, name := range agentVariables {
		if value, _ := e.Lookup(name); value != "" {
			return name
		}
	}
	for _, pair := range app.Environ() {
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
