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

// The manifest, as version 0.3 of its specification has it.
type manifest struct {
	ManifestVersion string            `json:"manifest_version"`
	Name            string            `json:"name"`
	DisplayName     string            `json:"display_name"`
	Version         string            `json:"version"`
	Description     string            `json:"description"`
	LongDescription string            `json:"long_description"`
	Author          map[string]string `json:"author"`
	Repository      map[string]string `json:"repository"`
	Homepage        string            `json:"homepage"`
	Support         string            `json:"support"`
	License         string            `json:"license"`
	Keywords        []string          `json:"keywords"`
	Icon            string            `json:"icon"`
	Server          server            `json:"server"`
	Tools           []tool            `json:"tools"`
	PromptsMade     bool              `json:"prompts_generated"`
	Compatibility   compatibility     `json:"compatibility"`
	UserConfig      map[string]option `json:"user_config"`
}

type server struct {
	Type       string    `json:"type"`
	EntryPoint string    `json:"entry_point"`
	Config     mcpConfig `json:"mcp_config"`
}

type mcpConfig struct {
	Command string            `json:"command"`
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env"`
}

type tool struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

type compatibility struct {
	Platforms []string `json:"platforms"`
}

type option struct {
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	Default     any    `json:"default,omitempty"`
	Sensitive   bool   `json:"sensitive,omitempty"`
}

const (
	repository  = "https://github.com/fjbelchi/localmodel"
	description = "Let a free local model (Ollama) take the cheap work on software tickets"
)

// platforms are the manifest's words for systems.
var platforms = map[string]string{"linux": "linux", "darwin": "darwin", "windows": "win32"}

// makeManifest fills the manifest; the tools are those of tools/list.
func makeManifest(toolsJSON []byte, system, version string) (manifest, error) {
	var list struct{ Tools []tool }
	if err := json.Unmarshal(toolsJSON, &list); err != nil {
		return manifest{}, err
	}
	platform, ok := platforms[system]
	if !ok || len(list.Tools) == 0 || version == "" {
		return manifest{}, fmt.Errorf("a system, a version and tools are wanted; got %q, %q and %d tools", system, version, len(list.Tools))
	}
	for i, t := range list.Tools { // the first sentence is what a person reads
		list.Tools[i].Description = firstSentence(t.Description)
	}
	program := "server/localmodel"
	if system == "windows" {
		program += ".exe"
	}
	return manifest{
		ManifestVersion: "0.3", Name: "localmodel", DisplayName: "localmodel", Version: version, Description: description,
		LongDescription: "Classifies tickets and plans the simple ones on a free local model (Ollama), falls back in sight to cheap cloud models through a LiteLLM proxy, then to rules and templates, and always says who answered and why. Quality gates decide what is escalated.",
		Author:          map[string]string{"name": "fjbelchi", "url": "https://github.com/fjbelchi"},
		Repository:      map[string]string{"type": "git", "url": repository + ".git"},
		Homepage:        repository, Support: repository + "/issues", License: "MIT", Icon: "icon.png",
		Keywords: []string{"ollama", "local", "tickets", "triage", "planning"},
		Server: server{Type: "binary", EntryPoint: program, Config: mcpConfig{
			Command: "${__dirname}/" + program, Args: []string{"serve"},
			Env: map[string]string{
				"CLAUDE_PROJECT_DIR": "${user_config.project}", "OLLAMA_HOST": "${user_config.ollama}",
				"LOCALMODEL_MODEL": "${user_config.model}", "LOCALMODEL_CLOUD": "${user_config.cloud}",
				"LITELLM_BASE_URL":   "${user_config.proxy}",
				"LITELLM_MASTER_KEY": "${user_config.key}",
			}}},
		Tools: list.Tools, PromptsMade: true, Compatibility: compatibility{[]string{platform}},
		UserConfig: map[string]option{
			"project": {Type: "directory", Title: "Project", Description: "The directory of the project whose tickets are read; paths in arguments lie inside it", Required: true},
			"ollama":  {Type: "string", Title: "Ollama", Description: "Address of the Ollama server", Default: settingRow("OLLAMA_HOST").Default},
			"model":   {Type: "string", Title: "Local model", Description: "Model that Ollama runs", Default: settingRow("LOCALMODEL_MODEL").Default},
			"cloud":   {Type: "string", Title: "Cloud", Description: "allow: paid tiers of the LiteLLM proxy may answer what local cannot; never: nothing leaves this machine", Default: settingRow("LOCALMODEL_CLOUD").Default},
			"proxy":   {Type: "string", Title: "LiteLLM proxy", Description: "Address of the LiteLLM proxy, if you use one", Default: settingRow("LITELLM_BASE_URL").Default},
			"key":     {Type: "string", Title: "LiteLLM key", Description: "Key of the LiteLLM proxy, if you use one", Sensitive: true},
		},
	}, nil
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
	m, err := makeManifest(list, b.os, b.version)
	if err != nil {
		return err
	}
	text, err := m.json()
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
	}{{"manifest.json", 0o644, text}, {m.Server.EntryPoint, 0o755, program}, {m.Icon, 0o644, icon}, {"LICENSE", 0o644, licence}} {
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

func (m manifest) json() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(m)
	return b.Bytes(), err
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
