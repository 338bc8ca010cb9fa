package routing

import (
	"time"

	"github.com/fjbelchi/localmodel/routing/breaker"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// What the tests of the whole Router look at inside it.
const (
	BreakerTrip  = breaker.Trip
	BreakerFirst = breaker.First
	FirstGuess   = firstBytesPerToken
)

func (r *Router) keyOf(t policy.Tier) string {
	for _, b := range r.backends {
		if b.Tier() == t {
			return key(b)
		}
	}
	return ""
}

func (r *Router) SetBreakerClock(now func() time.Time) { r.breaker = breaker.New(now) }
func (r *Router) BreakerFailure(t policy.Tier) {
	p, _, _ := r.breaker.Allow(r.keyOf(t))
	p.Failure()
}
func (r *Router) BreakerAllows(t policy.Tier) bool {
	_, ok, _ := r.breaker.Allow(r.keyOf(t))
	return ok
}
