package stdio

import (
	"encoding/json"
	"strings"
	"testing"
)

// mcp-go may hand over the end of a subscription before its opening; the client
// gets them in order, under its own id.
func TestSubscriptionOpensBeforeItEnds(t *testing.T) {
	const meta = `{"_meta":{"io.modelcontextprotocol/subscriptionId":"1"}}`
	ack := `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":` + meta + `}` + "\n"
	end := `{"jsonrpc":"2.0","id":"1","result":` + meta + `}` + "\n"
	for name, order := range map[string][]string{"in order": {ack, end}, "turned round": {end, ack}} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			calls := newRequests(10, 1000)
			w := newWriter(&out, calls)
			method := methodListen
			calls.open(&message{ID: json.RawMessage("9007199254740993"), Method: &method}, 10)
			for _, line := range order {
				if _, err := w.Write([]byte(line)); err != nil {
					t.Fatal(err)
				}
			}
			want := strings.ReplaceAll(ack+end, `"1"`, "9007199254740993")
			if out.String() != want {
				t.Errorf("written %s, want %s", out.String(), want)
			}
			if left := calls.all(); len(left) != 0 {
				t.Errorf("%d requests still open", len(left))
			}
		})
	}
}
