package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"
)

// platform is one system and processor that a release is built for.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// program is the file name of the program.
func (p platform) program() string {
	if p.os == "windows" {
		return "localmodel.exe"
	}
	return "localmodel"
}

// released are the platforms of a release; goreleaser.yaml builds them.
func released() []platform {
	var all []platform
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			all = append(all, platform{system, arch})
		}
	}
	return all
}

// build is what goreleaser left: archives, bills of materials and checksums in
// dist, bundles beside.
type build struct{ dist, bundles, version string }

// verify looks at all of a build and names everything that is wrong with it.
// It returns the version that was built.
func verify(ctx context.Context, dist, bundles string, want []platform) (version string, err error) {
	data, err := os.ReadFile(filepath.Join(dist, "metadata.json"))
	if err != nil {
		return "", err
	}
	var meta struct{ Version string }
	if err := json.Unmarshal(data, &meta); err != nil {
		return "", fmt.Errorf("metadata.json: %w", err)
	}
	if meta.Version == "" {
		return "", errors.New("metadata.json names no version")
	}
	b := build{dist, bundles, meta.Version}
	sums, err := b.checksums()
	wrong := []error{err}
	for _, p := range want {
		files, err := b.platform(ctx, p)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", p, err))
		}
		for _, f := range files {
			if !sums[f] {
				wrong = append(wrong, fmt.Errorf("%s: %s has no checksum", p, f))
			}
		}
	}
	return meta.Version, errors.Join(wrong...)
}

// checksums are the names of the files that checksums.txt holds.
func (b build) checksums() (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(b.dist, "checksums.txt"))
	named := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		named[name] = true
	}
	return named, err
}

// platform looks at the three files of one platform and returns their names.
func (b build) platform(ctx context.Context, p platform) ([]string, error) {
	name := fmt.Sprintf("localmodel_%s_%s_%s", b.version, p.os, p.arch)
	archive, bill, packed := name+".tar.gz", name+".cdx.json", name+".mcpb"
	if p.os == "windows" {
		archive = name + ".zip"
	}
	files := []string{archive, bill, packed}
	entries, err := unpack(filepath.Join(b.dist, archive))
	if err != nil {
		return files, err
	}
	program := p.program()
	var wrong []error
	for _, want := range contents(program) {
		if len(entries[want].data) == 0 {
			wrong = append(wrong, fmt.Errorf("%s: %s is missing or empty", archive, want))
		}
	}
	binary := entries[program].data
	wrong = append(wrong, b.program(ctx, p, binary, entries[program].mode),
		b.bill(filepath.Join(b.dist, bill)), b.bundle(filepath.Join(b.bundles, packed), p, binary))
	return files, errors.Join(wrong...)
}

// contents are the files of an archive.
func contents(program string) []string {
	all := []string{program, "LICENSE", "README.md", "CHANGELOG.md", "mcp.json", "man/man1/localmodel.1"}
	for _, file := range shells {
		all = append(all, "completions/"+file)
	}
	return all
}

// bill sees that the bill of materials is one of this program and version.
func (b build) bill(path string) error {
	data, err := os.ReadFile(path) //nolint:gosec // a file of the release
	if err != nil {
		return err
	}
	var bom struct {
		BOMFormat string
		Metadata  struct {
			Component struct{ Name, Version string }
		}
		Components []any
	}
	if err := json.Unmarshal(data, &bom); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	const module = "github.com/fjbelchi/localmodel"
	if c := bom.Metadata.Component; bom.BOMFormat != "CycloneDX" || c.Name != module || c.Version != "v"+b.version || len(bom.Components) == 0 {
		return fmt.Errorf("%s: a %q of %s %s with %d components", path, bom.BOMFormat, c.Name, c.Version, len(bom.Components))
	}
	return nil
}

//go:embed testdata/mcpb-manifest-v0.3.schema.json
var manifestSchema []byte

//go:embed testdata/mcp-registry-2025-12-11.schema.json
var registrySchema []byte

// checkSchema holds a text to a published schema.
func checkSchema(published, text []byte) error {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", schema); err != nil {
		return err
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		return err
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return compiled.Validate(data)
}

// bundle sees that the bundle's manifest is sound and starts the program of the
// archive.
func (b build) bundle(path string, p platform, program []byte) error {
	entries, err := unpack(path)
	if err != nil {
		return err
	}
	text := entries["manifest.json"].data
	if err := checkSchema(manifestSchema, text); err != nil {
		return fmt.Errorf("%s: manifest: %w", path, err)
	}
	m := gjson.ParseBytes(text)
	entryPoint := m.Get("server.entry_point").Str
	start := entries[entryPoint]
	version, tools, systems := m.Get("version").Str, m.Get("tools.#").Int(), m.Get("compatibility.platforms").Raw
	switch {
	case version != b.version || tools == 0:
		return fmt.Errorf("%s: version %s with %d tools", path, version, tools)
	case m.Get("compatibility.platforms.#").Int() != 1 || m.Get("compatibility.platforms.0").Str != platforms[p.os]:
		return fmt.Errorf("%s is for %s", path, systems)
	case !bytes.Equal(start.data, program) || start.mode&0o111 == 0:
		return fmt.Errorf("%s: %s is not the program of the archive", path, entryPoint)
	case len(entries[m.Get("icon").Str].data) == 0 || len(entries["LICENSE"].data) == 0:
		return fmt.Errorf("%s has no icon or no licence", path)
	}
	return nil
}
