package account

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
)

// line is one call in the schema of a usage ledger.
type line struct {
	Timestamp         string  `json:"timestamp"`
	Workflow          string  `json:"workflow"`
	Phase             string  `json:"phase"`
	TicketID          string  `json:"ticket_id"`
	ModelAlias        string  `json:"model_alias"` // free, cheap or balanced
	Provider          string  `json:"provider"`
	Model             string  `json:"model"`
	InputTokens       int     `json:"input_tokens"`
	OutputTokens      int     `json:"output_tokens"`
	CachedInputTokens int     `json:"cached_input_tokens"` // not known: 0
	CostUSD           float64 `json:"cost_usd"`
	CacheHit          bool    `json:"cache_hit"` // not known: false
	BatchJobID        *string `json:"batch_job_id"`
	EscalationReason  *string `json:"escalation_reason"` // why the tier before gave no answer
	Status            string  `json:"status"`            // ok, or why not
}

// table gives the fields' names and the line for a table; what is null is empty.
func (l line) table() (names, cells []string, err error) {
	data, err := json.Marshal(l)
	gjson.ParseBytes(data).ForEach(func(name, value gjson.Result) bool {
		names, cells = append(names, name.Str), append(cells, plain.Cell(value.String()))
		return true
	})
	return names, cells, err
}

// lines turns calls, in the order of their beginnings, into lines. It holds the last
// call for a question, where it failed.
type lines map[question]calls.Call

// of gives the line of the next call.
func (l lines) of(c calls.Call) line {
	one := line{
		Timestamp: c.At.UTC().Format(time.RFC3339), Workflow: "localmodel", Phase: c.Purpose,
		TicketID: c.TicketID, ModelAlias: c.Tier, Provider: provider(c), Model: c.Model,
		InputTokens: c.TokensIn, OutputTokens: c.TokensOut, CostUSD: c.CostUSD, Status: c.Result,
	}
	if c.Tier == string(policy.Local) {
		one.ModelAlias = "free"
	}
	q := question{c.TicketID, c.Purpose}
	if before, found := l[q]; found && escalates(before, c) {
		one.EscalationReason = new(before.Tier + ": " + before.Result)
	}
	delete(l, q)
	if c.Result != "ok" {
		l[q] = c
	}
	return one
}

// tierOrder is the order in which tiers are asked.
var tierOrder = []string{string(policy.Local), string(policy.Cheap), string(policy.Balanced)}

// escalates reports whether the call was made because the one before it had
// failed: a later tier, for the same ticket, soon after the other's end. Calls
// without a ticket may be of different questions.
func escalates(before, c calls.Call) bool {
	if c.TicketID == "" || slices.Index(tierOrder, c.Tier) <= slices.Index(tierOrder, before.Tier) {
		return false
	}
	ended := before.At.Add(time.Duration(before.MS) * time.Millisecond)
	return c.At.Sub(ended) <= sameQuestion
}

// provider is the part of a model's name before the stroke where the proxy
// gives one, else whose tier it is.
func provider(c calls.Call) string {
	name, rest, found := strings.Cut(c.Model, "/")
	switch {
	case c.Tier == string(policy.Local):
		return "ollama"
	case found && rest != "" && !strings.ContainsAny(name, ".:"):
		return name
	case strings.Contains(c.Model, "claude"):
		return "anthropic"
	}
	return "litellm"
}

// WriteLines writes every call since a time, oldest first, as JSON lines or, for
// the format csv, as a table with a head.
func WriteLines(ctx context.Context, store *statestore.Store, out io.Writer, format string, since time.Time) error {
	if err := store.Flush(ctx); err != nil { // rows of this process may still wait
		return err
	}
	all := lines{}
	if format == "csv" {
		w := csv.NewWriter(out)
		head, _, err := line{}.table()
		if err == nil {
			err = w.Write(head)
		}
		if err != nil {
			return err
		}
		err = store.Calls.Each(ctx, since, func(c calls.Call) error {
			_, cells, err := all.of(c).table()
			if err != nil {
				return err
			}
			return w.Write(cells)
		})
		w.Flush()
		return cmp.Or(err, w.Error())
	}
	e := json.NewEncoder(&plain.JSONWriter{Out: out})
	e.SetEscapeHTML(false)
	return store.Calls.Each(ctx, since, func(c calls.Call) error { return e.Encode(all.of(c)) })
}
