package app

import (
	"slices"
	"testing"
)

func TestRunnable(t *testing.T) {
	const proxy = "git clone --depth 1 https://example.com/x && cd x && litellm --config config.yaml"
	for _, c := range []struct {
		fix       string
		installed []string
		want      string
	}{
		{"ollama serve", []string{"ollama"}, "ollama serve"},
		{"ollama serve", nil, "localmodel setup"},
		{"ollama pull qwen3:8b", nil, "ollama pull qwen3:8b"}, // its server answers, so it is there
		{proxy, []string{"git", "litellm"}, proxy},
		{proxy, []string{"git"}, "localmodel doctor"},
		{proxy, []string{"litellm"}, "localmodel doctor"},
		{"export NO_PROXY=127.0.0.1", nil, "export NO_PROXY=127.0.0.1"},
		{"", nil, ""},
	} {
		got := runnable(c.fix, func(program string) bool { return slices.Contains(c.installed, program) })
		if got != c.want {
			t.Errorf("%q with %v: got %q, want %q", c.fix, c.installed, got, c.want)
		}
	}
}
