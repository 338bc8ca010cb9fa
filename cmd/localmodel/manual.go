package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/manual"
	"github.com/fjbelchi/localmodel/cmd/localmodel/option"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/tools"
)

// theManual asks every command for its --help.
func theManual(w world) manual.Manual {
	var overview bytes.Buffer
	usage(&overview)
	m := manual.Manual{Version: version(), Settings: settings.Table, Words: map[string][]string{"completion": manual.Shells}}
	for _, c := range commands() {
		var help bytes.Buffer
		page := manual.Command{Name: c.name, Args: c.args, Short: c.short}
		run(context.Background(), []string{c.name, "--help"}, w.lookup, strings.NewReader(""), &help, io.Discard)
		if !bytes.Equal(help.Bytes(), overview.Bytes()) {
			page.Help = help.String()
		}
		m.Commands = append(m.Commands, page)
	}
	for _, c := range clients.All() {
		m.Words["install"] = append(m.Words["install"], c.Name)
	}
	m.Words["uninstall"] = m.Words["install"]
	for _, t := range tools.All(&tools.Deps{}) {
		m.Words["call"] = append(m.Words["call"], t.Declaration.Name)
	}
	return m
}

const aboutMan = `
Prints the man page: localmodel man | man -l -`

func manPage(_ context.Context, w world, args []string) error {
	if _, err := option.Parse(option.Flags(w.out, "man", "", aboutMan), args, 0); err != nil {
		return err
	}
	_, err := io.WriteString(w.out, theManual(w).Roff())
	return err
}

const aboutCompletion = `
Prints the script that completes localmodel's command line: bash, fish, powershell or zsh. Its first comment says how to load it.`

func completion(_ context.Context, w world, args []string) error {
	rest, err := option.Parse(option.Flags(w.out, "completion", "SHELL", aboutCompletion), args, 1)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return exitError{2, "localmodel completion: which shell? " + strings.Join(manual.Shells, ", ")}
	}
	script, err := theManual(w).Completion(rest[0])
	if err != nil {
		return exitError{2, "localmodel completion: " + err.Error()}
	}
	_, err = fmt.Fprint(w.out, script)
	return err
}
