package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bundle is an .mcpb file: a manifest and one binary. Manifests cannot choose
// by processor, so there is a bundle for each.
type bundle struct {
	platform
	docs, binary, version string
	level                 int // of compression
}

// tool is what a manifest says of a tool.
type tool struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

// platforms are the manifest's words for systems.
var platforms = map[string]string{"linux": "linux", "darwin": "darwin", "windows": "win32"}

// makeManifest fills the manifest; the tools are those of tools/list.
func makeManifest(toolsJSON []byte, system, version string) ([]byte, error) {
	var list struct{ Tools []tool }
	if err := json.Unmarshal(toolsJSON, &list); err != nil {
		return nil, err
	}
	name, ok := platforms[system]
	if !ok || len(list.Tools) == 0 || version == "" {
		return nil, fmt.Errorf("a system, a version and tools are wanted; got %q, %q and %d tools", system, version, len(list.Tools))
	}
	for i, t := range list.Tools { // the first sentence is what a person reads
		list.Tools[i].Description = firstSentence(t.Description)
	}
	return fill("manifest.json", map[string]any{"Version": version, "Tools": list.Tools, "Platform": name,
		"Program": platform{os: system}.program()})
}

func firstSentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if i := strings.Index(text, ". "); i > 0 {
		return text[:i+1]
	}
	return text
}

// name is the bundle's file name.
func (b bundle) name() string {
	return fmt.Sprintf("localmodel_%s_%s_%s.mcpb", b.version, b.os, b.arch)
}

// write makes the bundle.
func (b bundle) write(dir string) error {
	list, err := os.ReadFile(filepath.Join(b.docs, "tools.json"))
	if err != nil {
		return err
	}
	text, err := makeManifest(list, b.os, b.version)
	if err != nil {
		return err
	}
	entries := []entry{{"manifest.json", text, 0o644}}
	for _, f := range []struct {
		name, path string
		mode       os.FileMode
	}{
		{"server/" + b.program(), b.binary, 0o755},
		{"icon.png", "integration/claude-plugin/.claude-plugin/icon.png", 0o644},
		{"LICENSE", "LICENSE", 0o644},
	} {
		data, err := os.ReadFile(f.path)
		if err != nil {
			return err
		}
		entries = append(entries, entry{f.name, data, f.mode})
	}
	data, err := zipped(b.level, entries)
	if err != nil {
		return err
	}
	return publish(filepath.Join(dir, b.name()), data, 0o644)
}
