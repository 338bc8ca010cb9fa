package account

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/statestore/calls"
)

// A ticket's id or a model's name is no formula and moves no cursor in a ledger.
func TestWriteLines_ForeignTextIsPlain(t *testing.T) {
	h := newHistory(t, "2026-11-25T10:00:00Z")
	const model = "m\x1b[2J\u202e\u009b"
	h.call(calls.Call{Purpose: "plan", TicketID: `=HYPERLINK("http://x")`, Tier: "local", Model: model})
	var table, lines bytes.Buffer
	for format, out := range map[string]*bytes.Buffer{"csv": &table, "jsonl": &lines} {
		if err := WriteLines(t.Context(), h.store, out, format, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\u202e\u009b") {
			t.Errorf("%s: %q", format, out)
		}
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != 2 || !strings.HasPrefix(rows[1][3], "'=") {
		t.Errorf("%q, %v", rows, err)
	}
	if got := gjson.Get(lines.String(), "model").Str; got != model {
		t.Errorf("the JSON line's model is %q, want %q", got, model)
	}
}
