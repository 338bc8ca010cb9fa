package ollama

import "strings"

// sameModel compares model names as Ollama does: no tag means latest.
func sameModel(a, b string) bool {
	tagged := func(s string) string {
		if !strings.Contains(s[strings.LastIndexByte(s, '/')+1:], ":") {
			s += ":latest"
		}
		return strings.ToLower(s)
	}
	return tagged(a) == tagged(b)
}
