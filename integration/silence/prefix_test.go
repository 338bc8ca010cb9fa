package silence

import (
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/ollamatest"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
)

// The leading prompt is read once: a second ticket costs what its own words
// cost, for classify after plan too.
func TestLeadingPromptIsReadOnce(t *testing.T) {
	server := ollamatest.Shared(t)
	for _, model := range []string{ollamatest.TinyLlama, ollamatest.TinyQwen} {
		t.Run(model, func(t *testing.T) {
			front := count(t, server.URL)
			r := routing.New(settings(t, front.URL, model), &rows{}, nil)
			lead := prompts.System + strings.Repeat(" ", max(0, 3000-len(prompts.System)))
			// ask returns the milliseconds that the server took to read the prompt.
			n := 0
			ask := func(system, user string) float64 {
				n++
				_, _ = r.Complete(t.Context(), routing.OnlyLocal, routing.Request{Purpose: "classify", System: system, User: user,
					MaxTokens: 60, Schema: []byte(schema)})
				front.mu.Lock()
				defer front.mu.Unlock()
				return gjson.GetBytes(front.last, "prompt_eval_duration").Float() / 1e6
			}
			ticket := func(task string) string {
				return task + string(rune('a'+n%26)) + strings.Repeat(" the button does nothing", 8)
			}
			// A loaded machine disturbs single figures: the best of some count.
			deadline := time.Now().Add(2 * time.Minute)
			alone, second, afterPlan := 1e9, 1e9, 1e9
			for {
				for range 5 {
					alone = min(alone, ask("", ticket("Task CLASSIFY. ")))
				}
				ask(lead, ticket("Task CLASSIFY. ")) // reads the leading prompt
				for range 5 {
					second = min(second, ask(lead, ticket("Task CLASSIFY. ")))
					ask(lead, ticket("Task PLAN for ticket N-1. ")+strings.Repeat("more of it ", 40))
					afterPlan = min(afterPlan, ask(lead, ticket("Task CLASSIFY. ")))
				}
				if (second <= 1.5*alone && afterPlan <= 1.5*alone) || time.Now().After(deadline) {
					break
				}
			}
			t.Logf("a ticket of 200 bytes alone %.1f ms, behind 3 kB %.1f ms, after a plan %.1f ms", alone, second, afterPlan)
			if second > 1.5*alone || afterPlan > 1.5*alone {
				t.Errorf("more than 1.5 times the ticket alone")
			}
		})
	}
}
