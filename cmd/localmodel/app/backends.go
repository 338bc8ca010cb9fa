package app

import (
	"log/slog"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/ollama"
	"github.com/fjbelchi/localmodel/routing/openai"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Routing is what the router needs to know of the configuration.
func (c *Config) Routing(log *slog.Logger) routing.Config {
	return routing.Config{CloudAllowed: c.Cloud, LocalRemote: c.LocalRemote, MinConfidence: c.MinConfidence, Log: log}
}

// backends are the tiers in order: the local one, then the paid ones. only
// names the ones that are wanted; none = all that are configured.
func (c *Config) backends(log *slog.Logger, only []policy.Tier) []routing.Backend {
	if len(only) == 0 {
		only = append([]policy.Tier{policy.Local}, c.Fallback...)
	}
	proxy := c.litellm()
	local := map[string]func() routing.Backend{ // a new kind of local tier is one line here
		"ollama": func() routing.Backend { return c.native(c.Model, log) },
		"openai": func() routing.Backend { return c.localServer(c.Model) },
		"proxy":  func() routing.Backend { return proxy.Tier(policy.Local) },
	}
	var tiers []routing.Backend
	for _, t := range only {
		if t == policy.Local {
			tiers = append(tiers, local[c.Local]())
			continue
		}
		tiers = append(tiers, proxy.Tier(t))
	}
	return tiers
}

// Backend is one tier by the name that ask and eval know it by: free, cheap,
// balanced, or a model of the local server.
func (c *Config) Backend(name string, log *slog.Logger) routing.Backend {
	switch name {
	case "free":
		return c.litellm().Tier(policy.Local)
	case string(policy.Cheap), string(policy.Balanced):
		return c.litellm().Tier(policy.Tier(name))
	}
	if c.Local == "openai" {
		return c.localServer(name)
	}
	return c.native(name, log)
}

// localServer is a model of the server at LOCALMODEL_LOCAL_URL.
func (c *Config) localServer(model string) routing.Backend {
	return openai.NewLocal(openai.Config{
		URL:            c.LocalURL,
		Key:            c.LocalKey,
		Model:          model,
		ConnectTimeout: c.ConnectTimeout,
		NumCtx:         c.NumCtx,
		Version:        c.version,
	})
}

func (c *Config) native(model string, log *slog.Logger) routing.Backend {
	return ollama.New(ollama.Config{
		URL:               c.Ollama,
		Key:               c.OllamaKey,
		Model:             model,
		NumCtx:            c.NumCtx,
		KeepAlive:         c.KeepAlive.For,
		ServerKeepAlive:   c.KeepAlive.Server,
		Slots:             c.Slots,
		SlotDir:           c.inState("slots"),
		ConnectTimeout:    c.ConnectTimeout,
		LoadTimeout:       c.LoadTimeout,
		FirstTokenTimeout: c.FirstTokenTimeout,
		TokenTimeout:      c.TokenTimeout,
		Log:               log,
		Version:           c.version,
	})
}

func (c *Config) litellm() *openai.Server {
	return openai.New(openai.Config{
		URL:            c.Proxy,
		Key:            c.ProxyKey,
		ConnectTimeout: c.ConnectTimeout,
		NumCtx:         c.NumCtx,
		Version:        c.version,
	})
}
