package proxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

var classSchema = json.RawMessage(`{"type":"object","properties":{"category":{"type":"string","enum":["BUG","FEAT","TASK"]},` +
	`"complexity":{"type":"string","enum":["low","medium","high"]}},"required":["category","complexity"],"additionalProperties":false}`)

// fleet is two real Ollama hosts behind the group free.
type fleet struct {
	hosts    [2]*ollamatest.Server
	proxy    *litellmtest.Proxy
	provider *litellmtest.Provider
	router   *routing.Router
}

// newFleet runs the shipped fleet.yaml, with its probes more often than shipped
// so that the test is quick; LOCALMODEL_TEST_FLEET=shipped leaves them.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	data, err := os.ReadFile(litellmtest.Config(t, "fleet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config := string(data)
	if os.Getenv("LOCALMODEL_TEST_FLEET") != "shipped" {
		for shipped, quick := range map[string]string{"health_check_interval: 30 ": "health_check_interval: 3 ", "health_check_timeout: 20 ": "health_check_timeout: 5 "} {
			if !strings.Contains(config, shipped) {
				t.Fatalf("fleet.yaml has no %q", shipped)
			}
			config = strings.Replace(config, shipped, quick, 1)
		}
	}
	path := filepath.Join(t.TempDir(), "fleet.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fleet{}
	var stop func()
	f.provider, stop = litellmtest.NewProvider()
	t.Cleanup(stop)
	var env []string
	for i := range f.hosts {
		f.hosts[i] = ollamatest.New(t)
		f.hosts[i].Copy(t, ollamatest.Steered, litellmtest.Local)
		env = append(env, fmt.Sprintf("OLLAMA_HOST_%d=%s", i+1, f.hosts[i].URL))
	}
	f.proxy = litellmtest.New(t, path, append(env, "ANTHROPIC_API_KEY="+litellmtest.ProviderKey, "ANTHROPIC_API_BASE="+f.provider.URL)...)
	return f
}

// tally is how a run of calls went.
type tally struct {
	by      map[string]int // answers by deployment
	lost    []string       // reasons
	slowest time.Duration
}

func (f *fleet) calls(t *testing.T, n int) tally {
	t.Helper()
	out := tally{by: map[string]int{}}
	for range n {
		q := word("Fix the crash.")
		q.Schema = classSchema
		start := time.Now()
		a, err := f.router.Complete(t.Context(), policy.OnlyLocal, q)
		out.slowest = max(out.slowest, time.Since(start))
		if err != nil {
			out.lost = append(out.lost, err.Error())
			continue
		}
		out.by[a.Model]++
	}
	return out
}

func (r tally) String() string {
	return fmt.Sprintf("answered by %v, lost %d, slowest %s", r.by, len(r.lost), r.slowest.Round(time.Millisecond))
}

// blind makes calls that may neither retry nor fall back, and says how many of
// them were answered: with a dead host still in the draw, about half.
func (f *fleet) blind(t *testing.T, n int) (answered int, by map[string]int) {
	t.Helper()
	by = map[string]int{}
	for range n {
		r := chat(t, f.proxy, "free", "hi", fields{"num_retries": 0, "disable_fallbacks": true, "max_tokens": 1})
		if r.status == http.StatusOK {
			answered++
			by[r.header.Get("x-litellm-model-id")]++
		}
	}
	return answered, by
}

// TestFleet takes its hosts away in one way after another.
func TestFleet(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	for _, c := range []struct {
		name string
		test func(*testing.T)
	}{
		{"a host is lost and comes back", f.losesAHost},
		{"a host hangs", f.passesOverAHungHost},
		{"all hosts are lost", f.neverAnswersWithAPaidModel},
	} {
		f.router = localRouter(t, f.proxy) // its breaker remembers nothing
		t.Run(c.name, c.test)
	}
}

