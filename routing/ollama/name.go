package ollama

import "strings"

// canonical is a model's name as Ollama completes it: registry host, namespace
// and tag that are left out are its defaults, and case does not count.
func canonical(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if _, rest, found := strings.Cut(name, "://"); found {
		name = rest
	}
	tag := "latest"
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	switch strings.Count(name, "/") {
	case 0:
		name = "registry.ollama.ai/library/" + name
	case 1:
		name = "registry.ollama.ai/" + name
	}
	return name + ":" + tag
}

// sameModel reports whether two names are one model's.
func sameModel(a, b string) bool { return canonical(a) == canonical(b) }
