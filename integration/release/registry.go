package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/cmd/localmodel/settings"
)

// registryName is how the MCP registry names the server.
const registryName = "io.github.fjbelchi/localmodel"

type registryEnv struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Default     string `json:"default,omitempty"`
	Secret      bool   `json:"isSecret,omitempty"`
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

// registry writes server.json: the image, and each bundle with its checksum.
func registry(version, bundles, out string) error {
	text, err := makeRegistry(version, bundles)
	if err != nil {
		return err
	}
	if err := checkSchema(registrySchema, text); err != nil {
		return fmt.Errorf("server.json: %w", err)
	}
	return publish(out, text, 0o644)
}

func makeRegistry(version, bundles string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(bundles, "localmodel_"+version+"_*.mcpb"))
	if err != nil || len(files) == 0 || version == "" {
		return nil, fmt.Errorf("no bundle of version %q in %q: %w", version, bundles, err)
	}
	slices.Sort(files)
	type packed struct{ Name, SHA256 string }
	var all []packed
	for _, f := range files {
		data, err := os.ReadFile(f) //nolint:gosec // files of the release
		if err != nil {
			return nil, err
		}
		all = append(all, packed{filepath.Base(f), fmt.Sprintf("%x", sha256.Sum256(data))})
	}
	return fill("server.json", map[string]any{"Name": registryName, "NPM": npmName, "Version": version, "Bundles": all})
}
