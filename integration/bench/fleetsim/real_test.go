package fleetsim

import (
	"errors"
	"fmt"
	"math/rand"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// TestAgainstARealFleet compares the simulation with two localmodel processes,
// each with a real Ollama of its own, in a wave that queues for one slot. What a
// call takes is measured before and after.
func TestAgainstARealFleet(t *testing.T) {
	testkit.Measure(t)
	const n = 6
	var users [2]*mcpchild.Child
	for i := range users {
		server := ollamatest.New(t)
		project := t.TempDir()
		cmd := exec.Command(binary.Path(t))
		cmd.Dir = project
		cmd.Env = binary.Env(t, "CLAUDE_PROJECT_DIR="+project, "OLLAMA_HOST="+server.URL, "LOCALMODEL_MODEL="+ollamatest.Steered, "LOCALMODEL_NUM_CTX=4096",
			"LOCALMODEL_CLOUD=never", "LOCALMODEL_SLOTS=1", "LOCALMODEL_DEADLINE=10m", "LOCALMODEL_FIRST_TOKEN_TIMEOUT=5m", "LOCALMODEL_TOKEN_TIMEOUT=5m")
		child, err := mcpchild.Open(cmd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(child.Kill)
		users[i] = child
	}
	f := Fleet{Hosts: 2, Slots: 1, Routing: Pinned, Poll: .025}
	var said []string
	for range 4 { // another program may change the pace within one try
		waves(t, users[:], 2, 1) // warm
		before, _ := waves(t, users[:], 3, 1)
		took, end := waves(t, users[:], n, n)
		after, _ := waves(t, users[:], 3, 1)
		each := median(append(before, after...))
		r := Run(f, wave(2, n, each, 1e9), 0, 1)
		real, simulated := mean(took), mean(r.Took)
		said = append(said, fmt.Sprintf("calls of %.0f ms: mean %.0f ms real, %.0f ms simulated; last through after %.0f ms real, %.0f ms simulated",
			1e3*each, 1e3*real, 1e3*simulated, 1e3*end, 1e3*r.End))
		if within(real/simulated) && within(end/r.End) {
			t.Logf("MUST SHOW: %s", said[len(said)-1])
			return
		}
	}
	t.Errorf("the simulation is off by more than a half, each time:\n%s", strings.Join(said, "\n"))
}

func within(ratio float64) bool { return ratio > 1/1.5 && ratio < 1.5 }

// waves lets each user classify n new tickets, some at once, and returns what
// each call took and when the last was through.
func waves(t *testing.T, users []*mcpchild.Child, n, atOnce int) (took []float64, end float64) {
	t.Helper()
	var mu sync.Mutex
	var errs []error
	var group sync.WaitGroup
	began := time.Now()
	for _, u := range users {
		places := make(chan struct{}, atOnce)
		for range n {
			group.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				start := time.Now()
				err := classifyNew(u)
				mu.Lock()
				defer mu.Unlock()
				took, errs = append(took, time.Since(start).Seconds()), append(errs, err)
			})
		}
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return took, time.Since(began).Seconds()
}

// classifyNew asks the model about a ticket it has not seen: the prompt is read
// anew, which takes long enough to be measured.
func classifyNew(u *mcpchild.Child) error {
	id := rand.Int31() //nolint:gosec // any number
	text := strings.Repeat(fmt.Sprintf("It is %d. ", id), 30)
	result, err := u.Tool("classify_ticket", fmt.Sprintf(`{"ticket":"---\nid: T-%d\ntype: bug\naffected_files: [a.go]\n---\n# The total is wrong\n\n%s\n","route":"local"}`, id, text))
	if by := result.Get("tickets.0.by").Str; err == nil && by != "local" {
		return fmt.Errorf("not answered by the model: %s", result.Raw)
	}
	return err
}

func mean(v []float64) (sum float64) {
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

func median(v []float64) float64 {
	slices.Sort(v)
	return At(v, .5)
}
