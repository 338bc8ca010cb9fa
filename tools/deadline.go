package tools

import (
	"context"
	"time"
)

// finishing is the time after the deadline in which an answer is written down.
// Clients give up some seconds after it.
func (d *Deps) finishing() time.Duration { return min(3*time.Second, d.Deadline/4) }

// asking ends a call's context at the deadline, for the models.
func (d *Deps) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, d.Deadline)
	}
	return context.WithDeadline(ctx, end.Add(-d.finishing()))
}
