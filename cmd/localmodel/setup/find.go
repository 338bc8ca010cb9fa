package setup

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/routing/ollama"
	"github.com/fjbelchi/localmodel/routing/openai"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Places is where servers are looked for.
type Places struct {
	Ollama, OllamaKey string // as configured
	Local, LocalKey   string // LOCALMODEL_LOCAL_URL; "" = none
	PreferLocal       bool   // LOCALMODEL_LOCAL=openai
	Usual             []Place
	NumCtx            int
	Version           string // of this program
}

// Place is where a kind of server is usually found.
type Place struct{ Title, URL string }

// Usual are the ports of chat-completions servers, on this machine alone.
func Usual() []Place {
	return []Place{
		{"LM Studio", "http://127.0.0.1:1234"},
		{"llama.cpp or llamafile", "http://127.0.0.1:8080"},
		{"vLLM", "http://127.0.0.1:8000"},
	}
}

// findWithin bounds the search; a port that nobody listens on answers at once.
const findWithin = 5 * time.Second

// Find lists the servers that answer: the configured one first, Ollama before
// others. A gateway to other machines, as LiteLLM, is none.
func (p Places) Find(ctx context.Context) []Server {
	ctx, stop := context.WithTimeout(ctx, findWithin)
	defer stop()
	places := p.plain()
	found := make([]*Server, 1+len(places))
	var group sync.WaitGroup
	group.Go(func() { found[0] = p.ollama(ctx) })
	for i, at := range places {
		group.Go(func() { found[i+1] = p.server(ctx, at) })
	}
	group.Wait()
	var out []Server
	for _, s := range found {
		switch {
		case s == nil:
		case p.PreferLocal && s.URL == trimmed(p.Local):
			out = append([]Server{*s}, out...)
		default:
			out = append(out, *s)
		}
	}
	return out
}

// plain are the places of chat-completions servers without those of Ollama and
// without one twice.
func (p Places) plain() []Place {
	var out []Place
	seen := map[string]bool{hostPort(p.Ollama): true}
	all := p.Usual
	if p.Local != "" {
		all = append([]Place{{"the server at LOCALMODEL_LOCAL_URL", p.Local}}, all...)
	}
	for _, at := range all {
		at.URL = trimmed(at.URL)
		if !seen[hostPort(at.URL)] {
			seen[hostPort(at.URL)] = true
			out = append(out, at)
		}
	}
	return out
}

func trimmed(address string) string {
	return strings.TrimSuffix(strings.TrimRight(address, "/"), "/v1")
}

// hostPort is what two addresses of one server have in common.
func hostPort(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.Replace(u.Host, "localhost:", "127.0.0.1:", 1)
}

func (p Places) ollama(ctx context.Context) *Server {
	b := ollama.New(ollama.Config{URL: p.Ollama, Key: p.OllamaKey, NumCtx: p.NumCtx, Version: p.Version})
	defer b.Close()
	version, list, fault := b.List(ctx)
	if version == "" && fault != nil {
		return nil
	}
	return &Server{
		Kind: ollamaKind, Title: "Ollama", URL: p.Ollama, Version: version, Models: list,
		Remote: place.Of(false, p.Ollama, "", place.Host{}).Remote,
	}
}

// server looks at one place. Only the configured one may be on another machine.
func (p Places) server(ctx context.Context, at Place) *Server {
	key := ""
	if at.URL == trimmed(p.Local) {
		key = p.LocalKey
	}
	if p.isGateway(ctx, at) {
		return nil
	}
	version, list, fault := openai.ListLocal(ctx, openai.LocalConfig{URL: at.URL, Key: key, NumCtx: p.NumCtx, Version: p.Version})
	if fault != nil {
		return nil
	}
	return &Server{Kind: "openai", Title: at.Title, URL: at.URL, Version: version, Models: list,
		Remote: place.Of(false, at.URL, "", place.Host{}).Remote}
}

// isGateway reports whether LiteLLM listens there: its models run elsewhere.
func (p Places) isGateway(ctx context.Context, at Place) bool {
	proxy := openai.New(openai.Config{URL: at.URL, Version: p.Version})
	defer proxy.Close()
	return proxy.Tier(policy.Cheap).Check(ctx).Version != ""
}
