package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

const aboutConfig = `
Prints each setting with its value and where the value comes from: the environment, config.toml in your config directory, the project as far as you trust it, or the default. Keys and passwords are not shown.`

// configReport is what `localmodel config --json` prints.
type configReport struct {
	File      string           `json:"file"`
	Settings  []settings.Value `json:"settings"`
	Problems  []string         `json:"problems,omitempty"`
	Untrusted []string         `json:"untrusted,omitempty"`
}

func configCommand(w app.Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "print each setting and where its value comes from",
		Long:  aboutConfig,
		RunE:  func(*cobra.Command, []string) error { return showConfig(w, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the settings as JSON")
	return cmd
}

func showConfig(w app.Env, asJSON bool) error {
	c := app.Load(w)
	r := configReport{File: c.ConfigFile(), Settings: c.Values(), Problems: c.Problems, Untrusted: c.TrustNotes()}
	if asJSON {
		return plain.PrintJSON(w.Out, r)
	}
	widest := 0
	for _, v := range r.Settings {
		widest = max(widest, len(v.Name))
	}
	fmt.Fprintf(w.Out, "Your file: %s\n\n", plain.Line(r.File))
	for _, v := range r.Settings {
		term.Print(w.Out, fmt.Sprintf("%-*s  ", widest, v.Name), fmt.Sprintf("%s (%s)", v.Value, v.From))
	}
	for _, text := range append(r.Problems, r.Untrusted...) {
		term.Print(w.Err, "! ", plain.Line(text))
	}
	return nil
}
