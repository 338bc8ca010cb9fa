// Package place says what "on this machine" means: one predicate over a tier, an
// address and a model. It does no I/O.
package place

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// Place is where a tier's model runs, as far as it is known.
type Place struct {
	Remote string // why it is not on this machine, one clause; "" = it is
	Cloud  bool   // somebody's cloud, not a machine of the user's own
}

// OnThisMachine reports whether nothing that the tier is sent leaves the
// machine.
func (p Place) OnThisMachine() bool { return p.Remote == "" }

// Host is where a server says that its model runs.
type Host struct {
	Name string // for a person; "" = on the server's own machine
	Own  bool   // a machine of the user's own, not a provider's
}

// Of is the one predicate over a tier: paid, the address that is dialled,
// the model's name, and the host that the server names. It does no I/O.
func Of(paid bool, address, model string, host Host) Place {
	switch {
	case paid:
		return Place{Remote: "a paid tier", Cloud: true}
	case host.Name != "":
		return Place{Remote: "the model runs on " + policy.Shorten(host.Name, 100), Cloud: !host.Own}
	case CloudName(model):
		return Place{Remote: policy.Shorten(model, 60) + " is a cloud model by its name", Cloud: true}
	case !Loopback(address):
		return Place{Remote: hostOf(address) + " is not on this machine"}
	}
	return Place{}
}

// Access is what the user's settings and the caller allow.
type Access struct {
	Route       policy.Route
	Never       bool // LOCALMODEL_CLOUD=never: nothing leaves this machine
	LocalRemote bool // LOCALMODEL_LOCAL_REMOTE=allow: route local may use a machine of one's own
}

// The commands that keep a tier on this machine, or allow one that is not.
const (
	fixModel = "export LOCALMODEL_LOCAL=ollama LOCALMODEL_MODEL=qwen3-coder:30b"
	fixHere  = "export LOCALMODEL_LOCAL=ollama OLLAMA_HOST=127.0.0.1:11434"
	fixOwn   = "export LOCALMODEL_LOCAL_REMOTE=allow"
)

// Refuse returns why a tier at a place may not be asked, and the command that
// fixes it; why "" = it may. Nothing may be sent to a tier that is refused, a
// request without a ticket in it included.
func (a Access) Refuse(p Place) (why, fix string) {
	switch {
	case p.OnThisMachine():
		return "", ""
	case a.Never:
		why, fix = p.Remote+" (LOCALMODEL_CLOUD=never)", fixHere
	case a.Route == policy.OnlyLocal && p.Cloud:
		why = p.Remote + " (route local)"
	case a.Route == policy.OnlyLocal && !a.LocalRemote:
		why, fix = p.Remote+" (route local; LOCALMODEL_LOCAL_REMOTE=allow is for a machine of your own)", fixOwn
	default:
		return "", ""
	}
	if p.Cloud {
		fix = fixModel
	}
	return why, fix
}

// CloudName reports whether a model's name says that it runs in Ollama's cloud:
// a tag that is "cloud" or ends in "-cloud", or a name that ends so.
func CloudName(model string) bool {
	model = strings.ToLower(strings.TrimSpace(model))
	return strings.HasSuffix(model, "-cloud") || strings.HasSuffix(model, ":cloud") ||
		strings.HasSuffix(model, "-cloud:latest")
}

// Loopback reports whether a URL's host is this machine whoever resolves it:
// the name localhost, or an address of the loopback network. Any other name
// may resolve to anything, and counts as another machine.
func Loopback(address string) bool {
	u, err := url.Parse(address)
	return err == nil && LoopbackHost(u.Hostname())
}

// LoopbackHost is Loopback of a bare host, without port and brackets.
func LoopbackHost(name string) bool {
	if strings.EqualFold(strings.TrimSuffix(name, "."), "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "that is configured"
	}
	return policy.Shorten(u.Host, 80)
}
