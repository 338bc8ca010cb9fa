package advice

import "testing"

func TestSay(t *testing.T) {
	for _, c := range []struct{ text, powershell, cmd string }{
		{"ollama serve", "ollama serve", "ollama serve"},
		{"export LOCALMODEL_MODEL=qwen3:8b", "$env:LOCALMODEL_MODEL = 'qwen3:8b'", `set "LOCALMODEL_MODEL=qwen3:8b"`},
		{"or export LOCALMODEL_NUM_CTX=8192", "or $env:LOCALMODEL_NUM_CTX = '8192'", `or set "LOCALMODEL_NUM_CTX=8192"`},
		{"export LOCALMODEL_LOCAL=ollama OLLAMA_HOST=127.0.0.1:11434",
			"$env:LOCALMODEL_LOCAL = 'ollama'; $env:OLLAMA_HOST = '127.0.0.1:11434'",
			`set "LOCALMODEL_LOCAL=ollama" && set "OLLAMA_HOST=127.0.0.1:11434"`},
		{"export LITELLM_MASTER_KEY=<a key of your own>, for the proxy too",
			"$env:LITELLM_MASTER_KEY = '<a key of your own>', for the proxy too",
			`set "LITELLM_MASTER_KEY=<a key of your own>", for the proxy too`},
		{"export LOCALMODEL_MODEL='it'", "$env:LOCALMODEL_MODEL = 'it'", `set "LOCALMODEL_MODEL=it"`},
		{"cd there && litellm --config c", "cd there; litellm --config c", "cd there && litellm --config c"},
		{"nothing to export here", "nothing to export here", "nothing to export here"},
	} {
		for s, want := range map[Shell]string{POSIX: c.text, PowerShell: c.powershell, Cmd: c.cmd} {
			if got := s.Say(c.text); got != want {
				t.Errorf("%q: got %q, want %q", s, got, want)
			}
		}
	}
}

func TestDetect(t *testing.T) {
	for name, c := range map[string]struct {
		system string
		set    map[string]string
		want   Shell
	}{
		"Linux":      {"linux", map[string]string{"PROMPT": "$P$G"}, POSIX},
		"PowerShell": {"windows", map[string]string{"PSModulePath": `C:\x`}, PowerShell},
		"cmd":        {"windows", map[string]string{"PROMPT": "$P$G"}, Cmd},
		"Git Bash":   {"windows", map[string]string{"PROMPT": "$P$G", "MSYSTEM": "MINGW64"}, POSIX},
		"a client":   {"windows", nil, PowerShell},
	} {
		got := Detect(c.system, func(name string) (string, bool) { v, ok := c.set[name]; return v, ok })
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
