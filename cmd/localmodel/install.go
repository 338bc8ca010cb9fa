package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
)

const aboutInstall = `
Adds localmodel to the configuration of an MCP client: claude-code, claude-desktop, codex, copilot-cli, cursor, gemini, vscode or zed. Without a client it lists them with their files.

The file is edited in place: entries of others, comments, order and line ends stay, and a copy of the file as it was is kept beside it. A file that cannot be parsed is refused and left alone.`

func installCommand(w app.Env) *cobra.Command {
	var o clients.Options
	cmd := &cobra.Command{
		Use:       "install [CLIENT]",
		Short:     "add localmodel to an MCP client's configuration",
		Long:      aboutInstall,
		Args:      atMost(1),
		ValidArgs: clients.Names(),
		RunE:      func(_ *cobra.Command, args []string) error { return install(w, o, args) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.Project, "project", false, "the file of this project instead of your own")
	fs.BoolVar(&o.DryRun, "dry-run", false, "show the difference and change nothing")
	fs.BoolVar(&o.Print, "print", false, "print a whole file with the entry and change nothing")
	fs.BoolVar(&o.Replace, "replace", false, "put the entry in the place of another localmodel entry")
	fs.StringVar(&o.Command, "command", "", "the `PATH` of the program to start; left out, this one")
	fs.Func("env", "a variable for the server, `NAME=VALUE`; may be given again", o.AddEnv)
	return cmd
}

func install(w app.Env, o clients.Options, args []string) error {
	if len(args) == 0 {
		return clients.List(w.Out, app.Load(w).ClientPlace())
	}
	c, err := clients.Lookup(args[0])
	if err != nil {
		return exitcode.New(2, "localmodel install: "+err.Error())
	}
	return o.InstallInto(w.Out, c, app.Load(w).ClientPlace())
}

const aboutUninstall = `
Takes localmodel out of a client's configuration. Where nothing else changed since install, the file is as it was before, to the byte.`

func uninstallCommand(w app.Env) *cobra.Command {
	var o clients.Options
	cmd := &cobra.Command{
		Use:       "uninstall CLIENT",
		Short:     "take localmodel out of a client's configuration",
		Long:      aboutUninstall,
		Args:      atMost(1),
		ValidArgs: clients.Names(),
		RunE:      func(_ *cobra.Command, args []string) error { return uninstall(w, o, args) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.Project, "project", false, "the file of this project instead of your own")
	fs.BoolVar(&o.DryRun, "dry-run", false, "show the difference and change nothing")
	return cmd
}

func uninstall(w app.Env, o clients.Options, args []string) error {
	if len(args) == 0 {
		return exitcode.New(2, "localmodel uninstall: which client? localmodel install lists them")
	}
	c, err := clients.Lookup(args[0])
	if err != nil {
		return exitcode.New(2, "localmodel uninstall: "+err.Error())
	}
	return o.UninstallFrom(w.Out, c, app.Load(w).ClientPlace())
}
