// Package manual writes the man pages. Only the release uses it: the program
// itself carries no generator.
package manual

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
)

// Page writes one man page, section 1: the program, each command beneath it, the
// settings and the files.
func Page(out io.Writer, root *cobra.Command, version string, table []settings.Row) error {
	// One page holds all commands: the generator's page of the program is its
	// head, and each command's description and options follow as a section.
	head := &doc.GenManHeader{Title: "LOCALMODEL", Section: "1", Source: "localmodel " + version, Manual: "User Commands"}
	page := *root
	page.DisableAutoGenTag = true
	page.Long = root.Long + "\n" + commandSections(root) + settingSections(table)
	return doc.GenMan(&page, head, out)
}

// commandSections is markdown, which the generator makes roff of.
func commandSections(parent *cobra.Command) string {
	var b strings.Builder
	b.WriteString("\n# COMMANDS\n")
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, c := range c.Commands() {
			if !c.IsAvailableCommand() || c.Name() == "help" {
				continue
			}
			c.InitDefaultHelpFlag()
			fmt.Fprintf(&b, "\n## %s\n%s\n", escape(c.UseLine()), markdown(cmp.Or(c.Long, c.Short)))
			if flags := c.NonInheritedFlags(); flags.HasAvailableFlags() {
				fmt.Fprintf(&b, "\n```\n%s```\n", flags.FlagUsagesWrapped(72))
			}
			walk(c)
		}
	}
	walk(parent)
	return b.String()
}

func settingSections(table []settings.Row) string {
	var b strings.Builder
	b.WriteString("\n# ENVIRONMENT\n" + environment + "\n")
	for _, s := range table {
		fmt.Fprintf(&b, "\n**%s**\n: %s (default %s)\n", escape(s.Name), escape(s.Meaning), escape(cmp.Or(s.Default, "none")))
	}
	b.WriteString("\n# FILES\n")
	for _, f := range files {
		fmt.Fprintf(&b, "\n*%s*\n: %s\n", escape(f[0]), escape(f[1]))
	}
	b.WriteString("\n# EXIT STATUS\n0 on success, 1 on failure, 2 where the command line is wrong; a command that differs says so above.\n")
	return b.String()
}

// markdown keeps the indented blocks of a help text as they are.
func markdown(help string) string {
	var out []string
	for _, p := range strings.Split(help, "\n\n") {
		if strings.HasPrefix(p, "  ") {
			p = "```\n" + p + "\n```"
		} else {
			p = escape(p)
		}
		out = append(out, p)
	}
	return strings.Join(out, "\n\n")
}

func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", `\<`, "[", `\[`, "|", `\|`).Replace(text)
}

const environment = "A flag wins over the environment, the environment over config.toml, that over what you trusted of " +
	"backlog.config.json in the project, that over the default. In config.toml the keys are these names in lower case, " +
	"without LOCALMODEL\\_. A bad value never stops the program: doctor names it."

var files = [][2]string{
	{"~/.local/state/localmodel/journal.db", "The journal of all projects (on macOS in ~/Library/Application Support, on Windows in %LocalAppData%): every outcome, attempt, model call and cost."},
	{".claude/implementer-state.json", "Its counters for other programs, in stats.localModelStats."},
	{"config.toml", "Your settings: in ~/.config/localmodel, on macOS in ~/Library/Application Support/localmodel, on Windows in %AppData%\\localmodel."},
	{"backlog.config.json", "Settings of the project, as far as you trust them: localmodel trust."},
}
