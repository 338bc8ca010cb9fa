package main

import (
	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/question"
)

const aboutAsk = `
Puts one question to one tier and prints the answer. No other tier is asked if that one does not answer.

Arguments are visible in the process list: pass confidential text through --file or standard input. Secrets are masked in what is sent to another machine, and stderr names them.

The answer is on stdout, who gave it and at what cost on stderr. Exit codes:

  0  answered
  1  nothing could answer; stderr says why and how to fix it
  2  usage
  3  refused by budget: LOCALMODEL_CLOUD_DAILY_USD, or the proxy's own`

func askCommand(w app.Env) *cobra.Command {
	var o question.Options
	cmd := &cobra.Command{
		Use:   "ask",
		Short: "put one question to one tier",
		Long:  aboutAsk,
		RunE:  func(cmd *cobra.Command, _ []string) error { return question.Run(cmd.Context(), w, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Model, "model", "free", "`TIER`: free, the local model (under LOCALMODEL_LOCAL=proxy the proxy's group free); cheap or balanced, the proxy's paid tiers")
	f.StringVar(&o.System, "system", "", "instructions before the question, a `TEXT`")
	f.StringVar(&o.User, "user", "", "the question, a `TEXT`; without it --file, without that standard input")
	f.StringVar(&o.File, "file", "", "read the question from a `FILE`")
	f.IntVar(&o.Tokens, "max-tokens", question.DefaultTokens, "output limit, `N` tokens; for free at most half of LOCALMODEL_NUM_CTX where it is not given")
	f.Float64Var(&o.Temperature, "temperature", question.DefaultTemperature, "a `NUMBER` from 0 to 2")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) { o.TokensGiven = cmd.Flags().Changed("max-tokens") }
	return cmd
}
