package proxy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
	"github.com/fjbelchi/localmodel/routing"
)

var loopSchema = json.RawMessage(`{"type":"object","properties":{"what":{"type":"string"}},"required":["what"],"additionalProperties":false}`)

// localRouter has the proxy's group free as its local tier, and no other.
func localRouter(t *testing.T, p *litellmtest.Proxy) *routing.Router {
	t.Helper()
	n := &notebook{}
	return tiers.New(t, tiers.Config{
		OllamaURL: "http://127.0.0.1:9", Model: "none", Local: "proxy", NumCtx: 4096, SlotDir: t.TempDir(),
		ConnectTimeout: 5 * time.Second, LoadTimeout: time.Minute, FirstTokenTimeout: time.Minute, TokenTimeout: time.Minute,
		ProxyURL: p.URL, ProxyKey: p.Key, CloudAllowed: true,
	}, n, n)
}
