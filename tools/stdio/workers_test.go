package stdio_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/fjbelchi/localmodel/tools/stdio"
)

// After a quick call nobody else reads at first; a call that then takes long
// must not keep what follows it from being read.
func TestServe_ReadsBesideALongCallAfterQuickOnes(t *testing.T) {
	p := serve(t, stdio.Options{}, func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if req.GetInt("n", 0) == 0 {
			return mcp.NewToolResultText("quick"), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	for i := range 5 {
		id := strconv.Itoa(i)
		p.send(call(id, 0))
		p.answer(id)
	}
	p.send(call("90", 1))
	p.send(call("91", 1))
	p.send(ping)
	p.answer(`"ping"`)
	p.send(call("92", 0))
	p.answer("92")
	p.send(cancel("90"), cancel("91"))
	p.closes()
}
