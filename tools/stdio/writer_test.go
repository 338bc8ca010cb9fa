package stdio

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
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

// A tool that is called outside a server, or without a token, reports progress
// to nobody.
func TestProgress_WithoutAListener(t *testing.T) {
	var out bytes.Buffer
	c := newConn(nil, &out, Options{Workers: 1, Queue: 1, MaxLine: 1 << 10})
	inside := context.WithValue(t.Context(), connKey{}, c)
	withToken := mcp.CallToolRequest{Params: mcp.CallToolParams{Meta: &mcp.Meta{ProgressToken: "1"}}}
	Progress(t.Context(), withToken, 1, 2, "outside a server")
	Progress(inside, mcp.CallToolRequest{}, 1, 2, "without a token")
	Progress(inside, withToken, 1, 2, "of a request that is not open")
	if out.Len() > 0 {
		t.Errorf("wrote %s", &out)
	}
}
