package tools

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/fjbelchi/localmodel/statestore"
)

// statsURI is the one resource: what the local model has done.
const statsURI = "localmodel://stats"

//go:embed local_first_ticket.md
var localFirstTicket string

// maxPromptPath bounds the prompt's argument, characters, as plan_ticket does.
const maxPromptPath = 1000

// addExtras offers what people reach for besides the tools: the figures as a
// resource, and the way of one ticket as a prompt.
func addExtras(s *server.MCPServer, d *Deps) {
	s.AddResource(mcp.NewResource(statsURI, "Local model statistics",
		mcp.WithResourceDescription("Tickets that stayed local, escalations by gate, mean quality, and the state of the quality guard"),
		mcp.WithMIMEType("application/json")), d.statsResource)
	s.AddPrompt(mcp.NewPrompt("local_first_ticket",
		mcp.WithPromptDescription("Take one ticket through the gates, the local model first"),
		mcp.WithArgument("ticket", mcp.RequiredArgument(), mcp.ArgumentDescription("path of the ticket's Markdown file in the project"))),
		promptLocalFirst)
}

type statsResult struct {
	Stats    *statestore.Stats `json:"stats"`
	Guard    guardReport       `json:"guard"`
	Warnings []string          `json:"warnings,omitempty"`
}

func (d *Deps) statsResource(ctx context.Context, req mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	r := &healthResult{Guard: guardReport{Mode: string(d.Guard.Mode), Open: []string{}}}
	d.journalHealth(ctx, r)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, err := encode(statsResult{Stats: r.Stats, Guard: r.Guard, Warnings: r.Warnings})
	if err != nil {
		return nil, err
	}
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: req.Params.URI, MIMEType: "application/json", Text: string(text)}}, nil
}

func promptLocalFirst(_ context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
	path := strings.TrimSpace(req.Params.Arguments["ticket"])
	switch {
	case path == "":
		return nil, fmt.Errorf("the argument ticket is missing: the path of a ticket's Markdown file")
	case len([]rune(path)) > maxPromptPath || strings.ContainsAny(path, "\r\n`\""):
		return nil, fmt.Errorf("the argument ticket is no path: one line of at most %d characters without quotes is wanted", maxPromptPath)
	}
	text := strings.TrimSpace(strings.ReplaceAll(localFirstTicket, "{{ticket}}", path))
	return mcp.NewGetPromptResult("Local first: "+path, []mcp.PromptMessage{
		mcp.NewPromptMessage(mcp.RoleUser, mcp.NewTextContent(text))}), nil
}
