package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"
)

// instantModel imitates an Ollama that answers at once, so that a profile shows
// localmodel's own work: go test ./cmd/localmodel -run - -bench Serve -cpuprofile cpu.prof
func instantModel(b *testing.B) string {
	b.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/api/tags":
			fmt.Fprint(w, `{"models":[{"name":"m:1b","digest":"sha256:51"}]}`)
		case "/api/ps":
			fmt.Fprint(w, `{"models":[{"name":"m:1b","context_length":4096}]}`)
		case "/api/show":
			fmt.Fprint(w, `{"capabilities":["completion"]}`)
		case "/api/chat":
			for _, token := range tokens {
				fmt.Fprintf(w, `{"model":"m:1b","created_at":"2026-11-24T07:00:00Z","message":{"role":"assistant","content":%[1]s},"done":false,`+
					`"logprobs":[{"token":%[1]s,"logprob":-0.01,"bytes":[97],"top_logprobs":[%[2]s]}]}`+"\n", token, others)
			}
			fmt.Fprint(w, `{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}`+"\n")
		}
	}))
	b.Cleanup(s.Close)
	return s.URL
}

// tokens are a reply of a byte each, as the tiny models give it; others is what
// Ollama says of the 20 likeliest for each.
var (
	tokens = func() (out []string) {
		for _, b := range `{"complexity":"low"}` {
			out = append(out, strconv.Quote(string(b)))
		}
		return out
	}()
	others = strings.TrimSuffix(strings.Repeat(`{"token":"x","logprob":-12.345678,"bytes":[120]},`, 20), ",")
)

// session is the server in this process, spoken to over pipes.
type session struct {
	in    io.Writer
	mu    sync.Mutex
	id    int
	waits map[int64]chan gjson.Result
}

func serving(b *testing.B, vars map[string]string) *session {
	b.Helper()
	vars["CLAUDE_PROJECT_DIR"] = b.TempDir()
	lookup := environment(vars).lookup
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := &session{in: inW, waits: map[int64]chan gjson.Result{}}
	ended := make(chan int, 1)
	go func() {
		ended <- run(context.Background(), nil, lookup, inR, outW, io.Discard)
		_ = outW.Close()
	}()
	go func() {
		r := bufio.NewReader(outR)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			m := gjson.Parse(line)
			s.mu.Lock()
			wait := s.waits[m.Get("id").Int()]
			delete(s.waits, m.Get("id").Int())
			s.mu.Unlock()
			if wait != nil {
				wait <- m
			}
		}
	}()
	b.Cleanup(func() {
		_ = inW.Close()
		if code := <-ended; code != 0 {
			b.Errorf("exit %d", code)
		}
	})
	s.call(b, "initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}`)
	return s
}

func (s *session) call(b *testing.B, method, params string) gjson.Result {
	wait := make(chan gjson.Result, 1)
	s.mu.Lock()
	s.id++
	s.waits[int64(s.id)] = wait
	_, err := fmt.Fprintf(s.in, `{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}`+"\n", s.id, method, params)
	s.mu.Unlock()
	if err != nil {
		b.Fatal(err)
	}
	return (<-wait).Get("result")
}

func (s *session) tool(b *testing.B, name, arguments string) gjson.Result {
	result := s.call(b, "tools/call", `{"name":"`+name+`","arguments":`+arguments+`}`)
	if result.Get("isError").Bool() || !result.Exists() {
		b.Fatal(result.Raw)
	}
	return result.Get("structuredContent")
}

func classifyAsked(b *testing.B, s *session) {
	r := s.tool(b, "classify_ticket", `{"ticket":"---\nid: BUG-001\ntype: bug\naffected_files: [a.go]\n---\n# The total is wrong\n"}`)
	if by := r.Get("tickets.0.by").Str; by != "local" {
		b.Fatalf("answered by %s: %s", by, r.Raw)
	}
}

func BenchmarkServeClassify(b *testing.B) {
	s := serving(b, map[string]string{"OLLAMA_HOST": instantModel(b), "LOCALMODEL_MODEL": "m:1b", "LOCALMODEL_NUM_CTX": "4096", "LOCALMODEL_CLOUD": "never"})
	classifyAsked(b, s)
	b.ReportAllocs()
	for b.Loop() {
		classifyAsked(b, s)
	}
}

func BenchmarkServeClassifyTogether(b *testing.B) {
	s := serving(b, map[string]string{"OLLAMA_HOST": instantModel(b), "LOCALMODEL_MODEL": "m:1b", "LOCALMODEL_NUM_CTX": "4096", "LOCALMODEL_CLOUD": "never",
		"LOCALMODEL_SLOTS": "64"})
	classifyAsked(b, s)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			classifyAsked(b, s)
		}
	})
}

func BenchmarkServeRecord(b *testing.B) {
	s := serving(b, map[string]string{"OLLAMA_HOST": "127.0.0.1:1", "LOCALMODEL_CLOUD": "never"})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		s.tool(b, "record_gate_outcome", fmt.Sprintf(`{"ticket_id":"B-%d","gate":"implement","outcome":"pass","event_id":"B-%d:implement:1"}`, n, n))
	}
}
