package documents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// newClaudeUser has `claude` as well: the real one where it is on the PATH, else
// this test binary, which behaves as standIn says.
func newClaudeUser(t *testing.T) user {
	t.Helper()
	u := newUser(t, "DISABLE_AUTOUPDATER=1")
	if _, err := exec.LookPath("claude"); err != nil {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		u.put(t, "claude", self)
	}
	return u
}

func runClaude(t *testing.T, line string) error {
	u := newClaudeUser(t)
	w := words(line)
	if len(w) > 2 && w[1] == "plugin" {
		u.project = root // the plugin is in the checkout
		if w[2] == "install" {
			if _, err := u.shell(t, "claude plugin marketplace add "+checkout(t)); err != nil {
				return err
			}
		}
	}
	if _, err := u.shell(t, line); err != nil || len(w) < 3 || w[1] != "mcp" || w[2] != "add" {
		return err
	}
	out, err := u.shell(t, "claude mcp list") // the server that was added works
	if err == nil && !strings.Contains(out, "localmodel: localmodel serve - ✔ Connected") {
		err = fmt.Errorf("claude mcp list says:\n%s", out)
	}
	return err
}

// runPlugin runs a /plugin command of Claude Code as the command of the shell
// that does the same, on this checkout in the place of the repository.
func runPlugin(t *testing.T, line string) error {
	w := words(line)
	if slices.Equal(w[1:3], []string{"marketplace", "add"}) {
		if "github.com/"+w[3] != module {
			return fmt.Errorf("%s is not the repository", w[3])
		}
		return runClaude(t, "claude plugin marketplace add "+checkout(t))
	}
	return runClaude(t, "claude "+strings.TrimPrefix(line, "/"))
}

// runSlash sees that the plugin has the command.
func runSlash(t *testing.T, line string) error {
	_, name, _ := strings.Cut(line, ":")
	_, err := os.Stat(filepath.Join(root, "integration/claude-plugin/commands", name+".md"))
	return err
}

func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// standIn imitates what Claude Code 2.1.328 does of the commands in the
// documents: their form, a server that is started by mcp list, a marketplace
// that is read. Its memory is a file in the user's home.
func standIn(args []string) int {
	home, err := os.UserHomeDir()
	if err == nil {
		err = claude(filepath.Join(home, ".claude-stand-in.json"), args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}

type memory struct {
	Servers map[string][]string
	Markets map[string]string // name to directory
}

func claude(file string, args []string) error {
	m := memory{map[string][]string{}, map[string]string{}}
	if data, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
	}
	verb := strings.Join(args[:min(2, len(args))], " ")
	if verb == "plugin marketplace" && len(args) > 2 {
		verb += " " + args[2]
	}
	rest := args[len(strings.Fields(verb)):]
	var err error
	switch verb {
	case "mcp add":
		err = m.add(rest)
	case "mcp list":
		err = m.list(rest)
	case "plugin marketplace add":
		err = m.market(rest)
	case "plugin install":
		err = m.install(rest)
	case "plugin validate":
		err = validate(rest)
	default:
		err = fmt.Errorf("unknown command %q", args)
	}
	if err != nil {
		return err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// add is mcp add NAME -- COMMAND ARG...
func (m memory) add(args []string) error {
	if len(args) < 3 || args[1] != "--" || strings.Trim(args[0], "abcdefghijklmnopqrstuvwxyz-_0123456789") != "" {
		return fmt.Errorf("mcp add NAME -- COMMAND, got %q", args)
	}
	m.Servers[args[0]] = args[2:]
	return nil
}

// list starts each server, as the real one does; its exit code is always 0.
func (m memory) list(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("mcp list takes no %q", args)
	}
	for name, command := range m.Servers {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"stand-in","version":"1"}}}` + "\n")
		state := "✔ Connected"
		if out, err := cmd.Output(); err != nil || !bytes.Contains(out, []byte(`"serverInfo"`)) {
			state = "✘ Failed to connect"
		}
		fmt.Printf("%s: %s - %s\n", name, strings.Join(command, " "), state)
	}
	return nil
}

type marketplace struct {
	Name    string
	Plugins []struct{ Name, Source string }
}

func readMarket(dir string) (mk marketplace, err error) {
	data, err := os.ReadFile(filepath.Join(dir, ".claude-plugin", "marketplace.json"))
	if err != nil {
		return mk, err
	}
	return mk, json.Unmarshal(data, &mk)
}

func (m memory) market(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("plugin marketplace add SOURCE, got %q", args)
	}
	mk, err := readMarket(args[0])
	m.Markets[mk.Name] = args[0]
	return err
}

func (m memory) install(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("plugin install PLUGIN@MARKETPLACE, got %q", args)
	}
	plugin, market, _ := strings.Cut(args[0], "@")
	mk, err := readMarket(m.Markets[market])
	if err != nil {
		return fmt.Errorf("marketplace %q: %w", market, err)
	}
	for _, p := range mk.Plugins {
		if p.Name == plugin {
			return validate([]string{filepath.Join(m.Markets[market], p.Source)})
		}
	}
	return fmt.Errorf("plugin %q not found in marketplace %q", plugin, market)
}

// validate is plugin validate [--strict] [--profile directory] DIR.
func validate(args []string) error {
	var dirs []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--strict":
		case "--profile":
			if i++; i == len(args) || args[i] != "directory" {
				return errors.New("the profile is directory")
			}
		default:
			dirs = append(dirs, args[i])
		}
	}
	if len(dirs) != 1 {
		return fmt.Errorf("plugin validate DIR, got %q", args)
	}
	_, err := os.Stat(filepath.Join(dirs[0], ".claude-plugin", "plugin.json"))
	return err
}
