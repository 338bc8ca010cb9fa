// Package setup leads from nothing to a local model that answers in an MCP
// client: find a server, choose or fetch a model, prove that it answers, write
// config.toml, offer the clients. Every step can be refused, is shown before it
// is done, and finds done what an earlier run did. Setup looks at the machine
// and acts on it only through Host, so that a test can stand in for one.
package setup

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/models"
	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/routing"
)

// Names of the steps, in their order.
const (
	StepServer  = "server"
	StepModel   = "model"
	StepProof   = "proof"
	StepPlan    = "plan"
	StepProxy   = "proxy"
	StepConfig  = "config"
	StepClients = "clients"
)

// Steps are the names of all steps, as --skip takes them.
var Steps = []string{StepServer, StepModel, StepProof, StepPlan, StepProxy, StepConfig, StepClients}

// Options are what the user asked for.
type Options struct {
	Yes    bool     // do what is recommended without asking
	DryRun bool     // change nothing
	Proxy  bool     // the LiteLLM proxy is wanted
	Model  string   // that is wanted; "" = what is recommended
	Skip   []string // steps left out
}

// Server is a model server that answers.
type Server struct {
	Kind    string           `json:"kind"`  // as LOCALMODEL_LOCAL has it: ollama or openai
	Title   string           `json:"title"` // for a person
	URL     string           `json:"url"`
	Version string           `json:"version,omitempty"`
	Remote  string           `json:"remote,omitempty"` // why it is not on this machine; "" = it is
	Models  []routing.Listed `json:"models"`
}

// Choice is what will be asked.
type Choice struct {
	Server Server
	Model  string
	NumCtx int // tokens
}

// Classified is one real classification.
type Classified struct {
	Load, Took           time.Duration // Took is without Load
	Category, Complexity string
	Confidence           float64 // 0 to 1; 1 where the model gave none
	By                   string  // as a tool's by
	Why                  string  // what kept the model from answering; "" = nothing
}

// Planned is one real plan.
type Planned struct {
	Took time.Duration
	By   string // as a tool's by
	Why  string // what kept the model from answering; "" = nothing
}

// Client is an MCP client that is installed here.
type Client struct {
	Name, Title, File string
	There             bool   // localmodel is in its file as it should be
	Err               error  // why the file cannot be edited
	Next              string // what makes it take effect
	Install           func() error
}

// Host is the machine and the user, as far as setup needs them.
type Host struct {
	OS         string // as runtime.GOOS
	Room       models.Room
	Terminal   bool   // a person can be asked
	Agent      string // the variable that shows that an agent runs this; "" = a person does
	Ollama     string // path of the ollama program; "" = not found
	ConfigFile string // path of config.toml
	NumCtx     int    // tokens, as configured
	// MinConfidence is what a classification needs to count, as configured.
	MinConfidence float64
	// Deadline is how long a call of a tool may take, as configured.
	Deadline time.Duration

	// Setting is a setting's value as it counts, and where it comes from.
	Setting func(name string) settings.Value
	// InFile is a setting's value in config.toml, or its default.
	InFile func(name string) (value string, there bool)

	Find  func(ctx context.Context) []Server
	Start func(ctx context.Context) error // the ollama program
	Free  func() int64                    // bytes where Ollama keeps models; 0 = not known
	Pull  func(ctx context.Context, s Server, model string) error
	// Classify and Plan make one of them, and record nothing of it.
	Classify func(ctx context.Context, c Choice) (Classified, error)
	Plan     func(ctx context.Context, c Choice, within time.Duration) (Planned, error)

	ProxyOK func(ctx context.Context) bool // a proxy answers and takes the key
	Save    func(ctx context.Context, list []settings.Assignment) (changed bool, err error)
	Clients func() []Client

	Confirm func(question string) bool // of a person
	Read    func(question string) string
	Say     func(text string)  // to a person, before a question
	Done    func(step Outcome) // after each step
}

// State says what became of a step.
type State string

// Done was done now; Same was so before; Would is left by a dry run; Refused
// was said no to; Missing has to be done by the user; Failed was tried.
const (
	Done    State = "done"
	Same    State = "same"
	Would   State = "would"
	Refused State = "refused"
	Missing State = "missing"
	Failed  State = "failed"
)

// Outcome is what became of one step.
type Outcome struct {
	Name  string   `json:"name"`
	State State    `json:"state"`
	Text  string   `json:"text"`
	Fixes []string `json:"fixes,omitempty"`
}

// Report is what setup did or would do.
type Report struct {
	Exit   int       `json:"exit"`
	DryRun bool      `json:"dry_run,omitempty"`
	Server *Server   `json:"server,omitempty"`
	Model  string    `json:"model,omitempty"`
	NumCtx int       `json:"num_ctx,omitempty"`
	Unsure bool      `json:"unsure,omitempty"` // of the proof, so that its answer would not count
	Steps  []Outcome `json:"steps"`
	Next   []string  `json:"next,omitempty"`
}

