// Package litellmtest runs real LiteLLM proxies for tests, without internet: a
// fake stands in for the paid providers, and a real Ollama serves the local
// group. One of each serves all tests of a package:
//
//	func TestMain(m *testing.M) { os.Exit(litellmtest.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		s := litellmtest.Shared(t) // skips by name where LiteLLM or Ollama is absent
//		// s.Proxy.URL, s.Proxy.Key, s.Provider.Says(t, litellmtest.Haiku, …)
//	}
//
// On Linux the program is imported once for all packages of a run, and each
// proxy is a fork of that process (forks.py).
package litellmtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

// Models of the production tiers, as the provider is asked for them, and the
// name under which Ollama is asked for the local one.
const (
	Haiku  = "claude-haiku-4-5"
	Sonnet = "claude-sonnet-4-6"
	Local  = "qwen3-coder:30b"
)

// ProviderKey is the key that the proxy has for the provider.
const ProviderKey = "sk-ant-test-4f1c"

// readyWithin bounds the start of a proxy: 9 s on an idle machine, or 1 s where
// the program has been imported.
const readyWithin = 3 * time.Minute

// Stack is a proxy with the servers behind it.
type Stack struct {
	Proxy    *Proxy
	Provider *Provider
	Ollama   *ollamatest.Server

	closeProvider func()
}

// shared is the one stack of a test binary, as the package comment says.
var shared = testkit.Shared[*Stack]{Kit: "litellmtest"}

// Main runs the tests of a package and ends the shared stack after them.
func Main(m *testing.M) int {
	return shared.Main(func() int { return ollamatest.Main(m) })
}

// Shared returns the stack of this test binary: the production configuration
// with the failing groups of offline-test.yaml beside it. The first caller
// starts it.
func Shared(t testing.TB) *Stack {
	t.Helper()
	bin := parts.Need(t, parts.LiteLLM)
	ollama := ollamatest.Shared(t)
	s := shared.Get(t, func() (*Stack, error) {
		s := &Stack{Ollama: ollama}
		s.Provider, s.closeProvider = NewProvider()
		ollama.Copy(t, ollamatest.Steered, Local)
		var err error
		s.Proxy, err = start(bin, Config(t, "offline-test.yaml"), s.Env())
		return s, err
	})
	s.Proxy.log.Watch(t)
	s.awake(t)
	return s
}

// Close ends the proxy and the provider. Tests need not call it.
func (s *Stack) Close() {
	s.Proxy.close()
	s.closeProvider()
}

// awake waits until the paid tiers answer: a deployment that an earlier test let
// fail rests for half a minute.
func (s *Stack) awake(t testing.TB) {
	t.Helper()
	for _, group := range []string{"cheap", "balanced"} {
		answers := func() bool { return s.Proxy.answers(t.Context(), group) }
		testkit.Eventually(t, "the proxy's group "+group+" answers", answers)
	}
	s.Provider.Forget()
}

func (p *Proxy) answers(ctx context.Context, group string) bool {
	body := `{"model":"` + group + `","max_tokens":1,"num_retries":0,"disable_fallbacks":true,"messages":[{"role":"user","content":"hi"}]}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // only the status counts
	return resp.StatusCode == http.StatusOK
}

// Env is what the shipped configurations read from the environment, pointed at
// the fake provider and the Ollama of the stack.
func (s *Stack) Env() []string {
	return []string{"OLLAMA_API_BASE=" + s.Ollama.URL, "ANTHROPIC_API_KEY=" + ProviderKey,
		"ANTHROPIC_API_BASE=" + s.Provider.URL, "FAKE_PROVIDER_V1=" + s.Provider.URL + "/v1"}
}

// Config is the path of a configuration in integration/litellm.
func Config(t testing.TB, name string) string {
	t.Helper()
	root, err := parts.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "integration", "litellm", name)
}

// Proxy is a running LiteLLM proxy.
type Proxy struct {
	URL string // http://127.0.0.1:PORT
	Key string // its master key

	bin, config, home string
	port              int
	env               []string
	proc              running
	log               *testkit.Log
}

// running is a proxy's process.
type running interface {
	Ended() <-chan struct{}
	Kill()
}

// New starts a proxy for this test alone with a configuration file; env adds to
// its environment. It ends with the test.
func New(t testing.TB, config string, env ...string) *Proxy {
	t.Helper()
	p, err := start(parts.Need(t, parts.LiteLLM), config, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	p.log.Watch(t)
	return p
}

func start(bin, config string, env []string) (*Proxy, error) {
	home, err := os.MkdirTemp("", "localmodel-litellm-")
	if err != nil {
		return nil, err
	}
	log, err := testkit.NewLog("litellm")
	if err != nil {
		return nil, err
	}
	p := &Proxy{bin: bin, config: config, home: home, env: env, log: log, Key: "sk-test-" + rand.Text()}
	err = testkit.OnFreePort(func(port int) error {
		p.port, p.URL = port, fmt.Sprintf("http://127.0.0.1:%d", port)
		return p.run()
	})
	if err == nil {
		return p, nil
	}
	err = p.log.Failed(fmt.Errorf("litellm: %w", err))
	p.close()
	return nil, err
}

// offline keeps the proxy from asking the internet for prices, headers, news.
var offline = []string{"LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True",
	"LITELLM_LOCAL_POLICY_TEMPLATES=true", "LITELLM_LOCAL_BLOG_POSTS=True", "LITELLM_MODE=PRODUCTION"}

func (p *Proxy) run() error {
	args := []string{"--config", p.config, "--host", "127.0.0.1", "--port", fmt.Sprint(p.port), "--num_workers", "1", "--telemetry", "False"}
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "USERPROFILE=" + p.home, "TMPDIR=" + p.home,
		"SystemRoot=" + os.Getenv("SystemRoot"), "PYTHONDONTWRITEBYTECODE=", "LITELLM_MASTER_KEY=" + p.Key, "NO_PROXY=127.0.0.1"}, append(offline, p.env...)...)
	proc, found, err := p.forked(args, env)
	if !found {
		cmd := exec.Command(p.bin, args...) //nolint:noctx // ended by close
		cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = p.home, p.log.File, p.log.File, env
		proc, err = process.Start(cmd)
	}
	if err != nil {
		return err
	}
	p.proc = proc
	err = testkit.AwaitReady(p.proc.Ended(), readyWithin, func(ctx context.Context) bool {
		return testkit.AnswersOK(ctx, p.URL+"/health/readiness")
	})
	if err != nil {
		p.proc.Kill()
	}
	return err
}

// Log is all that the proxy has printed.
func (p *Proxy) Log() string { return p.log.Text() }

// Kill kills the proxy at once, as a crash would.
func (p *Proxy) Kill() { p.proc.Kill() }

func (p *Proxy) close() {
	if p.proc != nil {
		p.proc.Kill() // it keeps nothing, and a gentle end takes seconds
	}
	_ = os.RemoveAll(p.home) // a left-over in the temporary directory does no harm
	p.log.Remove()
}
