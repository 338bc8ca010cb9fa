package proxy_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// What the proxy says of keys that may not do something is reported as that, with a
// fix that asks nobody for the master key. The proxy is real, its database is
// not: the checks' own exceptions are raised for one key each.
func TestRefusedKeysNameTheirFix(t *testing.T) {
	t.Parallel()
	config, err := filepath.Abs("testdata/keys/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := litellmtest.New(t, config)
	for _, c := range []struct {
		key    string
		kind   routing.Kind
		reason string
	}{
		{"sk-key-model", routing.Forbidden, "our key may not use the group"},
		{"sk-team-model", routing.Forbidden, "our key's team may not use the group"},
		{"sk-user-model", routing.Forbidden, "our key's user may not use the group"},
		{"sk-key-blocked", routing.Forbidden, "our key is blocked"},
		{"sk-team-blocked", routing.Forbidden, "our key's team is blocked"},
		{"sk-key-budget", routing.BudgetSpent, "that of our key"},
		{"sk-team-budget", routing.BudgetSpent, "that of our key's team"},
		{"sk-user-budget", routing.BudgetSpent, "that of our key's user"},
		{"sk-end-user-budget", routing.BudgetSpent, `that of the end user "localmodel"`},
		{"sk-window-budget", routing.BudgetSpent, "that of our key"},
		{"sk-token-budget", routing.BudgetSpent, "that of our key"},
		{"sk-org-budget", routing.BudgetSpent, "that of our key's organization"},
	} {
		t.Run(c.key, func(t *testing.T) {
			a := refusal(t, mustRouter(router(t, p, c.key, policy.Cheap)), "hi")
			if strings.Contains(a.Reason, "before it looks at the request") {
				t.Skip("prisma: without this package of its database the proxy words no such refusal")
			}
			if a.Kind != c.kind || !strings.Contains(a.Reason, c.reason) {
				t.Errorf("got %s: %s, want %s: %s", a.Kind, a.Reason, c.kind, c.reason)
			}
			if a.Fix == "" || strings.Contains(a.Fix, "MASTER_KEY") || strings.Contains(a.Reason+a.Fix, c.key) || a.CostUSD != 0 {
				t.Errorf("fix %q, cost $%g", a.Fix, a.CostUSD)
			}
		})
	}
	t.Run("a group by a pattern", func(t *testing.T) {
		r, _ := router(t, p, "sk-fine", policy.Balanced)
		if h := r.Health(t.Context(), false).Proxy; !h.OK {
			t.Errorf("health: %s", h.Error)
		}
		if a, err := r.Complete(t.Context(), policy.OnlyCloud, word("hi")); err != nil || string(a.Text) != "OK" {
			t.Errorf("got %q, %v", a.Text, err)
		}
	})
}
