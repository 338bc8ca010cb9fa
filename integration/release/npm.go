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

// npm's words for systems and processors.
var (
	npmSystems    = map[string]string{"linux": "linux", "darwin": "darwin", "windows": "win32"}
	npmProcessors = map[string]string{"amd64": "x64", "arm64": "arm64"}
)

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

func npmPlatformName(p platform) string {
	return npmName + "-" + npmSystems[p.os] + "-" + npmProcessors[p.arch]
}

// npmPlatform writes the package of one platform's program.
func npmPlatform(b bundle, out string) error {
	p := platform{b.os, b.arch}
	pkg := newNPMPackage(npmPlatformName(p), b.version)
	pkg.OS, pkg.CPU = []string{npmSystems[p.os]}, []string{npmProcessors[p.arch]}
	program := filepath.Join("bin", programName(p))
	pkg.Files = []string{filepath.ToSlash(program)}
	data, err := os.ReadFile(b.binary)
	if err != nil {
		return err
	}
	dir := filepath.Join(out, "localmodel-"+npmSystems[p.os]+"-"+npmProcessors[p.arch])
	return writeNPM(dir, pkg, map[string]file{program: {data, 0o755}})
}

// npmMain writes the package that a user names.
func npmMain(version, out string) error {
	pkg := newNPMPackage(npmName, version)
	pkg.MCPName = registryName
	pkg.Bin = map[string]string{"localmodel": "bin/localmodel.js"}
	pkg.Files = []string{"bin/localmodel.js"}
	pkg.Engines = map[string]string{"node": ">=18"}
	pkg.Optional = map[string]string{}
	for _, p := range released() {
		pkg.Optional[npmPlatformName(p)] = version
	}
	page, err := readme(version)
	if err != nil {
		return err
	}
	return writeNPM(filepath.Join(out, "localmodel"), pkg, map[string]file{
		"bin/localmodel.js": {npmLauncher, 0o755},
		"README.md":         {page, 0o644},
	})
}

func writeNPM(dir string, pkg npmPackage, files map[string]file) error {
	text, err := json.MarshalIndent(pkg, "", "  ")
	if err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return fmt.Errorf("%s: %w", pkg.Name, err)
	}
	files["package.json"] = file{append(text, '\n'), 0o644}
	files["LICENSE"] = file{licence, 0o644}
	for name, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // files for everyone
			return err
		}
		if err := os.WriteFile(path, f.data, f.mode); err != nil {
			return err
		}
		if err := os.Chmod(path, f.mode); err != nil { // whatever the umask
			return err
		}
	}
	return nil
}

// file is one file of a package.
type file struct {
	data []byte
	mode os.FileMode
}

func programName(p platform) string {
	if p.os == "windows" {
		return "localmodel.exe"
	}
	return "localmodel"
}
