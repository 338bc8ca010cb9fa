package ollama_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/ollama"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// backend is an Ollama backend whose limits no healthy call reaches.
func backend(t *testing.T, cfg ollama.Config) *ollama.Backend {
	t.Helper()
	cfg.ConnectTimeout, cfg.FirstTokenTimeout, cfg.TokenTimeout = 20*time.Second, time.Minute, time.Minute
	cfg.NumCtx = fakeserver.NumCtx
	if cfg.Model == "" {
		cfg.Model = fakeserver.Model
	}
	b := ollama.New(cfg)
	t.Cleanup(b.Close)
	return b
}

func ask(t *testing.T, b *ollama.Backend) (routing.Answer, error) {
	t.Helper()
	r := routing.New(routing.Config{CloudAllowed: true}, []routing.Backend{b}, &fakeserver.Books{}, nil)
	return r.Complete(fakeserver.Within(t, time.Minute), policy.Auto, fakeserver.Question())
}

// A server in front of Ollama gets the key, and its refusals name the variable.
func TestBackend_Key(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") == "Bearer right":
			f.ServeHTTP(w, r)
		case r.Header.Get("Authorization") == "Bearer weak":
			http.Error(w, "<html>403</html>", http.StatusForbidden)
		default:
			http.Error(w, "<html>401 Authorization Required</html>", http.StatusUnauthorized)
		}
	}))
	t.Cleanup(guarded.Close)
	for key, want := range map[string]routing.Kind{"right": "", "weak": routing.Forbidden, "wrong": routing.Auth, "": routing.Auth} {
		b := backend(t, ollama.Config{URL: guarded.URL, Key: key})
		check := b.Check(t.Context())
		_, err := ask(t, b)
		if want == "" {
			if err != nil || !check.OK {
				t.Errorf("key %q: %v, %+v", key, err, check)
			}
			continue
		}
		got := fakeserver.Unanswered(t, err).Attempts[0]
		if got.Kind != want || got.Fix == "" || check.OK || check.Fix != got.Fix {
			t.Errorf("key %q: %s %q, fix %q; health's fix %q", key, got.Kind, got.Reason, got.Fix, check.Fix)
		}
		if want == routing.Auth && !strings.Contains(got.Fix, "OLLAMA_API_KEY") {
			t.Errorf("key %q: fix %q", key, got.Fix)
		}
	}
}

// A load never unloads what it loads, however short the model is to stay.
func TestBackend_LoadKeepsTheModelForItsCall(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	f.SetLoaded(false)
	if _, err := ask(t, backend(t, ollama.Config{URL: f.URL})); err != nil {
		t.Fatal(err)
	}
	if load, call := string(f.Loads(t)[0].Keep), string(f.Requests(t)[0].Keep); load == `"0s"` || call != `"0s"` {
		t.Errorf("keep_alive of the load %s, of the call %s", load, call)
	}
}

