package silence

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/integration/testkit/tinygguf"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// reader asks one model and reports how long the server took to read the prompt.
type reader struct {
	t     *testing.T
	front *counter
	r     *routing.Router
	asked int
	count float64 // tokens of the last prompt, those kept from before included
}

func newReader(t *testing.T, ollama, model string) *reader {
	t.Helper()
	front := count(t, ollama)
	return &reader{t: t, front: front, r: tiers.New(t, settings(t, front.URL, model), &rows{}, nil)}
}

// read asks about a ticket of 200 bytes that was not asked about before, and
// returns milliseconds.
func (r *reader) read(system, task string) float64 {
	r.t.Helper()
	r.asked++
	user := task + string(rune('a'+r.asked%26)) + ticket
	_, _ = r.r.Complete(r.t.Context(), policy.OnlyLocal, routing.Request{Purpose: "classify", System: system, User: user,
		MaxTokens: 60, Schema: []byte(schema)}) // whether the answer counts is not the question
	r.front.mu.Lock()
	defer r.front.mu.Unlock()
	took := gjson.GetBytes(r.front.last, "prompt_eval_duration").Float() / 1e6
	r.count = gjson.GetBytes(r.front.last, "prompt_eval_count").Float()
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

// ticket is one of 200 bytes, but for a first letter.
var ticket = strings.Repeat(" the button does nothing", 8)

const (
	taskClassify = "Task CLASSIFY. "
	taskPlan     = "Task PLAN for ticket N-1. "
)

// lead is the leading prompt, at the 3 kB it may grow to.
func lead() string {
	text := prompts.System
	for len(text) < 3000 {
		text += prompts.System[:min(len(prompts.System), 3000-len(text))]
	}
	return text
}

// The leading prompt is read once on both engines, for classify after plan too.
// The server's log says how many tokens of a prompt it has from before and how
// many it reads: figures that no busy machine changes.
func TestLeadingPromptIsReadOnce(t *testing.T) {
	server := ollamatest.New(t, "OLLAMA_DEBUG=1")
	lead := lead()[:1000] // a third, since only what is kept of it counts
	for _, model := range []string{ollamatest.TinyLlama, ollamatest.TinyQwen} {
		t.Run(model, func(t *testing.T) {
			r := newReader(t, server.URL, model)
			tokens := func(system, task string) (kept, read int) {
				r.read(system, task)
				return lastPrompt(t, server.Log())
			}
			kept, whole := tokens(lead, taskClassify)
			if kept != 0 || whole < len(lead) { // in the tiny models a token is a byte
				t.Fatalf("the first prompt: %d tokens kept, %d read", kept, whole)
			}
			if kept, read := tokens(lead, taskClassify); kept < len(lead)*9/10 {
				t.Errorf("a second ticket: %d tokens kept, %d read", kept, read)
			}
			tokens(lead, taskPlan)
			if kept, read := tokens(lead, taskClassify); kept < len(lead)*9/10 {
				t.Errorf("a ticket after a plan: %d tokens kept, %d read", kept, read)
			}
		})
	}
}

// lastPrompt is what the server's debug log says of the prompt it read last.
func lastPrompt(t *testing.T, log string) (kept, read int) {
	t.Helper()
	const line = `msg="loading cache slot"`
	at := strings.LastIndex(log, line)
	if at < 0 {
		t.Fatalf("the server's log has no %s", line)
	}
	var id, cache, prompt int
	if _, err := fmt.Sscanf(log[at+len(line):], " id=%d cache=%d prompt=%d used=%d remaining=%d",
		&id, &cache, &prompt, &kept, &read); err != nil {
		t.Fatalf("%.200s: %v", log[at:], err)
	}
	return kept, read
}

// A second ticket costs what its own words cost when they are read alone: at most
// 1.5 times that. The model is one block of qwen3:8b in its real size, so that
// reading costs beside looking back what it costs there; in models as small as
// the other ones here looking back costs more than reading. The server as it
// comes and the small real model are shown beside it.
func TestSecondTicketCostsItsOwnWords(t *testing.T) {
	page, err := os.ReadFile("../../../docs/models.md")
	if err != nil || !strings.Contains(string(page), strings.Join(advised, " ")+" ollama serve") {
		t.Errorf("docs/models.md does not advise %v (%v)", advised, err)
	}
	testkit.Measure(t)
	t.Run("as advised", func(t *testing.T) {
		server := ollamatest.New(t, advised...)
		if second, alone, _ := secondTicket(t, server, slice(t, server), 8); second > 1.5*alone {
			t.Errorf("a second ticket costs %.2f times what its words cost alone", second/alone)
		}
	})
	t.Run("as it comes", func(t *testing.T) {
		server := ollamatest.New(t)
		secondTicket(t, server, slice(t, server), 8)
		secondTicket(t, server, server.SmolLM(t), 4)
	})
}

// advised is how README advises to start Ollama.
var advised = []string{"OLLAMA_FLASH_ATTENTION=1", "OLLAMA_KV_CACHE_TYPE=q8_0"}

func slice(t *testing.T, server *ollamatest.Server) string {
	t.Helper()
	const name = "slice-of-qwen3-8b"
	server.Create(t, name, tinygguf.Options{Arch: tinygguf.Qwen3, Slice: tinygguf.Qwen3Of8B,
		Words: lead() + taskClassify + taskPlan + ticket + "user system assistant"})
	return name
}

// secondTicket measures, in milliseconds, reading a ticket of 200 bytes behind a
// leading prompt of 3 kB that was read before, for another ticket or for its
// plan; the ticket alone; and both anew.
func secondTicket(t *testing.T, server *ollamatest.Server, model string, rounds int) (second, alone, whole float64) {
	t.Helper()
	r := newReader(t, server.URL, model)
	whole = r.read(lead(), taskClassify)
	all := r.count
	second, alone = 1e9, 1e9
	after := 1e9
	for range rounds {
		alone = min(alone, r.read("", taskClassify))
		whole = min(whole, r.read(lead(), taskClassify))
		second = min(second, best(2, func() float64 { return r.read(lead(), taskClassify) }))
		r.read(lead(), taskPlan)
		after = min(after, r.read(lead(), taskClassify))
	}
	t.Logf("measured: %s: %.0f tokens anew %.1f ms; the ticket alone %.1f ms; a second one %.1f ms (%.2f×), after a plan %.1f ms (%.2f×)",
		model, all, whole, alone, second, second/alone, after, after/alone)
	return max(second, after), alone, whole
}
