package routing

import (
	"context"
	"fmt"
	"time"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// tooSlow keeps a question from a local model that will not be through in its
// time, where another tier may answer: what it has written by then would be
// thrown away, every time.
func (u *run) tooSlow(ctx context.Context, b Backend, alone bool) *Error {
	end, limited := ctx.Deadline()
	timer, known := u.router.ledger.(Timer)
	if alone || !limited || !known || b.Tier() != policy.Local {
		return nil
	}
	timings, err := timer.Timings(ctx, b.Model())
	if err != nil {
		return nil // what is not known keeps nobody from asking
	}
	in := u.router.gauge.tokens(b.Model(), len(u.req.System)+len(u.req.User))
	out := u.req.Likely
	if out <= 0 {
		out = u.req.MaxTokens
	}
	takes := policy.Forecast(timings, u.req.Purpose, in, out)
	if takes <= time.Until(end) {
		return nil
	}
	return Fail(Timeout, fmt.Sprintf("too slow, about %.0f s", takes.Seconds()), nil)
}