// One model under every name that Ollama takes for it.
func TestBackend_NamesOfOneModel(t *testing.T) {
	f := fakeserver.New(t, fakeserver.Says(200, fakeserver.Good()))
	for _, name := range []string{"tiny", "tiny:latest", "TINY", "library/tiny", "library/tiny:latest",
		"registry.ollama.ai/library/tiny", "registry.ollama.ai/library/Tiny:latest", "https://registry.ollama.ai/library/tiny"} {
		c := backend(t, ollama.Config{URL: f.URL, Model: name}).Check(t.Context())
		if !c.OK || !c.Present || !c.Loaded || c.Digest != "abc" {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for _, name := range []string{"tiny:7b", "other/tiny", "example.com/library/tiny", "library/tiny/latest"} {
		if c := backend(t, ollama.Config{URL: f.URL, Model: name}).Check(t.Context()); c.Present {
			t.Errorf("%s passes for tiny", name)
		}
	}
}

// Where another model is installed, it is named in place of a pull of 18 GB.
func TestBackend_AnotherModelIsInstalled(t *testing.T) {
	for name, c := range map[string]struct{ tags, reason, fix string }{
		"none": {`[]`, "model big:30b is not there", "ollama pull big:30b"},
		"one": {`[{"name":"qwen3:8b","size":5}]`, "model big:30b is not there; you have qwen3:8b: set LOCALMODEL_MODEL",
			"export LOCALMODEL_MODEL=qwen3:8b"},
		"the largest that runs here": {`[{"name":"a:1b","size":1},{"name":"gpt-oss:120b-cloud","size":9},{"name":"x","size":8,"remote_host":"https://ollama.com"},
			{"name":"embed","size":7,"details":{"family":"nomic-bert"}},{"name":"b:4b","size":4}]`,
			"you have b:4b", "export LOCALMODEL_MODEL=b:4b"},
		"a name that a shell would run": {`[{"name":"$(id)","size":5}]`, "model big:30b is not there", "ollama pull big:30b"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fakeserver.New(t, nil)
			f.SetControl(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/api/tags":
					fmt.Fprintf(w, `{"models":%s}`, c.tags)
				case "/api/show":
					w.WriteHeader(http.StatusNotFound)
					fmt.Fprint(w, `{"error":"model 'big:30b' not found"}`)
				default:
					f.Healthy(w, r)
				}
			})
			b := backend(t, ollama.Config{URL: f.URL, Model: "big:30b"})
			check := b.Check(t.Context())
			_, err := ask(t, b)
			got := fakeserver.Unanswered(t, err).Attempts[0]
			if got.Kind != routing.ModelMissing || !strings.Contains(got.Reason, c.reason) || got.Fix != c.fix {
				t.Errorf("%s %q, fix %q", got.Kind, got.Reason, got.Fix)
			}
			if check.Error != got.Reason || check.Fix != got.Fix {
				t.Errorf("health says %q, fix %q", check.Error, check.Fix)
			}
		})
	}
}

// A refusal is what its status says, whatever words are in its text.
func TestBackend_RefusalsByStatus(t *testing.T) {
	for _, c := range []struct {
		status int
		text   string
		want   routing.Kind
	}{
		{500, "unsupported file format", routing.Unavailable},
		{500, "more information in the log; schema and context exceed", routing.Unavailable},
		{500, "the input length exceeds the context length", routing.Unavailable},
		{404, "no such thing", routing.ModelMissing},
		{400, "the model is loading, busy and not found", routing.InvalidOutput},
		{400, "the input length exceeds the context length", routing.ContextOverflow},
		{400, "a context that exceeds nothing", routing.InvalidOutput},
		{503, "model not found", routing.Busy},
		{403, "unauthorized", routing.Forbidden},
		{504, "busy", routing.Timeout},
		{502, "upstream", routing.Unavailable},
		{504, "<html>a proxy's page</html>", routing.Timeout},
		{502, "<html>a proxy's page</html>", routing.Unavailable},
	} {
		body := c.text
		if !strings.HasPrefix(body, "<") {
			body = fmt.Sprintf(`{"error":%q}`, body)
		}
		f := fakeserver.New(t, fakeserver.Says(c.status, body))
		_, got := askLocal(t, tiers.Patient(t, f.URL), fakeserver.Question())
		if got.Kind != c.want {
			t.Errorf("%d %q: %s, want %s", c.status, c.text, got.Kind, c.want)
		}
	}
}

// What is wrong between two ends of TLS is named, with its own fix.
func TestBackend_TLS(t *testing.T) {
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	plain := fakeserver.New(t, nil)
	mute := muteTLS(t)
	for name, c := range map[string]struct{ url, says, fix string }{
		"a certificate nobody knows":             {tls.URL, "an authority this machine does not trust", "SSL_CERT_FILE"},
		"plain HTTP to a TLS port":               {"http" + strings.TrimPrefix(tls.URL, "https"), "speaks TLS on that port", "https://"},
		"plain HTTP to a TLS port that hangs up": {"http://" + mute, "speaks TLS on that port", "https://"},
		"TLS to a plain port":                    {"https" + strings.TrimPrefix(plain.URL, "http"), "plain HTTP on that port", "http://"},
	} {
		c2 := backend(t, ollama.Config{URL: c.url}).Check(t.Context())
		if c2.OK || !strings.Contains(c2.Error, c.says) || !strings.Contains(c2.Fix, c.fix) {
			t.Errorf("%s: %q, fix %q", name, c2.Error, c2.Fix)
		}
	}
}

