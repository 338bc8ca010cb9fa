package openai

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Where the proxy's group leads elsewhere, no prompt is sent if none may leave
// this machine. Where the proxy does not report it, health says so.
func TestGroupFree_ThatLeadsElsewhere(t *testing.T) {
	const elsewhere = `{"data":[{"model_name":"free","litellm_params":{"model":"ollama_chat/m","api_base":"http://gpu:11434"}}]}`
	const here = `{"data":[{"model_name":"free","litellm_params":{"model":"ollama_chat/m","api_base":"http://127.0.0.1:11434"}}]}`
	for _, c := range []struct {
		name, info string
		status     int
		cfg        routing.Config
		route      policy.Route
		asked      bool
		says       string
	}{
		{"here", here, 200, routing.Config{}, policy.Auto, true, ""},
		{"elsewhere, never", elsewhere, 200, routing.Config{}, policy.Auto, false, "gpu:11434"},
		{"elsewhere, route local", elsewhere, 200, routing.Config{CloudAllowed: true}, policy.OnlyLocal, false, "gpu:11434"},
		{"elsewhere, allowed", elsewhere, 200, routing.Config{CloudAllowed: true, LocalRemote: true}, policy.OnlyLocal, true, ""},
		{"elsewhere, auto", elsewhere, 200, routing.Config{CloudAllowed: true}, policy.Auto, true, ""},
		{"not reported, never", `{"error":{"message":"no"}}`, 403, routing.Config{}, policy.Auto, true, ""},
		{"not reported, auto", `{"error":{"message":"no"}}`, 403, routing.Config{CloudAllowed: true}, policy.Auto, true, ""},
		{"no such address, route local", `{"detail":"Not Found"}`, 404, routing.Config{CloudAllowed: true}, policy.OnlyLocal, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var chats atomic.Int32
			url := serveProxy(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/model/info":
					w.WriteHeader(c.status)
					fmt.Fprint(w, c.info)
				case strings.HasSuffix(r.URL.Path, chatPath):
					chats.Add(1)
					fmt.Fprint(w, `{"model":"free","choices":[{"finish_reason":"stop","message":{"content":"{}"}}],"usage":{"prompt_tokens":5,"completion_tokens":2}}`)
				default:
					fmt.Fprint(w, `{"data":[{"id":"free"}],"status":"healthy"}`)
				}
			})
			r := routing.New(c.cfg, []routing.Backend{New(Config{URL: url, NumCtx: 4096}).Tier(policy.Local)}, &openHands{}, &openHands{})
			_, err := r.Complete(t.Context(), c.route, proxyQuestion())
			if got := chats.Load() > 0; got != c.asked {
				t.Errorf("asked %t, want %t: %v", got, c.asked, err)
			}
			var u *routing.Unanswered
			if !c.asked && (!errors.As(err, &u) || u.Attempts[0].Kind != routing.Remote || !strings.Contains(u.Attempts[0].Reason, c.says)) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			h := r.Health(t.Context(), false).Ollama
			if (h.Remote != "") != (c.info == elsewhere) || (h.Note != "") != (c.status != 200) {
				t.Errorf("health says remote %q, note %q", h.Remote, h.Note)
			}
		})
	}
}
