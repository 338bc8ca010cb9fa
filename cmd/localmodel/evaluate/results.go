package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
)

// Result is one model's answer to one task on one ticket. Failed is why there
// was none.
type Result struct {
	Task   string `json:"task"` // classify or plan
	Model  string `json:"model"`
	Digest string `json:"digest,omitempty"`
	Prompt string `json:"prompt"`
	Hash   string `json:"hash"` // of the ticket's content
	// Setting is how a plan was drawn; "" = as plan_ticket does.
	Setting string `json:"setting,omitempty"`
	Ticket  string `json:"ticket,omitempty"` // its id

	Category   string            `json:"category,omitempty"`
	Complexity string            `json:"complexity,omitempty"`
	Confidence *float64          `json:"confidence,omitempty"`
	Coverage   *prompts.Coverage `json:"coverage,omitempty"`
	Content    *prompts.Content  `json:"content,omitempty"`
	Defects    []string          `json:"defects,omitempty"` // of the first plan
	Repaired   bool              `json:"repaired,omitempty"`
	Failed     routing.Kind      `json:"failed,omitempty"`
	Reason     string            `json:"reason,omitempty"`

	At        time.Time `json:"at"`
	TokensIn  int       `json:"tokens_in"`
	TokensOut int       `json:"tokens_out"`
	CostUSD   float64   `json:"cost_usd,omitempty"`
	Estimated bool      `json:"estimated,omitempty"`
	MS        int64     `json:"ms"`
}

// key is what makes a result count for a task: another text, model, weights or
// prompt is another task.
func (r Result) key() string {
	return strings.Join([]string{r.Task, r.Model, r.Digest, r.Prompt, r.Hash, r.Setting}, "\x00")
}

// passing reports whether the failure says something of the moment and nothing of
// the model: a later run asks again.
func (r Result) passing() bool {
	return slices.Contains([]routing.Kind{routing.Unavailable, routing.ModelMissing, routing.Loading, routing.Busy, routing.Auth,
		routing.BudgetSpent, routing.Canceled}, r.Failed)
}

// Results is the file that a run is taken up from. Each result is on disk
// before the next question is asked.
type Results struct {
	file *os.File
	lock *rootfs.Lock
	done map[string]Result
}

// maxResults bounds the file, in bytes.
const maxResults = 256 << 20

// OpenResults opens the file of a name in dir, which is made where it is not
// there. fresh forgets what is in it.
func OpenResults(ctx context.Context, dir *rootfs.Root, name string, fresh bool) (*Results, error) {
	path := filepath.Join(dir.Name(), name)
	lock, err := dir.TryLock(ctx, name+".lock")
	if errors.Is(err, rootfs.ErrLocked) {
		return nil, fmt.Errorf("another eval is writing %s: wait for it, or give --results another file", path)
	}
	if err != nil {
		return nil, err
	}
	r := &Results{lock: lock, done: map[string]Result{}}
	if fresh {
		err = dir.Replace(ctx, name, nil, rootfs.Write{Perm: 0o600})
	}
	var data []byte
	if err == nil {
		data, err = dir.Read(ctx, name, maxResults)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		r.file, err = dir.Append(ctx, name)
	}
	if err == nil {
		err = r.load(data)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// load reads what is there. A last line that a crash has torn is left out, and
// closed so that the next one is on a line of its own.
func (r *Results) load(data []byte) error {
	for line := range bytes.Lines(data) {
		var one Result
		if json.Unmarshal(bytes.TrimSpace(line), &one) == nil && !one.passing() {
			r.done[one.key()] = one
		}
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		_, err := r.file.WriteString("\n")
		return err
	}
	return nil
}

// find gives the result of a task where there is one.
func (r *Results) find(want Result) (Result, bool) {
	found, ok := r.done[want.key()]
	return found, ok
}

func (r *Results) add(one Result) error {
	line, err := json.Marshal(one)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(line, '\n'))
	if err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if !one.passing() {
		r.done[one.key()] = one
	}
	return nil
}

// Close closes the file.
func (r *Results) Close() error {
	defer r.lock.Unlock()
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
