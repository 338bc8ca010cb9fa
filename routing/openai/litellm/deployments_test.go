package litellm

import (
	"fmt"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing/place"
)

func TestHostOf(t *testing.T) {
	one := func(group, model, base string) string {
		return fmt.Sprintf(`{"model_name":%q,"litellm_params":{"model":%q,"api_base":%q}}`, group, model, base)
	}
	unknown := place.Host{Name: "?"}
	for name, c := range map[string]struct {
		deployments string
		want        place.Host
	}{
		"Ollama here":                   {one("free", "ollama_chat/qwen3:8b", "http://127.0.0.1:11434"), place.Host{}},
		"Ollama on another machine":     {one("free", "ollama_chat/qwen3:8b", "http://gpu:11434"), place.Host{Name: "gpu:11434", Own: true}},
		"a private address":             {one("free", "openai/qwen", "http://192.168.1.9:8000/v1"), place.Host{Name: "192.168.1.9:8000", Own: true}},
		"a provider":                    {one("free", "anthropic/claude-haiku-4-5", ""), place.Host{Name: "the provider anthropic"}},
		"a provider's address":          {one("free", "openai/gpt-5", "https://api.openai.com/v1"), place.Host{Name: "api.openai.com"}},
		"a cloud model of Ollama":       {one("free", "ollama_chat/gpt-oss:120b-cloud", "http://127.0.0.1:11434"), place.Host{Name: "another host, as gpt-oss:120b-cloud"}},
		"Ollama where the proxy has it": {one("free", "ollama_chat/qwen3:8b", ""), unknown},
		"one here, one there":           {one("free", "ollama_chat/m", "http://[::1]:1") + "," + one("free", "ollama_chat/m", "http://b:1"), place.Host{Name: "b:1", Own: true}},
		"a machine and a provider":      {one("free", "ollama_chat/m", "http://b:1") + "," + one("free", "groq/m", ""), place.Host{Name: "the provider groq"}},
		"another group":                 {one("cheap", "anthropic/claude-haiku-4-5", ""), unknown},
		"a pattern":                     {one("fr*", "groq/*", ""), place.Host{Name: "the provider groq"}},
		"the name before a pattern":     {one("*", "groq/*", "") + "," + one("free", "ollama/m", "http://localhost:1"), place.Host{}},
		"an address that is none":       {one("free", "openai/m", "::"), place.Host{Name: "an address that cannot be read"}},
		"no deployments":                {"", unknown},
	} {
		got, known := HostOf(gjson.Parse(`{"data":[`+c.deployments+`]}`), "free")
		if !known && got == (place.Host{}) {
			got = unknown
		}
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}
