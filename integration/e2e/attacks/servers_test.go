//go:build unix

package attacks

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Whatever a server answers, in whose place it is: each command ends in time, without
// a crash, and with little memory.
func TestHostileServers(t *testing.T) {
	most, memory := 4<<20, int64(maxRSS/2)
	if full() {
		most, memory = 8<<20-1000, maxRSS // what is read of a reply
	}
	fill := func(before, again, after string) string {
		return before + strings.Repeat(again, (most-len(before)-len(after))/len(again)) + after
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := z.Write(make([]byte, 256<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	says := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
	}
	for name, answer := range map[string]http.HandlerFunc{
		"millions of models":      says(fill(`{"version":"0.24.0","models":[`, `{},`, `{}]}`)),
		"millions of listed ones": says(fill(`{"data":[`, `{"id":"a*"},`, `{}]}`)),
		"one model of many names": says(fill(`{"data":[{"id":"m","aliases":[`, `"a",`, `"b"]}]}`)),
		"a name of megabytes":     says(fill(`{"models":[{"name":"`, `m`, `"}],"data":[{"id":"x"}],"version":"1"}`)),
		"a pattern of megabytes":  says(fill(`{"data":[{"model_name":"`, `*a`, `","id":"free"}]}`)),
		"millions of choices":     says(fill(`{"choices":[`, `{},`, `{}]}`)),
		"millions of parts":       says(fill(`{"model":"m","choices":[{"finish_reason":"stop","message":{"content":[`, `{},`, `{}]}}]}`)),
		"millions of tokens":      says(fill(`{"model":"m","choices":[{"finish_reason":"stop","message":{"content":"x"},"logprobs":{"content":[`, `{},`, `{}]}}]}`)),
		"a text of empty objects": says(fill(`{"model":"m","choices":[{"finish_reason":"stop","message":{"content":"[`, `{},`, `{}]"}}]}`)),
		"errors within errors": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, fill(`{"error":"{\"error\":[`, `[],`, `[]]}"}`))
		},
		"lines of empty objects": says(strings.Repeat(fill(``, `{},`, ``)[:1<<20]+"\n", most>>20)),
		"chunks of empty tokens": says(strings.Repeat(`{"message":{"content":"x"},"logprobs":[`+strings.Repeat(`{},`, 300_000)+"{}]}\n", most>>20+1)),
		"a bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		},
		"a redirect to another": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/"+strings.Repeat("x", 100_000), http.StatusTemporaryRedirect)
		},
		"headers of megabytes": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", strings.Repeat("9", 4<<20))
			w.WriteHeader(429)
		},
		"numbers beyond all": says(`{"version":"` + strings.Repeat("9", 400) + `","models":[{"name":"tiny:latest","size":1e308,"size_vram":-1e308,"context_length":-9223372036854775808,"details":{"parameter_size":"1e999B"}}],"model_info":{"general.architecture":"a","a.context_length":-1,"a.block_count":9223372036854775807,"a.attention.head_count_kv":9223372036854775807},"data":[{"id":"tiny:latest","max_model_len":1e308}],"usage":{"prompt_tokens":-1e308}}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(answer)
			t.Cleanup(s.Close)
			v := newVictim(t)
			v.maxRSS = memory
			v.file("ticket.md", strings.Replace(ticket, "complexity: low\n", "", 1))
			v.ready()
			mine := v.env
			for _, env := range [][]string{
				{"OLLAMA_HOST=" + s.URL, "LOCALMODEL_MODEL=tiny:latest"},
				{"LOCALMODEL_LOCAL=openai", "LOCALMODEL_LOCAL_URL=" + s.URL, "LOCALMODEL_MODEL=m"},
				{"LOCALMODEL_LOCAL=proxy", "LITELLM_BASE_URL=" + s.URL, "LOCALMODEL_CLOUD=allow", "LOCALMODEL_FALLBACK=cheap"},
			} {
				v.env = slices.Concat(mine, env)
				v.run("", "doctor", "--deep") // reads what check_local_health reads
				v.run("", "call", "classify_ticket", `{"ticket_paths":["ticket.md"]}`)
			}
			v.env = slices.Concat(mine, []string{"OLLAMA_HOST=" + s.URL, "LOCALMODEL_MODEL=tiny:latest"})
			v.run("", "setup", "--dry-run")
			v.run("", "ask", "x")
			v.unharmed()
		})
	}
}
