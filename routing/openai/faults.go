package openai

import (
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// faults remembers how each tier's last call was refused, since no free probe
// sees a provider's key, a budget or tag filtering.
type faults struct {
	mu   sync.Mutex
	last map[policy.Tier]noted
}

type noted struct {
	fault *routing.Error
	at    time.Time
}

// rememberFault is how long a refusal is reported when no later call succeeds.
const rememberFault = 10 * time.Minute

func (f *faults) note(t policy.Tier, fault *routing.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[policy.Tier]noted{}
	}
	f.last[t] = noted{fault, time.Now()}
}

func (f *faults) forget(t policy.Tier) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.last, t)
}

// recent is the last refusal of a tier, nil = none. What passes by itself is
// not reported.
func (f *faults) recent(t policy.Tier) (fault *routing.Error, ago time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, ok := f.last[t]
	if ago = time.Since(last.at); !ok || ago > rememberFault {
		return nil, 0
	}
	switch last.fault.Kind {
	case routing.Auth, routing.Forbidden, routing.BudgetSpent, routing.ModelMissing:
		return last.fault, ago
	}
	return nil, 0
}
