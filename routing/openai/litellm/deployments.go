package litellm

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// HostOf reads /model/info: the group's own deployments, else those of the
// patterns that it matches. It returns one that is not on this machine: each call
// may be sent to any of them. known is false where the entries do not say.
func HostOf(info gjson.Result, group string) (found place.Host, known bool) {
	var own, byPattern []gjson.Result
	info.Get("data").ForEach(func(_, d gjson.Result) bool {
		name := d.Get("model_name").Str
		switch {
		case name == group:
			own = append(own, d.Get("litellm_params"))
		case Matches(name, group):
			byPattern = append(byPattern, d.Get("litellm_params"))
		}
		return len(own)+len(byPattern) < maxDeployments
	})
	if len(own) == 0 {
		own = byPattern
	}
	known = len(own) > 0
	for _, deployment := range own {
		host, named := deploymentHost(deployment)
		known = known && named
		if host.Name != "" && (found.Name == "" || found.Own && !host.Own) {
			found = host
		}
	}
	return found, known || found.Name != ""
}

// maxDeployments is how many entries of a list are read.
const maxDeployments = 1000

// Matches is LiteLLM's wildcard: each * matches any text.
func Matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	rest, found := strings.CutPrefix(name, parts[0])
	if last == 0 || !found {
		return pattern == name
	}
	for _, part := range parts[1:last] {
		if _, rest, found = strings.Cut(rest, part); !found {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[last])
}

// ownServers are LiteLLM's prefixes for servers that people run themselves.
var ownServers = []string{"ollama", "ollama_chat", "hosted_vllm", "lm_studio", "llamafile", "openai_like"}

// deploymentHost returns where one deployment's model runs. known is false
// where the entry does not name it.
func deploymentHost(params gjson.Result) (host place.Host, known bool) {
	provider, model, _ := strings.Cut(params.Get("model").Str, "/")
	base := params.Get("api_base").Str
	own := slices.Contains(ownServers, provider)
	switch {
	case place.CloudName(model):
		return place.Host{Name: "another host, as " + policy.Shorten(model, 60)}, true
	case base == "" && own:
		return place.Host{}, false // the proxy's environment decides
	case base == "":
		return place.Host{Name: "the provider " + policy.Shorten(provider, 40)}, true
	case place.Loopback(base):
		return place.Host{}, true
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return place.Host{Name: "an address that cannot be read", Own: own}, true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return place.Host{Name: policy.Shorten(u.Host, 60), Own: own || err == nil && ip.Unmap().IsPrivate()}, true
}
