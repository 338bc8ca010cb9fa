// Package question puts one question of a person's to one tier: what `localmodel
// ask` does.
package question

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/routing/prices"
)

// Values where the command line names none.
const (
	DefaultTokens      = 4096
	DefaultTemperature = 0.2
)

const (
	limit      = 15 * time.Minute // a cold large model loads first
	maxBytes   = 64 << 20         // of a file
	budgetCode = 3
)

// Options are ask's flags.
type Options struct {
	Model, System, User, File string
	Tokens                    int
	TokensGiven               bool // on the command line
	Temperature               float64
}

// question is what a person asks.
type question struct {
	tier         policy.Tier
	system, user string
	tokens       int
	fit          bool // tokens may be fewer, where the window is small
	temperature  float64
}

// Run asks one tier one question. The error is an exitcode.Error where nothing
// answered.
func Run(ctx context.Context, e app.Env, o Options) error {
	q, err := o.read(e.In)
	if err != nil {
		return exitcode.New(2, "localmodel ask: "+err.Error()+"; localmodel ask --help says more")
	}
	c := app.Load(e)
	if q.tier != policy.Local && !c.Cloud {
		return exitcode.New(1, "localmodel ask: "+string(q.tier)+" is not asked under LOCALMODEL_CLOUD=never")
	}
	p := app.With(e, c, q.tier)
	defer p.Close()
	return q.put(ctx, p.Router, c.NumCtx, e.Out, e.Err)
}

// put asks, and prints the answer to out and who gave it to errOut. window is
// the local model's context, in tokens.
func (q question) put(ctx context.Context, router *routing.Router, window int, out, errOut io.Writer) error {
	tokens := q.tokens
	if q.fit && q.tier == policy.Local {
		tokens = min(tokens, window/2) // room for the question
	}
	withheld := &prompts.Withheld{}
	if q.tier != policy.Local {
		withheld.Mask([]string{"the system prompt"}, &q.system)
	}
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	a, err := router.Complete(limited, policy.Auto, routing.Request{
		Purpose: "ask", System: q.system, User: q.user, MaxTokens: tokens,
		Sampling: routing.Sampling{Temperature: q.temperature},
		Remote: func() (string, []string) {
			text := q.user
			withheld.Mask([]string{"the question"}, &text)
			return text, withheld.Words()
		}})
	for _, text := range withheld.Words() {
		fmt.Fprintln(errOut, plain.Line(text))
	}
	if err != nil {
		return unanswered(q.tier, err)
	}
	if _, err := fmt.Fprintln(out, strings.TrimRight(string(a.Text), "\n")); err != nil {
		return err
	}
	fmt.Fprintln(errOut, plain.Line(credit(q.tier, a)))
	return nil
}

// read checks the options and reads the question from where it is: the options,
// a file, or in.
func (o Options) read(in io.Reader) (question, error) {
	q := question{system: o.System, user: o.User, temperature: o.Temperature}
	switch o.Model {
	case "free":
		q.tier = policy.Local
	case "cheap", "balanced":
		q.tier = policy.Tier(o.Model)
	default:
		return q, fmt.Errorf("--model is free, cheap or balanced, not %q", o.Model)
	}
	switch {
	case o.TokensGiven && o.Tokens < 1:
		return q, errors.New("--max-tokens is a whole number of at least 1")
	case !(q.temperature >= 0 && q.temperature <= 2):
		return q, errors.New("--temperature is between 0 and 2")
	}
	q.tokens = o.Tokens
	q.fit = !o.TokensGiven
	if q.temperature == 0 {
		q.temperature = 1e-6 // the router takes 0 for "the default"
	}
	return q, q.readUser(in, o.File)
}

// readUser fills the question from the file, or from standard input, where it
// was not given itself.
func (q *question) readUser(in io.Reader, file string) error {
	if strings.TrimSpace(q.user) != "" {
		return nil
	}
	var data []byte
	var err error
	switch {
	case file != "":
		data, err = rootfs.ReadArgument(file, maxBytes)
	case term.Is(in):
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

// unanswered reports why there is no answer, and the fix.
func unanswered(tier policy.Tier, err error) error {
	var u *routing.Unanswered
	if !errors.As(err, &u) {
		if errors.Is(err, context.DeadlineExceeded) {
			return exitcode.New(1, fmt.Sprintf("localmodel ask: no answer within %s", limit))
		}
		return exitcode.New(1, "localmodel ask: "+err.Error())
	}
	if len(u.Attempts) == 0 {
		return exitcode.New(1, fmt.Sprintf("localmodel ask: %s may not be asked: LITELLM_BASE_URL is not on this machine, and LOCALMODEL_CLOUD=never", tier))
	}
	last := u.Attempts[len(u.Attempts)-1]
	text := fmt.Sprintf("localmodel ask: %s did not answer: %s", shellName(last.Tier), last.Reason)
	if last.Fix != "" {
		text += "\n" + last.Fix
	}
	if last.Kind == routing.BudgetSpent {
		return exitcode.New(budgetCode, text)
	}
	return exitcode.New(1, text)
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
