package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
)

const aboutAsk = `
Puts one question to one tier and prints the answer. No other tier is asked if that one does not answer.

Arguments are visible in the process list: pass confidential text through --file or standard input. Secrets are masked in what is sent to another machine, and stderr names them.

The answer is on stdout, who gave it and at what cost on stderr. Exit codes:

  0  answered
  1  nothing could answer; stderr says why and how to fix it
  2  usage
  3  refused by budget: LOCALMODEL_CLOUD_DAILY_USD, or the proxy's own`

const (
	askTokens      = 4096
	askTemperature = 0.2
	askLimit       = 15 * time.Minute // a cold large model loads first
	exitBudget     = 3
)

// question is what a person asks on the command line.
type question struct {
	tier         policy.Tier
	system, user string
	tokens       int // 0 = not said
	temperature  float64
}

func askCommand(w env) *cobra.Command {
	var o askOptions
	cmd := &cobra.Command{
		Use:   "ask",
		Short: "put one question to one tier",
		Long:  aboutAsk,
		Args:  atMost(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return ask(cmd.Context(), w, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "free", "`TIER`: free, the local model (under LOCALMODEL_LOCAL=proxy the proxy's group free); cheap or balanced, the proxy's paid tiers")
	f.StringVar(&o.system, "system", "", "instructions before the question, a `TEXT`")
	f.StringVar(&o.user, "user", "", "the question, a `TEXT`; without it --file, without that standard input")
	f.StringVar(&o.file, "file", "", "read the question from a `FILE`")
	f.IntVar(&o.tokens, "max-tokens", askTokens, "output limit, `N` tokens; for free at most half of LOCALMODEL_NUM_CTX where it is not given")
	f.Float64Var(&o.temperature, "temperature", askTemperature, "a `NUMBER` from 0 to 2")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) { o.tokensGiven = cmd.Flags().Changed("max-tokens") }
	return cmd
}

// askOptions are ask's flags.
type askOptions struct {
	model, system, user, file string
	tokens                    int
	tokensGiven               bool
	temperature               float64
}

// ask is the shell's way to a model: one question, one tier.
func ask(ctx context.Context, w env, o askOptions) error {
	q, err := o.question(w.in)
	if err != nil {
		return exitError{2, "localmodel ask: " + err.Error() + "; localmodel ask --help says more"}
	}
	c := loadConfig(w.lookup)
	if q.tier != policy.Local && !c.cloud {
		return exitError{1, "localmodel ask: " + string(q.tier) + " is not asked under LOCALMODEL_CLOUD=never"}
	}
	if q.tokens == 0 { // not said: room for the question, where the window is small
		if q.tokens = askTokens; q.tier == policy.Local {
			q.tokens = min(askTokens, c.numCtx/2)
		}
	}
	p := assemble(w, c, q.tier)
	defer func() {
		if err := p.store.Close(); err != nil {
			p.log.Warn("closing the journal", "err", err)
		}
	}()
	withheld := &prompts.Withheld{}
	if q.tier != policy.Local {
		withheld.Mask([]string{"the system prompt"}, &q.system)
	}
	limited, stop := context.WithTimeout(ctx, askLimit)
	defer stop()
	a, err := p.router.Complete(limited, policy.Auto, routing.Request{
		Purpose: "ask", System: q.system, User: q.user, MaxTokens: q.tokens, Sampling: routing.Sampling{Temperature: q.temperature},
		Remote: func() (string, []string) {
			text := q.user
			withheld.Mask([]string{"the question"}, &text)
			return text, withheld.Words()
		}})
	for _, text := range withheld.Words() {
		fmt.Fprintln(w.err, plain.Line(text))
	}
	if err != nil {
		return unanswered(q.tier, err)
	}
	if _, err := fmt.Fprintln(w.out, strings.TrimRight(string(a.Text), "\n")); err != nil {
		return err
	}
	fmt.Fprintln(w.err, plain.Line(credit(q.tier, a)))
	return nil
}

// question checks the flags and reads the question from where it is.
func (o askOptions) question(in io.Reader) (question, error) {
	q := question{system: o.system, user: o.user, temperature: o.temperature}
	switch o.model {
	case "free":
		q.tier = policy.Local
	case "cheap", "balanced":
		q.tier = policy.Tier(o.model)
	default:
		return q, fmt.Errorf("--model is free, cheap or balanced, not %q", o.model)
	}
	switch {
	case o.tokensGiven && o.tokens < 1:
		return q, errors.New("--max-tokens is a whole number of at least 1")
	case !(q.temperature >= 0 && q.temperature <= 2):
		return q, errors.New("--temperature is between 0 and 2")
	}
	if o.tokensGiven {
		q.tokens = o.tokens
	}
	if q.temperature == 0 {
		q.temperature = 1e-6 // the router takes 0 for "the default"
	}
	return q, q.readUser(in, o.file)
}

// readUser fills the question from the file, or from standard input, where it
// was not given itself.
func (q *question) readUser(in io.Reader, file string) error {
	if strings.TrimSpace(q.user) != "" {
		return nil
	}
	var data []byte
	var err error
	switch terminal := isTerminal(in); {
	case file != "":
		data, err = rootfs.ReadArgument(file, maxArgumentBytes)
	case terminal:
		return errors.New("there is no question: give --user or --file, or pipe it in")
	default:
		data, err = io.ReadAll(in)
	}
	if err != nil {
		return err
	}
	if q.user = string(data); strings.TrimSpace(q.user) == "" {
		return errors.New("the question is empty")
	}
	return nil
}

func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// unanswered reports why there is no answer, and the fix.
func unanswered(tier policy.Tier, err error) error {
	var u *routing.Unanswered
	if !errors.As(err, &u) {
		if errors.Is(err, context.DeadlineExceeded) {
			return exitError{1, fmt.Sprintf("localmodel ask: no answer within %s", askLimit)}
		}
		return exitError{1, "localmodel ask: " + err.Error()}
	}
	if len(u.Attempts) == 0 {
		return exitError{1, fmt.Sprintf("localmodel ask: %s may not be asked: LITELLM_BASE_URL is not on this machine, and LOCALMODEL_CLOUD=never", tier)}
	}
	last := u.Attempts[len(u.Attempts)-1]
	text := fmt.Sprintf("localmodel ask: %s did not answer: %s", shellName(last.Tier), last.Reason)
	if last.Fix != "" {
		text += "\n" + last.Fix
	}
	if last.Kind == routing.BudgetSpent {
		return exitError{exitBudget, text}
	}
	return exitError{1, text}
}

// credit says who answered, in how many tokens, and at what cost.
func credit(tier policy.Tier, a routing.Answer) string {
	text := fmt.Sprintf("%s: %s answered in %.1f s, %d tokens in, %d out", shellName(tier), a.Model, float64(a.MS)/1000, a.TokensIn, a.TokensOut)
	if a.CostUSD > 0 {
		text += fmt.Sprintf(", $%.6f", a.CostUSD)
	}
	if a.CostEstimated {
		text += " (estimated, prices of " + prices.Date + ")"
	}
	return text
}

// shellName is what the command line calls a tier.
func shellName(tier policy.Tier) string {
	if tier == policy.Local {
		return "free"
	}
	return string(tier)
}
