// Package tools is what a model sees: four MCP tools, each in one file with its
// description beside it. A handler decodes, asks the packages beneath, and encodes;
// it makes no HTTP call and writes no file.
package tools

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/projection"
	"github.com/fjbelchi/localmodel/tools/contract"
	"github.com/fjbelchi/localmodel/tools/deps"
	"github.com/fjbelchi/localmodel/tools/stdio"
)

//go:embed instructions.md
var instructionsText string

func instructions() string { return strings.TrimSpace(withGates(instructionsText)) }

// withGates puts the gates' names, in order, in place of {{gates}}.
func withGates(text string) string {
	var names []string
	for _, g := range policy.Gates() {
		names = append(names, string(g))
	}
	return strings.ReplaceAll(text, "{{gates}}", strings.Join(names, ", "))
}

// Deps is what the tools work with.
type Deps = deps.Deps

// Tool is one tool: its declaration, and its handler as a plain function from
// arguments to a result.
type Tool struct {
	Declaration mcp.Tool
	Handle      func(ctx context.Context, call Call) (any, error)
}

// Call is one invocation.
type Call struct {
	Arguments json.RawMessage
	ToolUseID string // the client's id of this use, "" where it sends none
	// Progress reports to the client; it may be nil. Where total is 0, done is
	// not known: the reports themselves are counted.
	Progress func(done, total float64, message string)
}

type spec struct {
	name, title, description, hint, input, output string
	readOnly, openWorld                           bool
}

func (s spec) declare() mcp.Tool {
	return mcp.Tool{
		Name: s.name, Title: s.title, Description: strings.TrimSpace(withGates(s.description)),
		RawInputSchema: json.RawMessage(s.input), RawOutputSchema: json.RawMessage(s.output),
		// Every tool may be called again with the same arguments: outcomes are
		// keyed, so not even record_gate_outcome counts twice.
		Annotations: mcp.ToolAnnotation{ReadOnlyHint: new(s.readOnly),
			DestructiveHint: new(false), IdempotentHint: new(true), OpenWorldHint: new(s.openWorld)},
		Meta: &mcp.Meta{AdditionalFields: map[string]any{"anthropic/searchHint": s.hint}},
	}
}

// newTool makes a tool whose arguments fit its input schema, and check where it
// is given, before handle sees them. check says what is wrong, "" = nothing.
func newTool[In, Out any](d *Deps, s spec, check func(In) string, handle func(ctx context.Context, d *Deps, in In, call Call) (Out, error)) Tool {
	schema := sync.OnceValue(func() *contract.Schema { return contract.ParseSchema(s.input) })
	return Tool{Declaration: s.declare(), Handle: func(ctx context.Context, call Call) (any, error) {
		var in In
		if fault := schema().Decode(call.Arguments, &in); fault != nil {
			return nil, fault
		}
		if check != nil {
			if cause := check(in); cause != "" {
				return nil, schema().Refuse(cause)
			}
		}
		return handle(ctx, d, in, call)
	}}
}

// All returns the four tools.
func All(d *Deps) []Tool {
	return []Tool{
		newTool(d, checkLocalHealthSpec, nil, checkLocalHealth),
		newTool(d, classifyTicketSpec, classifyInput.problem, classifyTicket),
		newTool(d, planTicketSpec, planInput.problem, planTicket),
		newTool(d, recordGateOutcomeSpec, nil, recordGateOutcome),
	}
}

// NewServer makes the MCP server that offers the four tools, a resource and a
// prompt.
func NewServer(d *Deps, version string) *server.MCPServer {
	opts := append([]server.ServerOption{
		server.WithInstructions(instructions()),
		server.WithToolCapabilities(false),
		server.WithResourceCapabilities(false, false),
		server.WithPromptCapabilities(false),
		server.WithRecovery(),
	}, stdio.ServerOptions()...)
	s := server.NewMCPServer("localmodel", version, opts...)
	for _, t := range All(d) {
		s.AddTool(t.Declaration, t.serve(d))
	}
	addExtras(s, d)
	return s
}

func (t Tool) serve(d *Deps) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var told atomic.Int64
		call := Call{Progress: func(done, total float64, message string) {
			if n := told.Add(1); total == 0 {
				done = float64(n) // the protocol wants each figure above the last
			}
			stdio.Progress(ctx, req, done, total, message)
		}}
		call.Arguments = req.Params.RawArguments
		if req.Params.Meta != nil {
			call.ToolUseID, _ = req.Params.Meta.AdditionalFields["claudecode/toolUseId"].(string)
		}
		text, err := t.Run(ctx, d, call)
		if err != nil {
			return mcp.NewToolResultError(err.Error()), nil
		}
		return mcp.NewToolResultStructured(json.RawMessage(text), string(text)), nil
	}
}

// Run calls the tool within the deadline of one whole call and returns its
// result as compact JSON. The error is always an *Error. Models are asked until
// the deadline; what they, or the rules, then answered gets a little more time
// to be written down, for an answer must not be lost to a slow disk.
func (t Tool) Run(ctx context.Context, d *Deps, call Call) ([]byte, error) {
	limited, stop := context.WithTimeout(ctx, d.CallLimit())
	defer stop()
	result, err := contract.Safely(func() (any, error) { return t.Handle(limited, call) })
	if err != nil {
		return nil, explain(ctx, limited, d, t.Declaration.Name, err)
	}
	text, err := contract.Encode(result)
	if err != nil {
		return nil, explain(ctx, limited, d, t.Declaration.Name, err)
	}
	return text, nil
}

// explain turns any failure into an instruction. What is not foreseen is
// logged, and reported as an internal error.
func explain(ctx, limited context.Context, d *Deps, tool string, err error) error {
	var known *contract.Error
	switch {
	case ctx.Err() != nil:
		return &contract.Error{Code: contract.CodeCanceled, Cause: "the call was canceled by the client; no figure was moved",
			Next: "Call again if the answer is still wanted.", Retryable: true, Err: err}
	case errors.As(err, &known):
		return known
	case limited.Err() != nil, errors.Is(err, context.DeadlineExceeded): // the whole call, or the part of it that asks
		return &contract.Error{Code: contract.CodeTimeout, Cause: fmt.Sprintf("no answer within %s (LOCALMODEL_DEADLINE)", d.Deadline),
			Next: "Call again, with fewer tickets if there were several.", Retryable: true, Err: err}
	}
	var p *contract.PanicError
	if errors.As(err, &p) {
		d.Log.Error("tool panicked", "tool", tool, "stack", string(p.Stack))
	}
	d.Log.Error("tool failed", "tool", tool, "err", err)
	return &contract.Error{Code: contract.CodeInternal, Cause: err.Error(),
		Next: "Go on without this tool; run `localmodel doctor` in a shell.", Err: err}
}

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
