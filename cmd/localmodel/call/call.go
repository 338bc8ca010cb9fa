// Package call runs one tool from a shell, with its arguments as shells, files
// and pipes hand them over.
package call

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/app"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/tools"
	"github.com/fjbelchi/localmodel/tools/background"
)

// Tools are the names of the tools.
func Tools() (names []string) {
	for _, t := range tools.All(&tools.Deps{}) {
		names = append(names, t.Declaration.Name)
	}
	return names
}

// Run runs the tool that args names, with the arguments that follow: its
// structured content on stdout and exit 0, or the error's text on stderr and
// exit 1.
func Run(ctx context.Context, e app.Env, args []string) error {
	if len(args) < 1 || len(args) > 2 && !unquoted(args[1:]) {
		return exitcode.New(2, "usage: localmodel call TOOL [JSON|@file|-]")
	}
	given, err := readArguments(e.In, args[1:])
	if err != nil {
		return exitcode.New(2, "localmodel call: "+err.Error())
	}
	p := app.New(e)
	all := tools.All(p.Deps)
	i := slices.IndexFunc(all, func(t tools.Tool) bool { return t.Declaration.Name == args[0] })
	if i < 0 {
		return exitcode.New(2, fmt.Sprintf("localmodel call: there is no tool %q; there are %s", args[0], strings.Join(Tools(), ", ")))
	}
	p.Deps.Finish = background.New(p.Config.PlanDir())
	text, err := runToEnd(e.Err, func() ([]byte, error) {
		return all[i].Run(ctx, p.Deps, tools.Call{Arguments: given})
	})
	p.Deps.Finish.Close()
	p.Close()
	for _, text := range p.Store.Warnings() { // what the last write found is in no reply
		fmt.Fprintln(e.Err, "localmodel: "+plain.Line(text))
	}
	if err != nil {
		return exitcode.New(1, err.Error())
	}
	if _, err = fmt.Fprintf(&plain.JSONWriter{Out: e.Out}, "%s\n", text); err != nil {
		return err
	}
	waitForLoad(ctx, e.Err, p.Router.Loading())
	return nil
}

// runToEnd calls again while a plan or a draft is being written: what this process
// writes ends with it, so that an answer that says "call again" would be lost at
// each call.
func runToEnd(said io.Writer, run func() ([]byte, error)) ([]byte, error) {
	for {
		text, err := run()
		state := gjson.GetBytes(text, "state").Str
		if state == "" {
			state = gjson.GetBytes(text, "draft.state").Str
		}
		if err != nil || state != "writing" {
			return text, err
		}
		fmt.Fprintf(said, "localmodel: %s. Ctrl-C gives it up.\n", plain.Line(gjson.GetBytes(text, "summary").Str))
	}
}

// waitForLoad keeps the process until a model that is being loaded is there: a
// large one would begin anew at each call, and never be.
func waitForLoad(ctx context.Context, said io.Writer, loaded <-chan struct{}) {
	if loaded == nil {
		return
	}
	fmt.Fprintln(said, "localmodel: that is the answer; the model is still loading, and the next call finds it ready. "+
		"Ctrl-C gives it up.")
	select {
	case <-loaded:
	case <-ctx.Done():
	}
}

// maxBytes bounds what is read from a file or a pipe of the user's.
const maxBytes = 64 << 20

// errQuotes says that a shell took JSON apart, as cmd and older PowerShells do.
var errQuotes = errors.New("the shell took the quotes out of the JSON. Write it into a file and name that, " +
	`as "@args.json", or pipe it in and give -`)

// readArguments returns a tool's arguments: the text itself, that of @file, or
// with - what comes in.
func readArguments(in io.Reader, args []string) (json.RawMessage, error) {
	if len(args) == 0 {
		return nil, nil
	}
	data := []byte(args[0])
	var err error
	switch {
	case args[0] == "-":
		data, err = io.ReadAll(io.LimitReader(in, maxBytes))
	case strings.HasPrefix(args[0], "@"):
		data, err = rootfs.ReadArgument(args[0][1:], maxBytes)
	case unquoted(args):
		return nil, errQuotes
	}
	if err != nil {
		return nil, err
	}
	data = utf8Text(data)
	if jsondepth.Check(data) != nil || !json.Valid(data) {
		return nil, errors.New("the arguments are not valid JSON")
	}
	return data, nil
}

// unquoted reports whether a shell has taken quotes or split the text at its
// spaces: what begins as an object is none.
func unquoted(args []string) bool {
	text := strings.TrimLeft(args[0], "'")
	return strings.HasPrefix(text, "{") && !json.Valid([]byte(args[0])) &&
		(len(args) > 1 || args[0] != text || !strings.ContainsAny(text, "\"'") && len(text) > len("{}"))
}

// utf8Text is a text without its byte order mark, in UTF-8: what PowerShell's >
// writes is UTF-16.
func utf8Text(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, len(data)/2-1)
	_, _ = binary.Decode(data[2:], order, units) // it has as many bytes
	return []byte(string(utf16.Decode(units)))
}
