// Package proxy_test proves the proxy tiers end to end: the real LiteLLM with
// the shipped configurations, a real Ollama, and the program as it is built.
package proxy_test

import (
	"os"
	"testing"

	"github.com/fjbelchi/localmodel/integration/litellmtest"
)

func TestMain(m *testing.M) { os.Exit(litellmtest.Main(m)) }
