package place

import (
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/routing/policy"
)

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"http://127.0.0.1:11434":          true,
		"http://127.9.8.7:1":              true,
		"http://localhost:11434":          true,
		"http://LOCALHOST":                true,
		"http://localhost.:1":             true,
		"https://[::1]:443/ollama":        true,
		"http://[::ffff:127.0.0.1]:11434": true,
		"http://[0:0:0:0:0:0:0:1]:1":      true,

		"http://10.0.0.5:11434":              false,
		"http://[::ffff:10.0.0.5]:1":         false,
		"http://ollama.example:11434":        false,
		"http://localhost.example:11434":     false,
		"http://127.0.0.1.example:11434":     false,
		"http://my-machine:11434":            false, // may resolve to anything, to loopback too
		"http://2130706433:11434":            false, // a number a resolver is asked for
		"http://0x7f000001:11434":            false,
		"http://0177.0.0.1:11434":            false,
		"http://127.1:11434":                 false,
		"http://0.0.0.0:11434":               false,
		"http://user:pw@ollama.example:1":    false,
		"http://127.0.0.1@ollama.example:1/": false,
		"http://%zz":                         false,
		"":                                   false,
	} {
		if got := Loopback(address); got != want {
			t.Errorf("%q counts as this machine: %t, want %t", address, got, want)
		}
	}
}

func TestCloudName(t *testing.T) {
	for model, want := range map[string]bool{
		"gpt-oss:120b-cloud": true, "qwen3-coder:480b-cloud": true, "glm-4.6:cloud": true, "GLM-4.6:Cloud": true,
		"team/model-cloud": true, "mine-cloud:latest": true,
		"qwen3-coder:30b": false, "cloud": false, "cloudy:7b": false, "cloud/model:7b": false, "": false,
	} {
		if got := CloudName(model); got != want {
			t.Errorf("%q is a cloud model: %t, want %t", model, got, want)
		}
	}
}

// Who may be asked, over every route, setting and place.
func TestAccess_Refuse(t *testing.T) {
	const loopback, afar = "http://127.0.0.1:11434", "http://10.0.0.5:11434"
	places := map[string]Place{
		"here":           Of(false, loopback, "qwen3:8b", Host{}),
		"other machine":  Of(false, afar, "qwen3:8b", Host{}),
		"cloud by name":  Of(false, loopback, "gpt-oss:120b-cloud", Host{}),
		"cloud by alias": Of(false, loopback, "mine", Host{Name: "https://ollama.com:443"}),
		"cloud afar":     Of(false, afar, "gpt-oss:120b-cloud", Host{}),
		"behind a proxy": Of(false, loopback, "free", Host{Name: "10.0.0.7:11434", Own: true}),
		"paid":           Of(true, loopback, "cheap", Host{}),
	}
	all := []string{"here", "other machine", "cloud by name", "cloud by alias", "cloud afar", "behind a proxy", "paid"}
	for _, c := range []struct {
		name   string
		access Access
		may    []string
	}{
		{"auto", Access{Route: policy.Auto}, all},
		{"cloud", Access{Route: policy.OnlyCloud}, all},
		{"local", Access{Route: policy.OnlyLocal}, []string{"here"}},
		{"local, own machines allowed", Access{Route: policy.OnlyLocal, LocalRemote: true}, []string{"here", "other machine", "behind a proxy"}},
		{"never", Access{Route: policy.Auto, Never: true}, []string{"here"}},
		{"never, route cloud", Access{Route: policy.OnlyCloud, Never: true}, []string{"here"}},
		{"never, own machines allowed", Access{Route: policy.OnlyLocal, Never: true, LocalRemote: true}, []string{"here"}},
	} {
		for _, name := range all {
			why, fix := c.access.Refuse(places[name])
			want := false
			for _, may := range c.may {
				want = want || may == name
			}
			if (why == "") != want || (why != "" && fix == "") {
				t.Errorf("%s, %s: refused %q (fix %q), want allowed %t", c.name, name, why, fix, want)
			}
		}
	}
	if why, _ := (Access{Never: true}).Refuse(places["cloud by alias"]); !strings.Contains(why, "ollama.com") ||
		!strings.Contains(why, "LOCALMODEL_CLOUD=never") {
		t.Errorf("the refusal %q names neither the place nor the rule", why)
	}
}
