package silence

import (
	"os"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/ollamatest"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
)

// reader asks one model and tells how long the server took to read the prompt.
type reader struct {
	t     *testing.T
	front *counter
	r     *routing.Router
	asked int
}

func newReader(t *testing.T, ollama, model string) *reader {
	t.Helper()
	front := count(t, ollama)
	return &reader{t: t, front: front, r: routing.New(settings(t, front.URL, model), &rows{}, nil)}
}

// read asks about a ticket of 200 bytes that was not asked about before, and
// returns milliseconds.
func (r *reader) read(system, task string) float64 {
	r.t.Helper()
	r.asked++
	user := task + string(rune('a'+r.asked%26)) + strings.Repeat(" the button does nothing", 8)
	_, _ = r.r.Complete(r.t.Context(), routing.OnlyLocal, routing.Request{Purpose: "classify", System: system, User: user,
		MaxTokens: 60, Schema: []byte(schema)}) // whether the answer counts is not the question
	r.front.mu.Lock()
	defer r.front.mu.Unlock()
	took := gjson.GetBytes(r.front.last, "prompt_eval_duration").Float() / 1e6
	if took == 0 {
		r.t.Fatalf("no prompt was read: %.300s", r.front.last)
	}
	return took
}

// best is the least of some: a loaded machine disturbs single figures.
func best(n int, figure func() float64) float64 {
	least := figure()
	for range n - 1 {
		least = min(least, figure())
	}
	return least
}

const (
	taskClassify = "Task CLASSIFY. "
	taskPlan     = "Task PLAN for ticket N-1. "
)

// lead is the leading prompt, at the 3 kB it may grow to.
func lead() string {
	return prompts.System + strings.Repeat("- \n", max(0, 3000-len(prompts.System))/3)
}

// The leading prompt is read once on both engines, for classify after plan too.
// In tiny models looking back costs more than reading, so what is saved is
// measured against the whole.
func TestLeadingPromptIsReadOnce(t *testing.T) {
	server := ollamatest.Shared(t)
	for _, model := range []string{ollamatest.TinyLlama, ollamatest.TinyQwen} {
		t.Run(model, func(t *testing.T) {
			r := newReader(t, server.URL, model)
			whole := r.read(lead(), taskClassify)
			second := best(2, func() float64 { return r.read(lead(), taskClassify) })
			afterPlan := best(2, func() float64 {
				r.read(lead(), taskPlan)
				return r.read(lead(), taskClassify)
			})
			t.Logf("3 kB and a ticket of 200 bytes %.0f ms, a second ticket %.0f ms, after a plan %.0f ms", whole, second, afterPlan)
			if second > whole/2 || afterPlan > whole/2 {
				t.Error("a second ticket costs more than half of the first")
			}
		})
	}
}

// With a real model a second ticket costs what its own words cost: at most 1.5
// times, which LOCALMODEL_SMOL=all holds it to on a machine that does nothing
// else. A busy one is held to what a leading prompt read again would exceed.
func TestSecondTicketCostsItsOwnWords(t *testing.T) {
	server := ollamatest.Shared(t)
	most, rounds := 5.0, 2
	if os.Getenv("LOCALMODEL_SMOL") == "all" {
		most, rounds = 1.5, 6
	}
	r := newReader(t, server.URL, server.SmolLM(t))
	whole := r.read(lead(), taskClassify)
	alone, second, afterPlan := 1e9, 1e9, 1e9
	for range rounds {
		alone = min(alone, best(2, func() float64 { return r.read("", taskClassify) }))
		r.read(lead(), taskClassify) // reads the leading prompt
		second = min(second, best(2, func() float64 { return r.read(lead(), taskClassify) }))
		r.read(lead(), taskPlan)
		afterPlan = min(afterPlan, r.read(lead(), taskClassify))
		if second <= most*alone && afterPlan <= most*alone {
			break
		}
	}
	t.Logf("3 kB and a ticket of 200 bytes %.0f ms; the ticket alone %.0f ms, second behind the 3 kB %.0f ms, after a plan %.0f ms", whole, alone, second, afterPlan)
	if second > most*alone || afterPlan > most*alone {
		t.Errorf("more than %.1f times the ticket alone", most)
	}
}
