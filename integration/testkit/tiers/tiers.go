// Package tiers puts a router together for tests: an Ollama or a proxy as local
// tier, and the proxy's paid groups behind it.
package tiers

import (
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/fakeserver"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/ollama"
	"github.com/fjbelchi/localmodel/routing/openai"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Config is all that the tiers and their router need to know.
type Config struct {
	OllamaURL, Model string
	Local            string // "proxy" = the proxy's group free is the local tier
	NumCtx           int
	KeepAlive        time.Duration
	Slots            int
	SlotDir          string
	ConnectTimeout, LoadTimeout,
	FirstTokenTimeout, TokenTimeout, LoadGrace time.Duration
	ProxyURL, ProxyKey string
	PaidWindow         int
	Fallback           []policy.Tier
	CloudAllowed       bool
	LocalRemote        bool
	MinConfidence      float64
}

// Backends makes the tiers in order. With a test their connections end with it.
func Backends(t testing.TB, c Config) []routing.Backend {
	proxy := openai.New(openai.Config{URL: c.ProxyURL, Key: c.ProxyKey, ConnectTimeout: c.ConnectTimeout,
		NumCtx: c.NumCtx, PaidWindow: c.PaidWindow})
	local := ollama.New(ollama.Config{URL: c.OllamaURL, Model: c.Model, NumCtx: c.NumCtx, KeepAlive: c.KeepAlive,
		Slots: c.Slots, SlotDir: c.SlotDir, ConnectTimeout: c.ConnectTimeout, LoadTimeout: c.LoadTimeout,
		FirstTokenTimeout: c.FirstTokenTimeout, TokenTimeout: c.TokenTimeout, LoadGrace: c.LoadGrace})
	if t != nil {
		t.Cleanup(func() { proxy.Close(); local.Close() })
	}
	out := []routing.Backend{local}
	if c.Local == "proxy" {
		out[0] = proxy.Tier(policy.Local)
	}
	for _, tier := range c.Fallback {
		out = append(out, proxy.Tier(tier))
	}
	return out
}

// New makes the router.
func New(t testing.TB, c Config, ledger routing.Ledger, budget routing.Budget) *routing.Router {
	return routing.New(routing.Config{CloudAllowed: c.CloudAllowed, LocalRemote: c.LocalRemote,
		MinConfidence: c.MinConfidence}, Backends(t, c), ledger, budget)
}

// Patient has limits that no healthy call reaches on a loaded machine, for a
// fake Ollama at a URL.
func Patient(t testing.TB, url string) Config {
	t.Helper()
	return Config{
		OllamaURL: url, Model: "tiny", NumCtx: fakeserver.NumCtx, KeepAlive: time.Minute, Slots: 1, SlotDir: t.TempDir(),
		ConnectTimeout: 20 * time.Second, LoadTimeout: time.Minute, FirstTokenTimeout: time.Minute,
		TokenTimeout: time.Minute, LoadGrace: 50 * time.Millisecond,
	}
}

// WithProxy adds the paid tier cheap of a proxy at a URL.
func (c Config) WithProxy(url string) Config {
	c.ProxyURL, c.ProxyKey, c.CloudAllowed, c.Fallback = url, "sk-test", true, []policy.Tier{policy.Cheap}
	return c
}

// NewKept is New with books that remember.
func NewKept(t testing.TB, c Config) (*routing.Router, *fakeserver.Books) {
	t.Helper()
	b := &fakeserver.Books{}
	return New(t, c, b, b), b
}
