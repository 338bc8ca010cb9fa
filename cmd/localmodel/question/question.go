// Package question puts one question of a person's to one tier: what `localmodel
// ask` does.
package question

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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

// Run asks one tier one question. The error is an exitcode.Error where nothing
// answered.
func Run(ctx context.Context, e app.Env, o Options) error {
	err := o.check()
	if err == nil {
		err = o.readUser(e.In)
	}
	if err != nil {
		return exitcode.New(2, "localmodel ask: "+err.Error()+"; localmodel ask --help says more")
	}
	c := app.Load(e)
	if o.tier() != policy.Local && !c.Cloud {
		return exitcode.New(1, "localmodel ask: "+o.Model+" is not asked under LOCALMODEL_CLOUD=never")
	}
	p := app.With(e, c, o.tier())
	defer p.Close()
	if !o.TokensGiven && o.tier() == policy.Local {
		o.Tokens = min(o.Tokens, c.NumCtx/2) // room for the question
	}
	return o.put(ctx, c, p.Router, e.Out, e.Err)
}

// put asks, and prints the answer to out and who gave it to errOut.
func (o Options) put(ctx context.Context, c *app.Config, router *routing.Router, out, errOut io.Writer) error {
	withheld := &prompts.Withheld{}
	if o.tier() != policy.Local {
		withheld.Mask([]string{"the system prompt"}, &o.System)
	}
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	a, err := router.Complete(limited, policy.Auto, routing.Request{
		Purpose: "ask", System: o.System, User: o.User, MaxTokens: o.Tokens,
		Sampling: routing.Sampling{Temperature: max(o.Temperature, 1e-6)}, // the router takes 0 for "the default"
		Remote: func() (string, []string) {
			text := o.User
			withheld.Mask([]string{"the question"}, &text)
			return text, withheld.Words()
		}})
	for _, text := range withheld.Words() {
		fmt.Fprintln(errOut, plain.Line(text))
	}
	if err != nil {
		return o.unanswered(c, err)
	}
	if _, err := fmt.Fprintln(out, strings.TrimRight(string(a.Text), "\n")); err != nil {
		return err
	}
	fmt.Fprintln(errOut, plain.Line(credit(o.Model, a)))
	return nil
}

// tier is the tier that the command line calls Model.
func (o Options) tier() policy.Tier {
	if o.Model == "free" {
		return policy.Local
	}
	return policy.Tier(o.Model)
}

func (o Options) check() error {
	switch {
	case !slices.Contains([]string{"free", "cheap", "balanced"}, o.Model):
		return fmt.Errorf("--model is free, cheap or balanced, not %q", o.Model)
	case o.TokensGiven && o.Tokens < 1:
		return errors.New("--max-tokens is a whole number of at least 1")
	case !(o.Temperature >= 0 && o.Temperature <= 2):
		return errors.New("--temperature is between 0 and 2")
	}
	return nil
}

// readUser fills the question from the file, or from standard input, where it
// was not given itself.
func (o *Options) readUser(in io.Reader) error {
	if strings.TrimSpace(o.User) != "" {
		return nil
	}
	var data []byte
	var err error
	switch {
	case o.File != "":
		data, err = rootfs.ReadArgument(o.File, maxBytes)
	case term.Is(in):
		return errors.New("there is no question: give --user or --file, or pipe it in")
	default:
		data, err = io.ReadAll(in)
	}
	if err != nil {
		return err
	}
	if o.User = string(data); strings.TrimSpace(o.User) == "" {
		return errors.New("the question is empty")
	}
	return nil
}

// unanswered reports why there is no answer, and the fix.
func (o Options) unanswered(c *app.Config, err error) error {
	code, text := 1, err.Error()
	u, attempted := errors.AsType[*routing.Unanswered](err)
	switch {
	case !attempted:
		if errors.Is(err, context.DeadlineExceeded) {
			text = fmt.Sprintf("no answer within %s", limit)
		}
	case len(u.Attempts) == 0:
		text = fmt.Sprintf("%s may not be asked: LITELLM_BASE_URL is not on this machine, and LOCALMODEL_CLOUD=never", o.tier())
	default:
		last := u.Attempts[len(u.Attempts)-1]
		fix := last.Fix
		if o.tier() == policy.Local { // Ollama may not be installed
			fix = c.Fix(policy.Local, fix)
		}
		if text = fmt.Sprintf("%s did not answer: %s", o.Model, last.Reason); fix != "" {
			text += "\nFix: " + fix
		}
		if last.Kind == routing.BudgetSpent {
			code = budgetCode
		}
	}
	return exitcode.New(code, "localmodel ask: "+text)
}

// credit says who answered, in how many tokens, and at what cost.
func credit(tier string, a routing.Answer) string {
	text := fmt.Sprintf("%s: %s answered in %.1f s, %d tokens in, %d out", tier, a.Model, float64(a.MS)/1000, a.TokensIn, a.TokensOut)
	if a.CostUSD > 0 {
		text += fmt.Sprintf(", $%.6f", a.CostUSD)
	}
	if a.CostEstimated {
		text += " (estimated, prices of " + prices.Date + ")"
	}
	return text
}
