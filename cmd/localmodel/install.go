package main

import (
	"context"
	"path/filepath"
	"runtime"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/option"
)

const aboutInstall = `
Adds localmodel to the configuration of an MCP client: claude-code, claude-desktop, codex, copilot-cli, cursor, gemini, vscode or zed. Without a client it lists them with their files.

The file is edited in place: entries of others, comments, order and line ends stay, and a copy of the file as it was is kept beside it. A file that cannot be parsed is refused and left alone.`

func install(_ context.Context, w world, args []string) error {
	var o clients.Options
	fs := option.Flags(w.out, "install", "[CLIENT] [OPTION...]", aboutInstall)
	fs.BoolVar(&o.Project, "project", false, "the file of this project instead of your own")
	fs.BoolVar(&o.DryRun, "dry-run", false, "show the difference and change nothing")
	fs.BoolVar(&o.Print, "print", false, "print a whole file with the entry and change nothing")
	fs.BoolVar(&o.Replace, "replace", false, "put the entry in the place of another localmodel entry")
	fs.StringVar(&o.Command, "command", "", "the `PATH` of the program to start; left out, this one")
	fs.Func("env", "a variable for the server, `NAME=VALUE`; may be given again", o.AddEnv)
	rest, err := option.Parse(fs, args, 1)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return clients.List(w.out, clientPlace(w))
	}
	c, err := clients.Lookup(rest[0])
	if err != nil {
		return exitError{2, "localmodel install: " + err.Error()}
	}
	return o.InstallInto(w.out, c, clientPlace(w))
}

const aboutUninstall = `
Takes localmodel out of a client's configuration. Where nothing else changed since install, the file is as it was before, to the byte.`

func uninstall(_ context.Context, w world, args []string) error {
	var o clients.Options
	fs := option.Flags(w.out, "uninstall", "CLIENT [--project] [--dry-run]", aboutUninstall)
	fs.BoolVar(&o.Project, "project", false, "the file of this project instead of your own")
	fs.BoolVar(&o.DryRun, "dry-run", false, "show the difference and change nothing")
	rest, err := option.Parse(fs, args, 1)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return exitError{2, "localmodel uninstall: which client? localmodel install lists them"}
	}
	c, err := clients.Lookup(rest[0])
	if err != nil {
		return exitError{2, "localmodel uninstall: " + err.Error()}
	}
	return o.UninstallFrom(w.out, c, clientPlace(w))
}

func clientPlace(w world) clients.Place {
	c := loadConfig(w.lookup)
	root, err := filepath.Abs(c.root)
	if err != nil {
		root = c.root
	}
	return clients.Place{OS: runtime.GOOS, Home: c.home, Root: root, Lookup: w.lookup}
}
