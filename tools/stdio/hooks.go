package stdio

import (
	"context"
	"errors"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

var errCanceled = errors.New("request canceled before it started")

// ServerOptions are the options a server needs so that Serve can cancel a
// request that has not started yet:
//
//	server.NewMCPServer(name, version, append(options, stdio.ServerOptions()...)...)
//
// They set the server's hooks. Add own hooks to server.GetHooks() afterwards: a
// second server.WithHooks would replace these. Without Serve they do nothing.
func ServerOptions() []server.ServerOption {
	h := &server.Hooks{}
	// mcp-go forgets a cancel that comes before it has made the request's
	// context. By the time of this hook it has: the cancel is made up for here,
	// and one that comes later finds the context.
	h.AddBeforeAny(func(ctx context.Context, id any, _ mcp.MCPMethod, _ any) {
		if c := connOf(ctx); c != nil && c.calls.isCanceled(id) {
			server.ServerFromContext(ctx).HandleMessage(ctx, cancelLine(id.(string)))
		}
	})
	return []server.ServerOption{server.WithHooks(h), server.WithToolHandlerMiddleware(unlessCanceled)}
}

// unlessCanceled keeps a handler from starting with a dead context.
func unlessCanceled(next server.ToolHandlerFunc) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if ctx.Err() != nil {
			return nil, errCanceled
		}
		return next(ctx, req)
	}
}

func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}
