// Command bench measures localmodel beside what its users would pick instead,
// in one run on this machine: go run ./integration/bench. It prints a table and
// writes integration/BENCHMARKS.md. What it compares it builds itself; external
// parts come from `make setup`, and without one its rows say so.
//
// Rows carry the number of their line in the list of what is to be measured:
// 1 start, 2 memory, 3 a call, 4 the shell script that is replaced, 5 the
// durable record, 6 growth, 7 parsing, 8 what a client's model reads, 9 the
// fleet (integration/bench/fleet).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "tiny sizes: shows that everything works, and no figure")
	flag.Func("only", "lines to measure, such as 1,5; the document is then not written", o.choose)
	flag.StringVar(&o.out, "out", "", "the document; default integration/BENCHMARKS.md, with -quick none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	_, err := run(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	quick bool
	only  []int
	out   string
}

func (o *options) choose(only string) error {
	for word := range strings.SplitSeq(only, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > len(sections) {
			return fmt.Errorf("lines are from 1 to %d, not %q", len(sections), word)
		}
		o.only = append(o.only, n)
	}
	return nil
}

// pick is a size: the full one, or that of a quick run.
func (o options) pick(full, quick int) int {
	if o.quick {
		return quick
	}
	return full
}

// sections each measure one line of the list; an absentError says that a part is
// missing.
var sections = []struct {
	what    string
	measure func(l *lab) ([]row, error)
}{
	{"start", start}, {"memory", memory}, {"a call", perCall}, {"the script replaced", script}, {"durable record", record},
	{"growth", growth}, {"parsing", parsing}, {"context price", contextPrice}, {"fleet", fleet},
}

// run measures, prints the table and writes the document.
func run(ctx context.Context, o options, out, progress io.Writer) ([]row, error) {
	l := &lab{options: o, load: loadAverage()}
	defer func() { _ = os.RemoveAll(l.dir) }() // a left-over in the temporary directory does no harm
	if err := l.build(ctx); err != nil {
		return nil, err
	}
	var rows []row
	for i, s := range sections {
		if len(o.only) > 0 && !slices.Contains(o.only, i+1) {
			continue
		}
		fmt.Fprintf(progress, "bench: %d %s\n", i+1, s.what)
		got, err := s.measure(l)
		if absent, ok := errors.AsType[absentError](err); ok {
			got, err = append(got, row{what: s.what, ours: absent.Error(), met: skipped}), nil
		}
		if err != nil {
			return rows, fmt.Errorf("%s: %w", s.what, err)
		}
		for _, r := range got {
			r.line = i + 1
			rows = append(rows, r)
		}
		if ctx.Err() != nil {
			return rows, ctx.Err()
		}
	}
	print(out, rows)
	for _, n := range l.notes {
		fmt.Fprintln(out, "-", n)
	}
	path := o.out
	if path == "" && !o.quick && len(o.only) == 0 {
		path = filepath.Join(l.root, "integration", "BENCHMARKS.md")
	}
	if path == "" {
		return rows, nil
	}
	return rows, os.WriteFile(path, report(rows, l), 0o644)
}

// absentError says which part of the comparison is not on this machine.
type absentError struct{ error }

// lab is the place where things are measured.
type lab struct {
	options
	load             string // average at the beginning
	root, dir        string
	localmodel, bare string // programs
	notes            []string
	simulation       string // its report
}

// build makes the directory and the programs.
func (l *lab) build(ctx context.Context) (err error) {
	if l.root, err = parts.Root(); err != nil {
		return err
	}
	if l.dir, err = os.MkdirTemp("", "localmodel-bench-"); err != nil {
		return err
	}
	if l.localmodel, err = binary.Build(); err != nil {
		return err
	}
	l.bare = filepath.Join(l.dir, "bare")
	if runtime.GOOS == "windows" {
		l.bare += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", l.bare, "./integration/bench/bare")
	cmd.Dir, cmd.Env = l.root, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the bare server: %w\n%s", err, said)
	}
	return nil
}

func (l *lab) note(format string, args ...any) {
	l.notes = append(l.notes, fmt.Sprintf(format, args...))
}

// project makes a new project directory.
func (l *lab) project() (string, error) { return os.MkdirTemp(l.dir, "project-") }

// server is localmodel as a client starts it, in a project. Nothing listens
// where it looks for models but what environment says.
func (l *lab) server(project string, environment ...string) *exec.Cmd {
	cmd := exec.Command(l.localmodel) //nolint:noctx // ended by its input
	cmd.Dir = project
	cmd.Env = binary.Environ(l.dir, append([]string{"CLAUDE_PROJECT_DIR=" + project,
		"LOCALMODEL_STATE=" + journalOf(project), "LOCALMODEL_STATE_FILE=on", "OLLAMA_HOST=127.0.0.1:1",
		"LITELLM_BASE_URL=http://127.0.0.1:1", "LOCALMODEL_CLOUD=never"}, environment...)...)
	return cmd
}

// bareServer is that of mcp-go, which does nothing.
func (l *lab) bareServer() *exec.Cmd { return exec.Command(l.bare) } //nolint:noctx // ended by its input

// opened opens servers, has them measured, and closes them.
func opened(commands []*exec.Cmd, measure func([]*mcpchild.Child) ([]row, error)) (rows []row, err error) {
	var servers []*mcpchild.Child
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, cmd := range commands {
		s, err := mcpchild.Open(cmd)
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	return measure(servers)
}

// node is the MCP server on Node.js.
func (l *lab) node() (func() *exec.Cmd, error) {
	program, err := parts.Find(parts.NodeMCP)
	if err != nil {
		return nil, absentError{err}
	}
	runtime, err := exec.LookPath("node")
	if err != nil {
		return nil, absentError{errors.New("node, of Node.js, is not here")}
	}
	return func() *exec.Cmd {
		cmd := exec.Command(runtime, program) //nolint:noctx // ended by its input
		cmd.Env = binary.Environ(l.dir, "MEMORY_FILE_PATH="+filepath.Join(l.dir, "memory.jsonl"))
		return cmd
	}, nil
}