// muteTLS is a TLS server that says nothing to plain HTTP.
func muteTLS(t *testing.T) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.StartTLS()
	t.Cleanup(s.Close)
	front := proxyTCP(t, s.Listener.Addr().String(), func(first byte) bool { return first == 0x16 })
	return front
}

// JSON nested without end, wherever a server may put it, is an error and no
// crash, and costs no time.
func TestBackend_DeepJSON(t *testing.T) {
	deep := strings.Repeat("[", 8<<20-100)
	inChunk := `{"message":{"content":"x"},"a":` + strings.Repeat("[", 900_000) + "\n"
	for name, at := range map[string]struct {
		path string
		chat http.HandlerFunc
	}{
		"version": {"/api/version", nil}, "tags": {"/api/tags", nil}, "show": {"/api/show", nil}, "ps": {"/api/ps", nil},
		"chunk":          {"", fakeserver.Says(200, inChunk)},
		"refusal":        {"", fakeserver.Says(500, strings.Repeat("[", 60_000))},
		"nested refusal": {"", fakeserver.Says(400, `{"error":"`+strings.Repeat(`{\"error\":`, 5000)+`"}`)},
	} {
		t.Run(name, func(t *testing.T) {
			f := fakeserver.New(t, at.chat)
			if at.chat == nil {
				f.SetControl(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == at.path {
						fmt.Fprint(w, deep)
						return
					}
					f.Healthy(w, r)
				})
			}
			b := backend(t, ollama.Config{URL: f.URL})
			_ = b.Check(t.Context())
			if at.path == "/api/show" || at.chat != nil {
				if _, err := ask(t, b); err == nil {
					t.Error("answered")
				}
			}
		})
	}
}

// Strings from a server are bounded.
func TestBackend_LongStrings(t *testing.T) {
	long := strings.Repeat("a", 100_000)
	f := fakeserver.New(t, fakeserver.Says(500, fmt.Sprintf(`{"error":%q}`, long)))
	f.SetControl(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/version":
			fmt.Fprintf(w, `{"version":%q}`, long)
		case "/api/tags":
			fmt.Fprintf(w, `{"models":[{"name":"tiny:latest","digest":%q}]}`, long)
		case "/api/show":
			fmt.Fprintf(w, `{"remote_host":%q,"remote_model":%q}`, long, long)
		default:
			f.Healthy(w, r)
		}
	})
	b := backend(t, ollama.Config{URL: f.URL})
	c := b.Check(t.Context())
	_, err := ask(t, b)
	for _, s := range []string{c.Version, c.Digest, c.Remote, c.Error, err.Error()} {
		if len(s) > 500 {
			t.Errorf("%d bytes: %.40s", len(s), s)
		}
	}
}

// A web proxy of the environment that cannot reach Ollama is named, with
// NO_PROXY. The environment counts once a process, so this is another one.
func TestBackend_WebProxy(t *testing.T) {
	if at := os.Getenv("OLLAMA_TEST_ASK"); at != "" {
		b := backend(t, ollama.Config{URL: at})
		c := b.Check(t.Context())
		fmt.Printf("SAID %s FIX %s\n", c.Error, c.Fix)
		return
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>503 Service Unavailable</html>", http.StatusServiceUnavailable)
	}))
	t.Cleanup(page.Close)
	for proxy, says := range map[string]string{
		page.URL:             "the web proxy " + strings.TrimPrefix(page.URL, "http://") + " (HTTP_PROXY) answers 503 in Ollama's place",
		"http://127.0.0.1:9": "connection refused, at the web proxy 127.0.0.1:9",
	} {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		child := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestBackend_WebProxy$", "-test.v")
		env := slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.Contains(strings.ToUpper(kv), "PROXY=") })
		env = append(env, "OLLAMA_TEST_ASK=http://ollama.example:11434", "HTTP_PROXY="+proxy)
		child.Env = env
		out, err := child.CombinedOutput()
		if err != nil || !strings.Contains(string(out), says) || !strings.Contains(string(out), "FIX export NO_PROXY=ollama.example") {
			t.Errorf("%s: %v\n%s\nwant %s", proxy, err, out, says)
		}
	}
}
