package tools

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/tools/contract"
)

// statsURI is the one resource: what the local model has done.
const statsURI = "localmodel://stats"

// promptName is the one prompt: the way of one ticket.
const promptName = "local_first_ticket"

//go:embed local_first_ticket.md
var localFirstTicket string

// maxPromptPath bounds the prompt's argument, characters, as plan_ticket does.
const maxPromptPath = 1000

// addExtras offers what people reach for besides the tools: the figures as a
// resource, and the way of one ticket as a prompt.
func addExtras(s *server.MCPServer, d *Deps) {
	s.AddResource(mcp.NewResource(statsURI, "Local model statistics",
		mcp.WithResourceDescription("Tickets that stayed local, escalations by gate, mean quality, and the state of the quality guard"),
		mcp.WithMIMEType("application/json")), statsResource(d))
	s.AddPrompt(mcp.NewPrompt(promptName,
		mcp.WithPromptDescription("Take one ticket through the gates, the local model first"),
		mcp.WithArgument("ticket", mcp.RequiredArgument(), mcp.ArgumentDescription("path of the ticket's Markdown file in the project"))),
		promptLocalFirst)
}

type statsResult struct {
	Stats    *projection.Stats `json:"stats"`
	Guard    guardReport       `json:"guard"`
	Warnings contract.Warnings `json:"warnings,omitempty"`
}

func statsResource(d *Deps) server.ResourceHandlerFunc {
	return func(ctx context.Context, req mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		r := &healthResult{Guard: guardReport{Mode: string(d.Guard.Mode), Open: []string{}}}
		r.journal(ctx, d)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		text, err := contract.Encode(statsResult{Stats: r.Stats, Guard: r.Guard, Warnings: r.Warnings})
		if err != nil {
			return nil, err
		}
		return []mcp.ResourceContents{mcp.TextResourceContents{URI: req.Params.URI, MIMEType: "application/json", Text: string(text)}}, nil
	}
}

// CheckRequest refuses a request whose parameters mcp-go would let through to
// a handler, whose errors it answers as internal ones. It is stdio's Check.
func CheckRequest(method string, params json.RawMessage) error {
	if method != string(mcp.MethodPromptsGet) || gjson.GetBytes(params, "name").Str != promptName {
		return nil
	}
	_, err := promptPath(gjson.GetBytes(params, "arguments.ticket").String())
	return err
}

// promptPath checks the prompt's argument.
func promptPath(argument string) (string, error) {
	path := strings.TrimSpace(argument)
	switch {
	case path == "":
		return "", errors.New("the argument ticket is missing: the path of a ticket's Markdown file")
	case len([]rune(path)) > maxPromptPath || strings.ContainsAny(path, "\r\n`\""):
		return "", fmt.Errorf("the argument ticket is no path: one line of at most %d characters without quotes is wanted", maxPromptPath)
	}
	return path, nil
}

func promptLocalFirst(_ context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
	path, err := promptPath(req.Params.Arguments["ticket"])
	if err != nil {
		return nil, err
	}
	text := strings.TrimSpace(strings.ReplaceAll(withGates(localFirstTicket), "{{ticket}}", path))
	return mcp.NewGetPromptResult("Local first: "+path, []mcp.PromptMessage{
		mcp.NewPromptMessage(mcp.RoleUser, mcp.NewTextContent(text))}), nil
}
