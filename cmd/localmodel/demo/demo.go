// Package demo shows localmodel on a small project: the four tools, called
// through a real MCP client, printed as a person wants to read it.
package demo

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
)

// project is a small program with a backlog of six tickets. Its sources end in
// .txt here, so that they are not built.
//
//go:embed project
var project embed.FS

// Options are what the demo is shown with.
type Options struct {
	Version string // of this program
	Cloud   bool   // paid calls are allowed
	Clients clients.Place
}

// Run unpacks the project to a temporary directory, starts this very program
// there as a server and shows all four tools on out. The working directory is
// not touched.
func Run(ctx context.Context, out io.Writer, o Options) error {
	dir, err := os.MkdirTemp("", "localmodel-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // in the temporary directory
	if err := unpack(dir); err != nil {
		return err
	}
	c, err := start(ctx, dir, o)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // the server ends with its input
	return (&show{Options: o, out: out, client: c}).run(ctx)
}

func unpack(dir string) error {
	root, err := fs.Sub(project, "project")
	if err == nil {
		err = os.CopyFS(dir, root)
	}
	for _, name := range []string{"main.go", "cart.go"} {
		path := filepath.Join(dir, name)
		err = cmp.Or(err, os.Rename(path+".txt", path))
	}
	return err
}

// start starts this program as a server, and returns a client that speaks to it.
func start(ctx context.Context, dir string, o Options) (*client.Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	allow := "never"
	if o.Cloud {
		allow = "allow"
	}
	env := []string{"CLAUDE_PROJECT_DIR=" + dir, "LOCALMODEL_CLOUD=" + allow,
		// The demo's outcomes must not reach a journal that people share.
		"LOCALMODEL_STATE=" + filepath.Join(dir, "journal", "journal.db"), "LOCALMODEL_GUARD=adaptive"}
	c, err := client.NewStdioMCPClient(self, env, "serve")
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	_, err = c.Initialize(ctx, mcp.InitializeRequest{Params: mcp.InitializeParams{
		ClientInfo: mcp.Implementation{Name: "localmodel-demo", Version: o.Version}}})
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("speak to the server: %w", err)
	}
	return c, nil
}

// callTool calls one tool and returns what a client's model would see.
func callTool(ctx context.Context, c *client.Client, tool string, args map[string]any) (result gjson.Result, err error) {
	r, err := c.CallTool(ctx, mcp.CallToolRequest{Params: mcp.CallToolParams{Name: tool, Arguments: args}})
	if err != nil {
		return result, fmt.Errorf("%s: %w", tool, err)
	}
	if r.IsError {
		text := ""
		if len(r.Content) > 0 {
			text = mcp.GetTextFromContent(r.Content[0])
		}
		return result, fmt.Errorf("%s: %s", tool, text)
	}
	data, err := json.Marshal(r.StructuredContent)
	return gjson.ParseBytes(data), err
}
