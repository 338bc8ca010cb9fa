package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/serve"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
)

const aboutRoot = `
localmodel lets a free local model take the cheap work on tickets. It is an MCP server with four tools, and the commands around it.

A client starts the server as "localmodel" or "localmodel serve" and speaks MCP on its standard input and output. "localmodel setup" finds a model and adds the server to your clients; "localmodel install CLIENT" adds it to one.`

// fewColumns are too few for names and meanings of flags side by side.
const fewColumns = 60

// newRoot puts the command line together. raw has the streams without a filter:
// the server's output is JSON-RPC, not text for a person.
func newRoot(w, raw app.Env) *cobra.Command {
	cobra.MousetrapHelpText = "" // on Windows a client may be what Explorer started
	root := &cobra.Command{
		Use:           "localmodel",
		Short:         "let a free local model take the cheap work on tickets",
		Long:          paragraphs(w.Out, aboutRoot),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,

		SuggestionsMinimumDistance: 2,
	}
	version := root.Flags().BoolP("version", "v", false, "print the version")
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case *version:
			return printVersion(w)
		case term.Is(w.In): // nobody speaks MCP by hand
			return cmd.Help()
		}
		return serve.Run(cmd.Context(), raw)
	}
	root.SetIn(w.In)
	root.SetOut(w.Out)
	root.SetErr(w.Err)
	root.SetUsageTemplate(usageWithin(root.UsageTemplate(), term.Width(w.Out)))
	add := func(title string, list ...*cobra.Command) {
		if title != "" {
			root.AddGroup(&cobra.Group{ID: title, Title: title})
		}
		for _, c := range list {
			c.GroupID, c.Long = title, paragraphs(w.Out, c.Long)
			if c.Args == nil {
				c.Args = atMost(0)
			}
			root.AddCommand(c)
		}
	}
	add("Set up:", setupCommand(w), installCommand(w), uninstallCommand(w), doctorCommand(w), configCommand(w), trustCommand(w))
	add("Use:", serveCommand(raw), callCommand(w), askCommand(w), demoCommand(w), hintCommand(w))
	add("Report:", statsCommand(w), exportCommand(w), evalCommand(w), projectsCommand(w))
	add("", completionCommand(w), versionCommand(w))
	return root
}

// usageWithin is cobra's template of the usage, for so many columns.
func usageWithin(template string, columns int) string {
	cobra.AddTemplateFunc("within", func(columns int, head, text string) string {
		return strings.TrimSuffix(term.WrapColumn(columns, head, text), "\n")
	})
	cobra.AddTemplateFunc("flagsWithin", flagsWithin)
	return strings.NewReplacer(
		"FlagUsages |", fmt.Sprintf("FlagUsages | flagsWithin %d |", columns),
		"  {{rpad .Name .NamePadding }} {{.Short}}", fmt.Sprintf(`{{within %d (printf "  %%s " (rpad .Name .NamePadding)) .Short}}`, columns),
		`Use "{{.CommandPath}} [command] --help" for more information about a command.`,
		fmt.Sprintf(`{{within %d "" (printf "Use \"%%s [command] --help\" for more information about a command." .CommandPath)}}`, columns),
	).Replace(template)
}

// flagsWithin lays out the flags, one a line as pflag has them, for so many
// columns. Where these are few, the meaning is beneath the name.
func flagsWithin(columns int, usages string) string {
	const (
		before = len("  -h, ")
		gap    = "   " // pflag's, before the meanings
	)
	var b strings.Builder
	for line := range strings.Lines(usages) {
		line = strings.TrimRight(line, "\n")
		if len(line) < before {
			continue
		}
		name, meaning, _ := strings.Cut(line[before:], gap)
		name, meaning = line[:before]+name, strings.TrimLeft(meaning, " ")
		if columns < fewColumns {
			b.WriteString(name + "\n" + term.Wrap(columns, strings.Repeat(" ", before+2), meaning))
			continue
		}
		b.WriteString(term.WrapColumn(columns, line[:len(line)-len(meaning)], meaning))
	}
	return b.String()
}

// paragraphs lays out a help text for a stream. What is indented stays as it is.
func paragraphs(out io.Writer, text string) string {
	var parts []string
	for _, p := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if !strings.HasPrefix(p, "  ") {
			p = strings.TrimSuffix(term.Wrap(term.Width(out), "", p), "\n")
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, "\n\n")
}

// noSuchCommand refuses an argument of the program itself, which is a command
// that is not there, and names those that are like it.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", args[0])
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		text += "; did you mean " + strings.Join(like, " or ") + "?"
	}
	return fmt.Errorf("%s", text)
}

func atMost(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("unexpected argument %q", args[n])
		}
		return nil
	}
}

const aboutCompletion = `
Prints the script that completes localmodel's command line in a shell: bash, fish, powershell or zsh.

To load it:

  bash:        source <(localmodel completion bash)
  fish:        localmodel completion fish | source
  powershell:  localmodel completion powershell | Out-String | Invoke-Expression
  zsh:         source <(localmodel completion zsh)`

func completionCommand(w app.Env) *cobra.Command {
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "print the shell's completion script",
		Long:      aboutCompletion,
		ValidArgs: []string{"bash", "fish", "powershell", "zsh"},
		Args:      atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root, shell := cmd.Root(), ""
			if len(args) > 0 {
				shell = args[0]
			}
			switch shell {
			case "bash":
				return root.GenBashCompletionV2(w.Out, true)
			case "fish":
				return root.GenFishCompletion(w.Out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(w.Out)
			case "zsh":
				return root.GenZshCompletion(w.Out)
			}
			return exitcode.New(2, "localmodel completion: name a shell: "+strings.Join(cmd.ValidArgs, ", "))
		},
	}
}