func (f *fleet) losesAHost(t *testing.T) {
	testkit.Eventually(t, "both hosts serve", func() bool { _, by := f.blind(t, 4); return len(by) == 2 })
	t.Logf("two hosts: %s", f.calls(t, 20))
	f.keepsWindow(t)

	f.hosts[1].KillServer()
	killed := time.Now()
	first := f.calls(t, 20)
	t.Logf("measured: one host killed, the 20 calls after it: %s; reasons %v", first, first.lost)
	if len(first.lost) > 6 || first.by["free-2"] > 0 {
		t.Errorf("a killed host cost %d of 20 calls: %v", len(first.lost), first.lost)
	}
	testkit.Eventually(t, "the dead host is out of the draw", func() bool { n, _ := f.blind(t, 10); return n == 10 })
	t.Logf("measured: without retry or fallback 10 of 10 answered %s after the kill", time.Since(killed).Round(time.Second))
	if later := f.calls(t, 20); len(later.lost) > 0 || later.by["free-1"] != 20 {
		t.Errorf("after that: %s %v", later, later.lost)
	}

	f.hosts[1].Restart(t)
	back := time.Now()
	lost := 0
	testkit.Eventually(t, "the host serves again", func() bool {
		r := f.calls(t, 5)
		lost += len(r.lost)
		return r.by["free-2"] > 0
	})
	t.Logf("measured: the host is back and serves again after %s, %d calls lost meanwhile", time.Since(back).Round(time.Second), lost)
	if lost > 0 {
		t.Errorf("%d calls lost while the host came back", lost)
	}
	if paid := f.provider.Asked(""); len(paid) != 0 {
		t.Errorf("%d calls went to a paid provider: %+v", len(paid), paid[0])
	}
	t.Logf("measured: calls paid, over all of it: %d", len(f.provider.Asked("")))
}

// keepsWindow checks that the probes load the model with the window of the
// calls: with another one Ollama would reload it each time.
func (f *fleet) keepsWindow(t *testing.T) {
	t.Helper()
	for _, host := range f.hosts {
		resp, err := http.Get(host.URL + "/api/ps") //nolint:noctx // answers at once
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // read to its end
		if err != nil {
			t.Fatal(err)
		}
		if window := gjson.GetBytes(body, "models.0.context_length").Int(); window != 32768 {
			t.Errorf("%s has the model loaded with a window of %d", host.URL, window)
		}
	}
}

// A host that hangs is worse than a dead one: a call that meets it waits. Its
// probe finds out after health_check_timeout.
func (f *fleet) passesOverAHungHost(t *testing.T) {
	testkit.Eventually(t, "both hosts serve", func() bool { _, by := f.blind(t, 4); return len(by) == 2 })
	resume := f.hosts[1].Hang(t)
	hung := time.Now()
	slow := 0
	testkit.Eventually(t, "the hung host is out of the draw", func() bool {
		for range 10 {
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Second) // a caller of its own patience
			q := word("Fix the crash.")
			q.Schema = classSchema
			// A router of its own: what is looked at is the proxy, not the breaker.
			_, err := localRouter(t, f.proxy).Complete(ctx, policy.OnlyLocal, q)
			stop()
			if err != nil {
				slow++
				return false
			}
		}
		return true
	})
	t.Logf("measured: one host hung: %d calls gave up after 5 s, 10 of 10 answered %s after the hang", slow, time.Since(hung).Round(time.Second))
	resume()
	testkit.Eventually(t, "the host serves again", func() bool { return f.calls(t, 5).by["free-2"] > 0 })
}

func (f *fleet) neverAnswersWithAPaidModel(t *testing.T) {
	for _, h := range f.hosts {
		h.KillServer()
	}
	r := f.calls(t, 3)
	t.Logf("all hosts dead: %s %v", r, r.lost)
	if len(r.lost) != 3 {
		t.Errorf("something answered as local: %v", r.by)
	}
	long := word(strings.Repeat("word ", 40000)) // beyond max_input_tokens, where the proxy has a fallback of its own
	if a, err := f.router.Complete(t.Context(), policy.OnlyLocal, long); err == nil {
		t.Errorf("an overlong prompt was answered by %s", a.Model)
	}
	if paid := f.provider.Asked(""); len(paid) != 0 {
		t.Errorf("%d calls went to a paid provider", len(paid))
	}
}
