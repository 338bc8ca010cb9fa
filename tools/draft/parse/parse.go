// Package parse says whether a text is syntactically whole. The text is a
// model's: what could not be ended here is parsed in a process of its own.
package parse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"

	"github.com/fjbelchi/localmodel/internal/programs"
)

// ErrNoParser says that nothing here reads the language.
var ErrNoParser = errors.New("no parser for this kind of file")

// File returns nil where the text is syntactically whole, ErrNoParser
// where nothing here reads the language, ErrTooSlow where the parser had to be ended,
// else the parser's error with its line. command calls Input with an extension, for
// languages whose parser has to be ended; none = they are not parsed.
func File(ctx context.Context, command []string, name, text string) error {
	if depth(text) > maxDepth {
		return fmt.Errorf("nested deeper than %d brackets", maxDepth)
	}
	switch ext := strings.ToLower(path.Ext(name)); ext {
	case ".go":
		_, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		return err
	case ".json":
		var v any
		return json.Unmarshal([]byte(text), &v)
	case ".yaml", ".yml":
		return wholeYAML(text)
	case ".toml":
		var v map[string]any
		return toml.Unmarshal([]byte(text), &v)
	case ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".css":
		return web(ctx, command, ext, text)
	case ".sh", ".bash":
		_, err := syntax.NewParser().Parse(strings.NewReader(text), name)
		return err
	case ".py":
		return python(ctx, text)
	case ".md", ".markdown", ".txt":
		return nil
	}
	return ErrNoParser
}

// MaxBytes bounds a text. The parsers recurse: a longer one of brackets alone
// would take more stack than a program may have.
const MaxBytes = 96 << 10

// maxDepth bounds nesting before a parser sees a text: they recurse, and some
// take time and memory beyond measure for brackets alone.
const maxDepth = 200

// depth is how many brackets are open at once at the most, those in strings and
// comments included.
func depth(text string) (most int) {
	open := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '[', '{':
			open++
			most = max(most, open)
		case ')', ']', '}':
			open = max(open-1, 0)
		}
	}
	return most
}

func wholeYAML(text string) error {
	d := yaml.NewDecoder(strings.NewReader(text))
	for {
		err := d.Decode(new(yaml.Node))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ErrTooSlow says that a parser did not come to an end in time.
var ErrTooSlow = errors.New("the parser takes too long for it")

// webTimeout ends esbuild's work: it takes exponential time for arrow functions
// inside conditionals, and cubic time for those inside each other.
var webTimeout = 5 * time.Second // shorter in a test

// webMemory is how many kilobytes of address space esbuild may take, where the
// system's shell can hold it to that.
const webMemory = "4000000"

// web runs esbuild in a process of its own, which can be ended: command
// with the file's extension, and the text as its input (see Input). Without
// a command nothing is parsed.
func web(ctx context.Context, command []string, ext, text string) error {
	if len(command) == 0 {
		return ErrNoParser
	}
	args := append(slices.Clone(command), ext)
	if shell, err := exec.LookPath("/bin/sh"); err == nil {
		args = append([]string{shell, "-c", "ulimit -v " + webMemory + `; exec "$@"`, "sh"}, args...)
	}
	return inProcess(ctx, webTimeout, text, args...)
}

// inProcess runs a parser that exits with 1 and the fault on its standard error.
func inProcess(ctx context.Context, limit time.Duration, text string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // this program, or the system's Python
	cmd.Dir, cmd.Env = os.TempDir(), []string{"LC_ALL=C.UTF-8"}
	cmd.Stdin = strings.NewReader(text)
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ErrTooSlow
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return errors.New(strings.TrimSpace(stderr.String()))
	case errors.As(err, &exit):
		return ErrTooSlow // it was ended for the memory that it took
	case err != nil:
		return ErrNoParser
	}
	return nil
}

// Input is the other side of web: it parses in as a file with the
// extension ext and returns the exit code, 1 with the fault on errs.
func Input(ext string, in io.Reader, errs io.Writer) int {
	text, err := io.ReadAll(io.LimitReader(in, MaxBytes+1))
	if err != nil || len(text) > MaxBytes {
		return 2
	}
	if err := wholeWeb(ext, string(text)); err != nil {
		fmt.Fprintf(errs, "%.300s\n", err)
		return 1
	}
	return 0
}

// wholeWeb reads JavaScript, TypeScript and CSS as esbuild does.
func wholeWeb(ext, text string) error {
	loaders := map[string]api.Loader{
		".jsx": api.LoaderJSX, ".tsx": api.LoaderTSX, ".css": api.LoaderCSS,
		".ts": api.LoaderTS, ".mts": api.LoaderTS, ".cts": api.LoaderTS,
	}
	loader, ok := loaders[ext]
	if !ok {
		loader = api.LoaderJSX // plain JavaScript with JSX is common
	}
	result := api.Transform(text, api.TransformOptions{
		Loader: loader, LogLevel: api.LogLevelSilent, MinifyWhitespace: true,
	})
	if ext == ".css" { // a fault in CSS is a warning there
		result.Errors = append(result.Errors, result.Warnings...)
	}
	if len(result.Errors) == 0 {
		return nil
	}
	first := result.Errors[0]
	if first.Location == nil {
		return errors.New(first.Text)
	}
	return fmt.Errorf("%d:%d: %s", first.Location.Line, first.Location.Column+1, first.Text)
}

// pythonTimeout ends a parse that hangs.
const pythonTimeout = 10 * time.Second

// python asks the user's Python to parse the text. Nothing of it is
// run: isolated mode, no site packages, an empty directory of ours.
func python(ctx context.Context, text string) error {
	program := programs.Find("python3")
	if program == "" {
		return ErrNoParser
	}
	err := inProcess(ctx, pythonTimeout, text, program, "-I", "-S", "-c",
		"import ast,sys\ntry:\n ast.parse(sys.stdin.buffer.read())\nexcept SyntaxError as e:\n sys.exit(f'{e.lineno}: {e.msg}')")
	if errors.Is(err, ErrTooSlow) {
		return ErrNoParser
	}
	return err
}
