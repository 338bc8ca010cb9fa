package main

import (
	"context"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/tidwall/gjson"
)

// demoProject is a small program with a backlog of six tickets. Its sources end
// in .txt here, so that they are not built.
//
//go:embed demo/project
var demoProject embed.FS

// demo unpacks a small project to a temporary directory, starts this program
// there as a server, and shows all four tools through a real MCP client. No
// paid call is made without --cloud, and the working directory is not touched.
func demo(ctx context.Context, w world, args []string) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(w.err)
	cloud := flags.Bool("cloud", false, "allow paid calls through the LiteLLM proxy")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return exitError{code: 2, text: "usage: localmodel demo [--cloud]"}
	}
	dir, err := os.MkdirTemp("", "localmodel-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // in the temporary directory
	if err := unpackDemo(dir); err != nil {
		return err
	}
	session, err := startDemo(ctx, dir, *cloud)
	if err != nil {
		return err
	}
	defer session.client.Close() //nolint:errcheck // the server ends with its input
	s := &show{out: w.out, session: session, cloud: *cloud}
	return s.run(ctx)
}

func unpackDemo(dir string) error {
	root, err := fs.Sub(demoProject, "demo/project")
	if err != nil {
		return err
	}
	return fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(strings.TrimSuffix(path, ".txt")))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o600)
	})
}

// demoSession is this program as a server, and a client that speaks to it.
type demoSession struct{ client *client.Client }

func startDemo(ctx context.Context, dir string, cloud bool) (*demoSession, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	allow := "never"
	if cloud {
		allow = "allow"
	}
	env := []string{"CLAUDE_PROJECT_DIR=" + dir, "LOCALMODEL_CLOUD=" + allow,
		// The demo's outcomes must not reach a journal that people share.
		"LOCALMODEL_STATE=" + filepath.Join(dir, ".claude", "localmodel", "journal.db"), "LOCALMODEL_GUARD=adaptive"}
	c, err := client.NewStdioMCPClient(self, env, "serve")
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	_, err = c.Initialize(ctx, mcp.InitializeRequest{Params: mcp.InitializeParams{
		ClientInfo: mcp.Implementation{Name: "localmodel-demo", Version: version()}}})
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("speak to the server: %w", err)
	}
	return &demoSession{c}, nil
}

// call calls one tool and returns what a client's model would see.
func (s *demoSession) call(ctx context.Context, tool string, args map[string]any) (result gjson.Result, took time.Duration, err error) {
	start := time.Now()
	r, err := s.client.CallTool(ctx, mcp.CallToolRequest{Params: mcp.CallToolParams{Name: tool, Arguments: args}})
	took = time.Since(start)
	if err != nil {
		return result, took, fmt.Errorf("%s: %w", tool, err)
	}
	if r.IsError {
		text := ""
		if len(r.Content) > 0 {
			if c, ok := r.Content[0].(mcp.TextContent); ok {
				text = c.Text
			}
		}
		return result, took, fmt.Errorf("%s: %s", tool, text)
	}
	data, err := json.Marshal(r.StructuredContent)
	return gjson.ParseBytes(data), took, err
}
