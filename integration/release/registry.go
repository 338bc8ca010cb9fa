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
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
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
	Hint       string            `json:"runtimeHint,omitempty"`
	Runtime    []registryArg     `json:"runtimeArguments,omitempty"`
	Arguments  []registryArg     `json:"packageArguments,omitempty"`
	Env        []registryEnv     `json:"environmentVariables,omitempty"`
}

type registryEnv struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Default     string `json:"default,omitempty"`
	Secret      bool   `json:"isSecret,omitempty"`
}

// registryArg is an argument of a package, or of what starts it.
type registryArg struct {
	Type        string                      `json:"type"`
	Name        string                      `json:"name,omitempty"`
	Description string                      `json:"description,omitempty"`
	Value       string                      `json:"value"`
	Variables   map[string]registryVariable `json:"variables,omitempty"`
}

type registryVariable struct {
	Description string `json:"description"`
	Format      string `json:"format,omitempty"`
	Default     string `json:"default,omitempty"`
	Required    bool   `json:"isRequired"`
}

// offered are the settings that an installer may ask for, as the table of
// settings has them.
var offered = []string{
	"OLLAMA_HOST", "LOCALMODEL_MODEL", "LOCALMODEL_CLOUD", "LOCALMODEL_FALLBACK", "LITELLM_BASE_URL", "LITELLM_MASTER_KEY",
}

// settingRow is a row of the table of settings. It panics where there is none.
func settingRow(name string) settings.Row {
	i := slices.IndexFunc(settings.Table, func(r settings.Row) bool { return r.Name == name })
	return settings.Table[i]
}

// environment lists the offered settings. In a container this machine's
// loopback is the container's own.
func environment(container bool) []registryEnv {
	var out []registryEnv
	names := offered
	if container { // from there this machine is another one
		names = append([]string{"LOCALMODEL_LOCAL_REMOTE"}, offered...)
	}
	for _, name := range names {
		r := settingRow(name)
		e := registryEnv{Name: name, Description: r.Meaning, Default: r.Default, Secret: r.Secret}
		if r.Secret {
			e.Default = "" // a key that everyone knows is none
		}
		if container {
			e.Default = strings.Replace(e.Default, "127.0.0.1", "host.docker.internal", 1)
		}
		out = append(out, e)
	}
	return out
}

// container is how the image is started: in the project, reaching the servers
// of this machine.
func container() []registryArg {
	return []registryArg{
		{Type: "named", Name: "--user", Value: "{owner}",
			Description: "The user who writes the project's state file and the journal",
			Variables: map[string]registryVariable{"owner": {
				Description: "Owner of the project's directory, as id -u and id -g print it with a colon between", Default: "1000:1000", Required: true}}},
		{Type: "named", Name: "--mount", Value: "type=bind,src={project},dst=/project",
			Description: "The project whose tickets are read",
			Variables: map[string]registryVariable{"project": {
				Description: "Directory of the project", Format: "filepath", Required: true}}},
		{Type: "named", Name: "--add-host", Value: "host.docker.internal:host-gateway",
			Description: "The name under which Ollama on this machine is reached"},
		{Type: "named", Name: "--mount", Value: "type=volume,src=localmodel,dst=/state",
			Description: "Where the journal is kept"},
	}
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
	if err := checkRegistry(b.Bytes()); err != nil {
		return fmt.Errorf("server.json: %w", err)
	}
	return os.WriteFile(out, b.Bytes(), 0o644) //nolint:gosec // a file for everyone
}

func makeRegistry(version, bundles string) (serverJSON, error) {
	stdio := map[string]string{"type": "stdio"}
	s := serverJSON{
		Schema: "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
		Name:   registryName, Title: "localmodel", Description: description, Version: version,
		Repository: map[string]string{"url": repository, "source": "github"},
		Packages: []registryPackage{
			{Type: "npm", Identifier: npmName, Version: version, Transport: stdio, Hint: "npx",
				Arguments: []registryArg{{Type: "positional", Value: "serve"}}, Env: environment(false)},
			{Type: "oci", Identifier: "ghcr.io/fjbelchi/localmodel:" + version, Transport: stdio, Hint: "docker",
				Runtime: container(), Env: environment(true)},
		},
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
