package routing

import (
	"errors"
	"testing"
)

func TestError_Text(t *testing.T) {
	refused := errors.New("connection refused")
	for want, e := range map[string]*Error{
		"local: no answer: connection refused": {Tier: "local", Reason: "no answer", Err: refused},
		"local: no answer":                     {Tier: "local", Reason: "no answer"},
		"no answer: connection refused":        Fail(Unavailable, "no answer", refused), // as a backend returns it
		"no answer":                            Fail(Unavailable, "no answer", nil),
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if errors.Is(e, refused) != (e.Err != nil) {
			t.Errorf("%q: is %v: %t", want, refused, errors.Is(e, refused))
		}
	}
}

// Loading, waiting and what a model wrote are no matter of health.
func TestBreakerKinds(t *testing.T) {
	for kind, want := range map[Kind]bool{
		Unavailable: true, ModelMissing: true, Timeout: true,
		Loading: false, Busy: false, ContextOverflow: false, InvalidOutput: false, LowConfidence: false,
		Auth: false, BudgetSpent: false, Canceled: false,
	} {
		if got := kind.infrastructure(); got != want {
			t.Errorf("%s counts as a failure of the endpoint: %t, want %t", kind, got, want)
		}
	}
}
