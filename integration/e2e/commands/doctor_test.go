package commands

import (
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/litellmtest"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
)

// With everything there, doctor says so and ends with 0; without the proxy, or
// with a key it does not know, with 1.
func TestDoctorWithEverything(t *testing.T) {
	s := litellmtest.Shared(t)
	p := newProject(t, "OLLAMA_HOST="+s.Ollama.URL, "LOCALMODEL_MODEL="+ollamatest.TinyQwen, "LITELLM_BASE_URL="+s.Proxy.URL,
		"LITELLM_MASTER_KEY="+s.Proxy.Key, "LOCALMODEL_FALLBACK=cheap,balanced")
	s.Provider.Forget()
	code, out, said := p.run(t, "doctor")
	flat := strings.Join(strings.Fields(out), " ") // lines are broken at 80 columns
	if code != 0 || !strings.Contains(flat, "✓ proxy") || !strings.Contains(flat, "fallback cheap, then balanced") || !strings.Contains(out, "All works.") {
		t.Errorf("exit %d\n%s%s", code, out, said)
	}
	if strings.Contains(out, s.Proxy.Key) {
		t.Error("the key is shown")
	}
	if n := len(s.Provider.Asked("")); n > 0 {
		t.Errorf("%d paid calls", n)
	}
	p.env = append(p.env, "LITELLM_MASTER_KEY=sk-wrong-key")
	if code, out, _ := p.run(t, "doctor"); code != 1 || !strings.Contains(out, "! proxy") || !strings.Contains(out, "LITELLM_MASTER_KEY=") {
		t.Errorf("wrong key: exit %d\n%s", code, out)
	}
	p.env = append(p.env, "LITELLM_BASE_URL=http://127.0.0.1:1")
	if code, out, _ := p.run(t, "doctor"); code != 1 || !strings.Contains(out, "or go without: export LOCALMODEL_FALLBACK=none") {
		t.Errorf("no proxy: exit %d\n%s", code, out)
	}
}
