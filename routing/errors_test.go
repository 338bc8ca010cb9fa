package routing

import "testing"

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
