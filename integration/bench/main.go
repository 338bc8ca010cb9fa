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

	"github.com/fjbelchi/localmodel/integration/bench/journal"
	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
)

func main() {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "tiny sizes: shows that everything works, and no figure")
	only := flag.String("only", "", "lines to measure, such as 1,5; the document is then not written")
	flag.StringVar(&o.out, "out", "", "the document; default integration/BENCHMARKS.md, with -quick none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := o.choose(*only)
	if err == nil {
		_, err = run(ctx, o, os.Stdout, os.Stderr)
	}
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
	load  string // load average at the beginning
}

func (o *options) choose(only string) error {
	for word := range strings.SplitSeq(only, ",") {
		if word == "" {
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > len(sections) {
			return fmt.Errorf("-only takes lines from 1 to %d, not %q", len(sections), word)
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

// section measures one line of the list. errAbsent says that a part is missing.
type section struct {
	what    string
	measure func(ctx context.Context, l *lab) ([]row, error)
}

var sections = []section{
	{"start", start}, {"memory", memory}, {"a call", perCall}, {"the script replaced", script}, {"durable record", record},
	{"growth", growth}, {"parsing", parsing}, {"context price", contextPrice}, {"fleet", fleet},
}

// run measures, prints the table and writes the document.
func run(ctx context.Context, o options, out, progress io.Writer) ([]row, error) {
	o.load = loadAverage()
	l, err := newLab(ctx, o)
	if err != nil {
		return nil, err
	}
	defer l.close()
	var rows []row
	for i, s := range sections {
		if len(o.only) > 0 && !slices.Contains(o.only, i+1) {
			continue
		}
		fmt.Fprintf(progress, "bench: %d %s\n", i+1, s.what)
		got, err := s.measure(ctx, l)
		var absent absentError
		if errors.As(err, &absent) {
			got, err = append(got, row{line: i + 1, what: s.what, ours: absent.Error(), met: skipped}), nil
		}
		if err != nil {
			return rows, fmt.Errorf("%s: %w", s.what, err)
		}
		if rows = append(rows, got...); ctx.Err() != nil {
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
	root, dir        string
	localmodel, bare string // programs
	notes            []string
	simulation       string // its report
}

func newLab(ctx context.Context, o options) (*lab, error) {
	l := &lab{options: o}
	var err error
	if l.root, err = parts.Root(); err != nil {
		return nil, err
	}
	if l.dir, err = os.MkdirTemp("", "localmodel-bench-"); err != nil {
		return nil, err
	}
	if l.localmodel, err = binary.Build(); err == nil {
		l.bare = filepath.Join(l.dir, "bare")
		if runtime.GOOS == "windows" {
			l.bare += ".exe"
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", l.bare, "./integration/bench/bare")
		cmd.Dir, cmd.Env = l.root, append(os.Environ(), "CGO_ENABLED=0")
		var said []byte
		if said, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("build the bare server: %w\n%s", err, said)
		}
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) close() { _ = os.RemoveAll(l.dir) } // a left-over in the temporary directory does no harm

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
		"LOCALMODEL_STATE=" + journal.Of(project), "LOCALMODEL_STATE_FILE=on", "OLLAMA_HOST=127.0.0.1:1",
		"LITELLM_BASE_URL=http://127.0.0.1:1", "LOCALMODEL_CLOUD=never"}, environment...)...)
	return cmd
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

// versions names the programs on the other sides.
func versions() string {
	return strings.Join([]string{"mcp-go " + moduleVersion("github.com/mark3labs/mcp-go"), "Ollama " + parts.OllamaVersion,
		"Node.js " + said("node", "--version"), "@modelcontextprotocol/server-memory 2026.8.31",
		said("python3", "--version"), said("curl", "--version"), said("bash", "--version")}, ", ")
}

func moduleVersion(path string) string { return said("go", "list", "-m", "-f", "{{.Version}}", path) }
