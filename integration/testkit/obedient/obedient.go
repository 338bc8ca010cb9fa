// Package obedient is a client that does what the skill and the tools' replies
// say, and nothing else: it knows no rule of its own. Gates fail at given rates.
// It proves that every ticket ends, whatever answers behind the tools.
package obedient

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// Tickets is how many the backlog has: each gate fails for ever for two of them,
// for five where LOCALMODEL_FULL is set, as `make soak` does.
var Tickets = func() int {
	if os.Getenv("LOCALMODEL_FULL") != "" {
		return 200
	}
	return 80
}()

const (
	wave = 25
	// maxCalls for one ticket is far above what any path takes: reaching it is a
	// loop.
	maxCalls = 60
	// hopelessEvery is how often a ticket has a gate that fails for ever.
	hopelessEvery = 8
)

// usual is the rate at which a gate fails.
var usual = map[policy.Gate]float64{
	policy.Plan: .15, policy.Implement: .2, policy.Lint: .3, policy.Review: .2, policy.Commit: .1,
}

// Client takes tickets through the gates.
type Client struct {
	// Call calls a tool with JSON arguments and returns its result.
	Call func(name string, arguments []byte) ([]byte, error)

	Calls                            int
	Ends                             map[policy.Action]int // tickets by what ended them
	LocalSuccesses, LocalEscalations int                   // as the summaries say
	Stats                            gjson.Result          // of the latest outcome

	hopeless map[string]policy.Gate // fails for ever, by the ticket's path
	roll     *rand.Rand
}

// New returns a client; the same seed fails the same gates.
func New(seed uint64, call func(name string, arguments []byte) ([]byte, error)) *Client {
	return &Client{Call: call, Ends: map[policy.Action]int{}, hopeless: map[string]policy.Gate{}, roll: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // no secret
}

// Backlog writes tickets of every kind into dir: simple ones, hard ones, forbidden
// ones, and some that depend on the one before.
func Backlog(dir string) (paths []string, err error) {
	for i := range Tickets {
		head := fmt.Sprintf("id: TASK-%d\ncomplexity: simple\n", i+1)
		switch i % 8 {
		case 3:
			head = strings.Replace(head, "simple", "complex", 1)
		case 5:
			head += "tags: [SECURITY]\n"
		case 6:
			head += fmt.Sprintf("depends_on: [TASK-%d]\n", i)
		}
		text := "---\n" + head + "---\n# Negative amounts\n\nTotal must not count negative amounts.\n\n" +
			"## Affected Files\n| File | Action | Description |\n|---|---|---|\n| `cart.go` | modify | change it |\n\n" +
			"## Acceptance Criteria\n- [ ] AC-1: negative amounts count as nothing\n"
		path := fmt.Sprintf("TASK-%d.md", i+1)
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// Work takes a backlog through the gates, in waves, and holds its own count
// against the journal's.
func (c *Client) Work(paths []string) error {
	for i, path := range paths {
		if i%hopelessEvery == 2 {
			c.hopeless[path] = policy.Gates()[i/hopelessEvery%len(policy.GateRules)]
		}
	}
	for some := range slices.Chunk(paths, wave) {
		if err := c.wave(some); err != nil {
			return err
		}
	}
	return c.check(len(paths))
}

// fails rolls whether a gate fails this time.
func (c *Client) fails(path string, gate policy.Gate) bool {
	rolled := c.roll.Float64() // for a hopeless one too, or the others' would change
	return c.hopeless[path] == gate || rolled < usual[gate]
}

func (c *Client) check(tickets int) error {
	var wrong []error
	if done := c.Ends[policy.Complete] + c.Ends[policy.Stop]; done != tickets {
		wrong = append(wrong, fmt.Errorf("%d tickets ended, want %d", done, tickets))
	}
	if c.Ends[policy.Stop] < len(c.hopeless) {
		wrong = append(wrong, fmt.Errorf("%d tickets stopped, want the %d hopeless ones at least", c.Ends[policy.Stop], len(c.hopeless)))
	}
	for field, want := range map[string]int{
		"successCount": c.LocalSuccesses, "escalatedToCloud": c.LocalEscalations, "totalAttempts": c.LocalSuccesses + c.LocalEscalations,
	} {
		if got := c.Stats.Get(field); !got.Exists() || int(got.Int()) != want {
			wrong = append(wrong, fmt.Errorf("%s is %s, the client counted %d", field, got.Raw, want))
		}
	}
	return errors.Join(wrong...)
}

// String is what a note of a run says.
func (c *Client) String() string {
	return fmt.Sprintf("%d complete, %d stopped, %d stayed local, %d escalated from local; %.1f calls a ticket",
		c.Ends[policy.Complete], c.Ends[policy.Stop], c.LocalSuccesses, c.LocalEscalations, float64(c.Calls)/float64(max(c.Ends[policy.Complete]+c.Ends[policy.Stop], 1)))
}

func (c *Client) call(name string, arguments map[string]any) (gjson.Result, error) {
	c.Calls++
	in, err := json.Marshal(arguments)
	if err != nil {
		return gjson.Result{}, err
	}
	text, err := c.Call(name, in)
	if err != nil {
		return gjson.Result{}, fmt.Errorf("%s %s: %w", name, in, err)
	}
	return gjson.ParseBytes(text), nil
}

func (c *Client) wave(paths []string) error {
	for len(paths) > 0 {
		r, err := c.call("classify_ticket", map[string]any{"ticket_paths": paths})
		if err != nil {
			return err
		}
		rows := r.Get("tickets").Array()
		if len(rows) != len(paths) {
			return fmt.Errorf("%d rows for %d tickets", len(rows), len(paths))
		}
		escalated := false
		for len(rows) > 0 && !escalated { // after an escalation what is left is classified again
			t := ticket{client: c, path: paths[0], id: rows[0].Get("id").Str, local: rows[0].Get("local").Bool()}
			if err := t.work(); err != nil {
				return fmt.Errorf("%s: %w", t.id, err)
			}
			escalated = t.escalated
			paths, rows = paths[1:], rows[1:]
		}
	}
	return nil
}