// The exit codes, beside 0: set up, or nothing left to do.
const (
	ExitMissing = 1 // a server, a model or a client is missing, or the model does not answer
	ExitFailed  = 2 // config.toml or a client's file cannot be written
	ExitNobody  = 3 // nobody can be asked and --yes is not given: nothing was changed

	ExitInterrupted = 130 // as of a program that SIGINT ended; what was done stays
)

type run struct {
	Options
	Host

	report Report
	server *Server
	fleet  bool // the local model is the proxy's, which chooses
	model  *routing.Listed
	numCtx int
	proof  *Classified           // nil = none was made
	set    []settings.Assignment // beside those of server and model
}

// Run goes through the steps. The error is ctx's where it was interrupted: what
// was done stays, and another run goes on from there.
func Run(ctx context.Context, o Options, h Host) (Report, error) {
	for _, name := range o.Skip {
		if !slices.Contains(Steps, name) {
			return Report{}, fmt.Errorf("there is no step %q; the steps are %s", name, strings.Join(Steps, ", "))
		}
	}
	nobody := !o.Yes && !o.DryRun && !h.Terminal
	o.DryRun = o.DryRun || nobody
	r := &run{Options: o, Host: h, report: Report{DryRun: o.DryRun, Steps: []Outcome{}}}
	for _, step := range []struct {
		name string
		do   func(context.Context) []Outcome
	}{
		{StepServer, r.findServer}, {StepModel, r.chooseModel}, {StepProof, r.prove}, {StepPlan, r.tryPlan},
		{StepProxy, r.askProxy}, {StepConfig, r.writeConfig}, {StepClients, r.addClients},
	} {
		if slices.Contains(o.Skip, step.name) {
			r.add(Outcome{Name: step.name, State: Refused, Text: "left out (--skip " + step.name + ")"})
			continue
		}
		outcomes := step.do(ctx)
		if ctx.Err() != nil { // the default of an unanswered question is not the user's answer
			outcomes = slices.DeleteFunc(outcomes, func(o Outcome) bool { return o.State != Done && o.State != Failed })
		}
		for _, outcome := range outcomes {
			outcome.Name = step.name
			r.add(outcome)
		}
		if ctx.Err() != nil {
			return r.report, ctx.Err()
		}
	}
	if r.model == nil && !r.fleet && !r.DryRun && r.report.Exit == 0 {
		r.report.Exit = ExitMissing
	}
	if nobody {
		r.report.Exit = ExitNobody
	}
	return r.report, nil
}

func (r *run) add(o Outcome) {
	switch {
	case o.State == Failed && o.Name != StepProof:
		r.report.Exit = ExitFailed
	case (o.State == Missing || o.State == Failed) && r.report.Exit == 0:
		r.report.Exit = ExitMissing
	}
	r.report.Steps = append(r.report.Steps, o)
	r.Done(o)
}

// may asks a person whether a step is wanted; --yes is a yes to each.
func (r *run) may(question string) bool {
	switch {
	case r.Yes:
		r.Say(strings.TrimSuffix(question, "?"))
		return true
	case r.DryRun:
		return false
	}
	return r.Confirm(question)
}

func one(o Outcome) []Outcome { return []Outcome{o} }

var marks = map[State]term.Mark{
	Done:    {Sign: "✓", Colour: term.Green},
	Same:    {Sign: "✓", Colour: term.Green},
	Would:   {Sign: "·", Colour: term.Dim},
	Refused: {Sign: "-", Colour: term.Yellow},
	Missing: {Sign: "!", Colour: term.Yellow},
	Failed:  {Sign: "✗", Colour: term.Red},
}

// Print writes how it ended, and what comes next.
func (r Report) Print(out io.Writer) {
	fmt.Fprintln(out)
	for _, next := range r.Next {
		term.Print(out, "Next: ", next)
	}
	term.Print(out, "", r.verdict())
}

func (r Report) verdict() string {
	switch {
	case r.Exit == ExitNobody:
		return "Nothing was changed: not a terminal. localmodel setup --yes does the above without asking. (exit 3)"
	case r.Exit == ExitFailed:
		return "Something could not be written; see above. (exit 2)"
	case r.Exit == ExitMissing && r.DryRun:
		return "Dry run: nothing was changed. What is missing is named above. (exit 1)"
	case r.DryRun:
		return "Dry run: nothing was changed."
	case r.Exit == ExitMissing:
		return "Not all is there yet; do what is named above and run localmodel setup again. (exit 1)"
	case r.declined():
		return "Set up, but for what is marked - above; localmodel setup asks again."
	case r.Unsure:
		return "Set up, but rules will classify most tickets: " + r.Model + " is too unsure. localmodel doctor looks again at any time."
	}
	return "Set up. localmodel doctor looks again at any time."
}

// declined reports whether a file that setup would have written was left as it
// is.
func (r Report) declined() bool {
	return slices.ContainsFunc(r.Steps, func(o Outcome) bool {
		return o.State == Refused && (o.Name == StepConfig || o.Name == StepClients)
	})
}
