package commands

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
)

// Forty small tickets: the template names each function and test file, and a strong
// model's plans are all accepted, whole and with content. SHOP_SMOL=all, or ids with
// commas between, also lets the weak real model plan; SHOP_OUT=DIR keeps its replies
// and the template's plans: PLANS.md.
func TestEvalPlans_FortyTickets(t *testing.T) {
	s := litellmtest.Shared(t)
	p := newProject(t, "OLLAMA_HOST="+s.Ollama.URL, "LITELLM_BASE_URL="+s.Proxy.URL, "LITELLM_MASTER_KEY="+s.Proxy.Key)
	tickets := shop(t, p.root)
	s.Provider.Answer(t, litellmtest.Haiku, func(a litellmtest.Asked) litellmtest.Said {
		for _, one := range tickets {
			if strings.Contains(a.User, ": "+one.title+"\n") {
				return litellmtest.Said{Text: one.plan(t), In: 900, Out: 150}
			}
		}
		return litellmtest.Said{Text: "which ticket?"}
	})
	code, out, said := p.run(t, "eval", "backlog", "--plans", "--models", "cheap", "--yes", "--json", "--csv", "plans.csv", "--html", "plans.html")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, said)
	}
	var r evaluate.PlanReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	c := r.Columns[0]
	if c.Accepted.K != 40 || c.Repaired != 0 || c.Where.K != 40 || c.Named.K != 40 || c.Verify.K != 40 || c.CostUSD <= 0 {
		t.Errorf("the strong model: %+v\n%s", c, out)
	}
	dir := os.Getenv("SHOP_OUT")
	for _, name := range []string{"plans.csv", "plans.html"} {
		if data, err := os.ReadFile(filepath.Join(p.root, name)); err != nil || !strings.Contains(string(data), "cheap") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, one := range tickets {
		if i%4 != 0 && dir == "" { // each is a process of its own
			continue
		}
		code, out, said := p.run(t, "call", "plan_ticket", fmt.Sprintf(`{"ticket_path":"backlog/%s.md","route":"cloud"}`, one.id))
		plan := gjson.Get(out, "plan").Str
		if dir != "" {
			write(t, filepath.Join(dir, one.id+".template.md"), plan)
		}
		if code != 0 || gjson.Get(out, "by").Str != "template" || !strings.Contains(plan, one.symbol+"` (lines ") || !strings.Contains(plan, "_test.go") || !strings.Contains(plan, "make test") {
			t.Errorf("exit %d: %s\n%s", code, out, said)
		}
		if one.symbol == "Export" && !strings.Contains(plan, "in `TestExport` (lines ") {
			t.Errorf("the test that has to change is not named:\n%s", plan)
		}
	}
	if ids := os.Getenv("SHOP_SMOL"); ids != "" {
		planBySmolLM(t, s, p, strings.Split(ids, ","), dir)
	}
}

// planBySmolLM lets the weak real model plan the tickets of those ids, or all. Its
// questions and replies are kept in dir.
func planBySmolLM(t *testing.T, s *litellmtest.Stack, p *project, ids []string, dir string) {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	place := "backlog"
	if ids[0] != "all" {
		place = "chosen"
		if err := os.Mkdir(filepath.Join(p.root, place), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			write(t, filepath.Join(p.root, place, id+".md"), readFile(t, filepath.Join(p.root, "backlog", id+".md")))
		}
	}
	p.env = append(p.env, "OLLAMA_HOST="+recorder(t, s.Ollama.URL, dir))
	_, out, said := p.run(t, "eval", place, "--plans", "--models", s.Ollama.SmolLM(t), "--json", "--results", filepath.Join(dir, "results.jsonl"))
	t.Logf("%s\n%s", said, out)
}

// recorder is a proxy before Ollama that keeps each question to a model, with its reply,
// as a file of dir: eval keeps what a plan is worth, not the plan. It returns its URL.
func recorder(t *testing.T, ollama, dir string) string {
	t.Helper()
	target, err := url.Parse(ollama)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*.question.json")) // of an earlier run
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	n.Store(int64(len(kept)))
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/chat" {
			name := filepath.Join(dir, fmt.Sprintf("%03d", n.Add(1)))
			asked, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			write(t, name+".question.json", string(asked))
			r.Body = io.NopCloser(bytes.NewReader(asked))
			w = &keptReply{ResponseWriter: w, t: t, name: name + ".reply.ndjson"}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// keptReply appends what passes through it to a file.
type keptReply struct {
	http.ResponseWriter
	t    *testing.T
	name string
}

func (k *keptReply) Unwrap() http.ResponseWriter { return k.ResponseWriter }

func (k *keptReply) Write(data []byte) (int, error) {
	f, err := os.OpenFile(k.name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		k.t.Error(err)
	}
	return k.ResponseWriter.Write(data)
}
