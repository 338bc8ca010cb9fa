package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// bundle is an .mcpb file: a manifest and one binary. Manifests cannot choose
// by processor, so there is a bundle for each.
type bundle struct {
	docs, binary, os, arch, version string
	level                           int // of compression, as in compress/flate
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
		"Program": programName(platform{os: system})})
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

// write makes the bundle. Its entries carry no time, so that the same input
// gives the same bytes.
func (b bundle) write(dir string) error {
	list, err := os.ReadFile(filepath.Join(b.docs, "tools.json"))
	if err != nil {
		return err
	}
	text, err := makeManifest(list, b.os, b.version)
	if err != nil {
		return err
	}
	program, err := os.ReadFile(b.binary)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	z := b.newZip(&out)
	icon, err := os.ReadFile("integration/claude-plugin/.claude-plugin/icon.png")
	if err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	for _, e := range []struct {
		name string
		mode os.FileMode
		data []byte
	}{{"manifest.json", 0o644, text}, {"server/" + programName(platform{os: b.os}), 0o755, program}, {"icon.png", 0o644, icon}, {"LICENSE", 0o644, licence}} {
		if err := add(z, e.name, e.mode, e.data); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // files for everyone
		return err
	}
	return os.WriteFile(filepath.Join(dir, b.name()), out.Bytes(), 0o644) //nolint:gosec // files for everyone
}

// newZip begins an archive with the bundle's compression.
func (b bundle) newZip(out io.Writer) *zip.Writer {
	z := zip.NewWriter(out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, b.level) })
	return z
}

func add(z *zip.Writer, name string, mode os.FileMode, data []byte) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	h.SetMode(mode)
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, bytes.NewReader(data))
	return err
}
