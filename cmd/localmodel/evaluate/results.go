package evaluate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

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

	Category   string            `json:"category,omitempty"`
	Complexity string            `json:"complexity,omitempty"`
	Confidence *float64          `json:"confidence,omitempty"`
	Coverage   *prompts.Coverage `json:"coverage,omitempty"`
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

// key is what makes a result stand for a task: another text, model, weights or
// prompt is another task.
func (r Result) key() string {
	return r.Task + "\x00" + r.Model + "\x00" + r.Digest + "\x00" + r.Prompt + "\x00" + r.Hash
}

// passing failures say something of the moment and nothing of the model: a
// later run asks again.
var passing = []routing.Kind{routing.Unavailable, routing.ModelMissing, routing.Loading, routing.Busy, routing.Auth, routing.BudgetSpent, routing.Canceled}

// Results is the file that a run is taken up from. Each result is on disk
// before the next question is asked.
type Results struct {
	file *os.File
	lock *flock.Flock
	done map[string]Result
}

// OpenResults opens the file, which is made where it is not there, with a
// directory that git ignores. fresh forgets what is in it.
func OpenResults(path string, fresh bool) (*Results, error) {
	if err := private(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock := flock.New(path + ".lock")
	if got, err := lock.TryLock(); err != nil || !got {
		return nil, fmt.Errorf("another eval is writing %s: %w", path, errors.Join(err, errors.New("wait for it, or give --results another file")))
	}
	mode := os.O_CREATE | os.O_RDWR | os.O_APPEND
	if fresh {
		mode |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, mode, 0o600) //nolint:gosec // the user's own
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	r := &Results{file: f, lock: lock, done: map[string]Result{}}
	if err := r.load(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func private(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600)
}

// load reads what is there. A last line that a crash has torn is left out, and
// closed so that the next one stands alone.
func (r *Results) load() error {
	in := bufio.NewReader(r.file)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var one Result
		if json.Unmarshal(bytes.TrimSpace(line), &one) == nil && !slices.Contains(passing, one.Failed) {
			r.done[one.key()] = one
		}
		if err != nil {
			if len(line) > 0 {
				_, err := r.file.WriteString("\n")
				return err
			}
			return nil
		}
	}
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
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := r.file.Sync(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if !slices.Contains(passing, one.Failed) {
		r.done[one.key()] = one
	}
	return nil
}

// Close closes the file.
func (r *Results) Close() error { return errors.Join(r.file.Close(), r.lock.Unlock()) }
