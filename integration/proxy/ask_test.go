package proxy_test

import (
	"testing"

	"github.com/fjbelchi/localmodel/integration/litellmtest"
)

// askShell is a project whose tiers are those of the stack.
func askShell(t *testing.T, s *litellmtest.Stack, env ...string) *shell {
	t.Helper()
	return newShell(t, append([]string{"OLLAMA_HOST=" + s.Ollama.URL, "LOCALMODEL_NUM_CTX=4096", "LOCALMODEL_MODEL=" + litellmtest.Local,
		"LITELLM_BASE_URL=" + s.Proxy.URL, "LITELLM_MASTER_KEY=" + s.Proxy.Key}, env...)...)
}
