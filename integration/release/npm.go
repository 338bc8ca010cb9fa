package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// npmName is the package that a user names; each platform's program lies in a
// package of its own, which npm chooses by its os and cpu. No script runs when
// they are installed.
const npmName = "@fjbelchi/localmodel"

//go:embed npm_launch.js
var npmLauncher []byte

// npmProcessors are npm's words for processors; for systems it has the manifest's.
var npmProcessors = map[string]string{"amd64": "x64", "arm64": "arm64"}

// npmPackage is a package.json.
type npmPackage struct {
	Name        string            `json:"name"`
	Version     string            `json:"version"`
	Description string            `json:"description"`
	License     string            `json:"license"`
	Homepage    string            `json:"homepage"`
	Repository  map[string]string `json:"repository"`
	MCPName     string            `json:"mcpName,omitempty"` // how the MCP registry knows the package for ours
	Bin         map[string]string `json:"bin,omitempty"`
	OS          []string          `json:"os,omitempty"`
	CPU         []string          `json:"cpu,omitempty"`
	Files       []string          `json:"files"`
	Engines     map[string]string `json:"engines,omitempty"`
	Optional    map[string]string `json:"optionalDependencies,omitempty"`
	Publish     map[string]string `json:"publishConfig"`
}

func newNPMPackage(name, version string) npmPackage {
	return npmPackage{
		Name: name, Version: version, Description: description, License: "MIT", Homepage: repository,
		Repository: map[string]string{"type": "git", "url": "git+" + repository + ".git"},
		Publish:    map[string]string{"access": "public"},
	}
}

// npm is the platform in npm's words.
func (p platform) npm() string { return platforms[p.os] + "-" + npmProcessors[p.arch] }

// npmPlatform writes the package of one platform's program.
func npmPlatform(b bundle, out string) error {
	pkg := newNPMPackage(npmName+"-"+b.npm(), b.version)
	pkg.OS, pkg.CPU = []string{platforms[b.os]}, []string{npmProcessors[b.arch]}
	pkg.Files = []string{"bin/" + b.program()}
	data, err := os.ReadFile(b.binary)
	if err != nil {
		return err
	}
	return writeNPM(filepath.Join(out, "localmodel-"+b.npm()), pkg, entry{pkg.Files[0], data, 0o755})
}

// npmMain writes the package that a user names.
func npmMain(version, out string) error {
	const launcher = "bin/localmodel.js"
	pkg := newNPMPackage(npmName, version)
	pkg.MCPName = registryName
	pkg.Bin = map[string]string{"localmodel": launcher}
	pkg.Files = []string{launcher}
	pkg.Engines = map[string]string{"node": ">=18"}
	pkg.Optional = map[string]string{}
	for _, p := range released() {
		pkg.Optional[npmName+"-"+p.npm()] = version
	}
	page, err := readme(version)
	if err != nil {
		return err
	}
	return writeNPM(filepath.Join(out, "localmodel"), pkg, entry{launcher, npmLauncher, 0o755}, entry{"README.md", page, 0o644})
}

func writeNPM(dir string, pkg npmPackage, entries ...entry) error {
	text, err := json.MarshalIndent(pkg, "", "  ")
	if err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return fmt.Errorf("%s: %w", pkg.Name, err)
	}
	for _, e := range append(entries, entry{"package.json", append(text, '\n'), 0o644}, entry{"LICENSE", licence, 0o644}) {
		if err := publish(filepath.Join(dir, filepath.FromSlash(e.name)), e.data, e.mode); err != nil {
			return err
		}
	}
	return nil
}
