package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// registryName is how the MCP registry names the server.
const registryName = "io.github.fjbelchi/localmodel"

// serverJSON is the entry in the MCP registry, schema of 2025-12-11.
type serverJSON struct {
	Schema      string            `json:"$schema"`
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Repository  map[string]string `json:"repository"`
	Version     string            `json:"version"`
	Packages    []registryPackage `json:"packages"`
}

type registryPackage struct {
	Type       string            `json:"registryType"`
	Identifier string            `json:"identifier"`
	Version    string            `json:"version,omitempty"`
	SHA256     string            `json:"fileSha256,omitempty"`
	Transport  map[string]string `json:"transport"`
	Env        []registryEnv     `json:"environmentVariables,omitempty"`
}

type registryEnv struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Default     string `json:"default,omitempty"`
	Secret      bool   `json:"isSecret,omitempty"`
}

var settings = []registryEnv{
	{Name: "OLLAMA_HOST", Description: "Address of the Ollama server", Default: "http://127.0.0.1:11434"},
	{Name: "LOCALMODEL_MODEL", Description: "Model that Ollama runs", Default: "qwen3-coder:30b"},
	{Name: "LOCALMODEL_CLOUD", Description: "allow, or never: no paid or remote call", Default: "allow"},
	{Name: "LITELLM_MASTER_KEY", Description: "Key of the LiteLLM proxy, if one is used", Secret: true},
}

// registry writes server.json: the image, and each bundle with its checksum.
func registry(version, bundles, out string) error {
	s, err := makeRegistry(version, bundles)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644) //nolint:gosec // a file for everyone
}

func makeRegistry(version, bundles string) (serverJSON, error) {
	stdio := map[string]string{"type": "stdio"}
	s := serverJSON{
		Schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
		Name:   registryName, Title: "localmodel", Description: description, Version: version,
		Repository: map[string]string{"url": repository, "source": "github"},
		Packages: []registryPackage{{Type: "oci", Identifier: "ghcr.io/fjbelchi/localmodel:" + version,
			Transport: stdio, Env: settings}},
	}
	files, err := filepath.Glob(filepath.Join(bundles, "localmodel_"+version+"_*.mcpb"))
	if err != nil || len(files) == 0 || version == "" {
		return s, fmt.Errorf("no bundle of version %q in %q: %w", version, bundles, err)
	}
	slices.Sort(files)
	for _, f := range files {
		data, err := os.ReadFile(f) //nolint:gosec // files of the release
		if err != nil {
			return s, err
		}
		sum := sha256.Sum256(data)
		s.Packages = append(s.Packages, registryPackage{Type: "mcpb", Version: version, SHA256: hex.EncodeToString(sum[:]), Transport: stdio,
			Identifier: fmt.Sprintf("%s/releases/download/v%s/%s", repository, version, filepath.Base(f))})
	}
	return s, nil
}
