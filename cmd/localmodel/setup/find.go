package setup

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fjbelchi/localmodel/routing/ollama"
	"github.com/fjbelchi/localmodel/routing/openai"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Kinds of servers, as LOCALMODEL_LOCAL has them.
const (
	ollamaKind = "ollama"
	openaiKind = "openai"
)

// addressOf is the setting with the address of a kind of server.
var addressOf = map[string]string{ollamaKind: "OLLAMA_HOST", openaiKind: "LOCALMODEL_LOCAL_URL"}

// usual are the ports of chat-completions servers, on this machine alone.
var usual = []Server{
	{Title: "LM Studio", URL: "http://127.0.0.1:1234"},
	{Title: "llama.cpp or llamafile", URL: "http://127.0.0.1:8080"},
	{Title: "vLLM", URL: "http://127.0.0.1:8000"},
}

// findWithin bounds the search; a port that nobody listens on answers at once.
const findWithin = 5 * time.Second

// find lists the servers that answer: the configured one first, Ollama before
// others. A gateway to other machines, as LiteLLM, is none.
func (h host) find(ctx context.Context) []Server {
	ctx, stop := context.WithTimeout(ctx, findWithin)
	defer stop()
	all := slices.Clone(usual)
	if h.config.LocalURL != "" {
		all = slices.Insert(all, 0, Server{Title: "the server at LOCALMODEL_LOCAL_URL", URL: h.config.LocalURL})
	}
	found := make([]*Server, 1+len(all))
	var group sync.WaitGroup
	group.Go(func() { found[0] = h.ollama(ctx) })
	seen := map[string]bool{hostPort(h.config.Ollama): true}
	for i, s := range all {
		if at := hostPort(s.URL); !seen[at] {
			seen[at] = true
			group.Go(func() { found[i+1] = h.server(ctx, s) })
		}
	}
	group.Wait()
	var out []Server
	for _, s := range found {
		switch {
		case s == nil:
		case h.config.Local == openaiKind && s.URL == h.config.LocalURL:
			out = slices.Insert(out, 0, *s)
		default:
			out = append(out, *s)
		}
	}
	return out
}

// hostPort is what two addresses of one server have in common.
func hostPort(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.Replace(u.Host, "localhost:", "127.0.0.1:", 1)
}

func (h host) ollama(ctx context.Context) *Server {
	at := h.config.Ollama
	b := ollama.New(ollama.Config{URL: at, Key: h.config.OllamaKey, NumCtx: h.config.NumCtx, Version: h.Version})
	defer b.Close()
	version, list, fault := b.List(ctx)
	if version == "" && fault != nil {
		return nil
	}
	return &Server{Kind: ollamaKind, Title: "Ollama", URL: at, Version: version, Models: list, Remote: remote(at)}
}

// server looks at one place. Only the configured one may be on another machine.
func (h host) server(ctx context.Context, s Server) *Server {
	key := ""
	if s.URL == h.config.LocalURL {
		key = h.config.LocalKey
	}
	if h.isGateway(ctx, s.URL) {
		return nil
	}
	version, list, fault := openai.ListLocal(ctx, openai.Config{URL: s.URL, Key: key, NumCtx: h.config.NumCtx, Version: h.Version})
	if fault != nil {
		return nil
	}
	s.Kind, s.Version, s.Models, s.Remote = openaiKind, version, list, remote(s.URL)
	return &s
}

// isGateway reports whether LiteLLM listens there: its models run elsewhere.
func (h host) isGateway(ctx context.Context, address string) bool {
	proxy := openai.New(openai.Config{URL: address, Version: h.Version})
	defer proxy.Close()
	return proxy.Tier(policy.Cheap).Check(ctx).Version != ""
}

// remote is why an address is not on this machine, "" where it is.
func remote(address string) string { return place.Of(false, address, "", place.Host{}).Remote }
