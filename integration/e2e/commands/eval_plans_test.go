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

// shopTicket is a row of testdata/shop.tsv: a small ticket, the function that it is
// about, and what a good programmer would plan.
type shopTicket struct{ file, symbol, params, kind, title, criterion, what, checks string }

// shop writes forty small tickets and the files that they are about.
func shop(t *testing.T, root string) []shopTicket {
	t.Helper()
	data, err := os.ReadFile("testdata/shop.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var tickets []shopTicket
	files := map[string]string{"go.mod": "module shop\n\ngo 1.26\n"}
	for line := range strings.Lines(string(data)) {
		c := strings.Split(strings.TrimSpace(line), "\t")
		if len(c) != 8 {
			t.Fatalf("%d columns in %q", len(c), line)
		}
		s := shopTicket{c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]}
		tickets = append(tickets, s)
		if files[s.file] == "" {
			files[s.file] = "package shop\n"
			files[strings.TrimSuffix(s.file, ".go")+"_test.go"] = "package shop\n"
		}
		files[s.file] += fmt.Sprintf("\n// %s is part of the shop.\nfunc %s(%s) error {\n\treturn nil\n}\n", s.symbol, s.symbol, s.params)
		id := fmt.Sprintf("%s-%03d", s.kind, len(tickets))
		files["backlog/"+id+".md"] = fmt.Sprintf("---\nid: %s\ncomplexity: low\n---\n# %s: %s\n\n`%s` does not do this yet.\n\n## Affected Files\n\n"+
			"| File | Action |\n|---|---|\n| %s | modify |\n\n## Acceptance Criteria\n\n- [ ] AC-1: %s\n", id, id, s.title, s.symbol, s.file, s.criterion)
	}
	if err := os.MkdirAll(filepath.Join(root, "backlog"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		write(t, filepath.Join(root, name), text)
	}
	return tickets
}

// plan is what a strong model answers about a ticket.
func (s shopTicket) plan(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"files":    map[string]any{s.file: map[string]any{"action": "modify", "where": "func " + s.symbol, "what": s.what, "approach": ""}},
		"criteria": map[string]any{"AC-1": map[string]any{"file": strings.TrimSuffix(s.file, ".go") + "_test.go", "name": "Test" + s.symbol, "checks": s.checks}},
		"verify":   []string{"go test ./..."}, "risk": "Callers that rely on the old result.",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Forty small tickets: the template names each function and test file, and a strong
// model's plans are all accepted, whole and with content. SHOP_SMOL=N also lets the
// weak real model plan N of them, SHOP_OUT=DIR keeps its replies: PLANS.md.
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
	for _, name := range []string{"plans.csv", "plans.html"} {
		if data, err := os.ReadFile(filepath.Join(p.root, name)); err != nil || !strings.Contains(string(data), "cheap") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, one := range tickets {
		if i%4 != 0 { // each is a process of its own
			continue
		}
		id := fmt.Sprintf("%s-%03d", one.kind, i+1)
		code, out, said := p.run(t, "call", "plan_ticket", fmt.Sprintf(`{"ticket_path":"backlog/%s.md","route":"cloud"}`, id))
		plan := gjson.Get(out, "plan").Str
		if code != 0 || gjson.Get(out, "by").Str != "template" || !strings.Contains(plan, "`"+one.symbol+"` (line ") || !strings.Contains(plan, "_test.go") || !strings.Contains(plan, "go test ./...") {
			t.Errorf("exit %d: %s\n%s", code, out, said)
		}
	}
	if n := os.Getenv("SHOP_SMOL"); n != "" {
		dir := os.Getenv("SHOP_OUT")
		if dir == "" {
			dir = t.TempDir()
		}
		p.env = append(p.env, "OLLAMA_HOST="+recorder(t, s.Ollama.URL, dir))
		_, out, said := p.run(t, "eval", "backlog", "--plans", "--limit", n, "--models", s.Ollama.SmolLM(t), "--json", "--results", filepath.Join(dir, "results.jsonl"))
		t.Logf("%s\n%s", said, out)
	}
}

// recorder is a proxy before Ollama that keeps each question to a model, with its reply,
// as a file of dir: eval keeps what a plan is worth, not the plan. It returns its URL.
func recorder(t *testing.T, ollama, dir string) string {
	t.Helper()
	target, err := url.Parse(ollama)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
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
