// Command release makes what a release has beside the binaries: the man page,
// the completions, the bundles for Claude Desktop and the registry's entry; and
// it looks at what was built. goreleaser.yaml and the Makefile call it, from the
// module's root:
//
//	release docs -version V DIR             man page, completions, tools.json, README.md
//	release bundle -docs DIR -binary FILE -os OS -arch ARCH -version V -out DIR
//	release npm -version V [-binary FILE -os OS -arch ARCH] -out DIR   a platform's package, or without a binary the one users name
//	release wheel -binary FILE -os OS -arch ARCH -version V -out DIR
//	release registry -version V -bundles DIR -out FILE
//	release verify -bundles DIR DIST        all six platforms are there and sound
package main

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("docs, bundle, npm, wheel, registry or verify is wanted")
	}
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	var b bundle
	var out string
	b.level = flate.DefaultCompression
	set.StringVar(&b.docs, "docs", "", "where the docs command wrote")
	set.StringVar(&b.binary, "binary", "", "the program")
	set.StringVar(&b.os, "os", "", "its system, as GOOS")
	set.StringVar(&b.arch, "arch", "", "its processor, as GOARCH")
	set.StringVar(&b.version, "version", "", "1.2.3")
	bundles := set.String("bundles", "", "directory of the bundles")
	set.StringVar(&out, "out", "", "where to write")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "docs" && set.NArg() == 1:
		return docs(ctx, b.version, set.Arg(0))
	case args[0] == "bundle" && set.NArg() == 0:
		return b.write(out)
	case args[0] == "npm" && b.binary != "":
		return npmPlatform(b, out)
	case args[0] == "npm":
		return npmMain(b.version, out)
	case args[0] == "wheel" && set.NArg() == 0:
		return wheel(b, out)
	case args[0] == "registry" && set.NArg() == 0:
		return registry(b.version, *bundles, out)
	case args[0] == "verify" && set.NArg() == 1:
		version, err := verify(ctx, set.Arg(0), *bundles, released())
		if err := errors.Join(err, verifyPackages(filepath.Dir(*bundles), version, released())); err != nil {
			return err
		}
		fmt.Printf("release: %d platforms: archives, bundles, packages, bills of materials and checksums are sound\n", len(released()))
		return nil
	}
	return fmt.Errorf("%v is not understood", args)
}

// shells with the name that each wants for its completion file.
var shells = map[string]string{"bash": "localmodel.bash", "zsh": "_localmodel", "fish": "localmodel.fish", "powershell": "localmodel.ps1"}

// docs builds the program for this machine and writes what it says of itself.
func docs(ctx context.Context, version, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "completions"), 0o755); err != nil { //nolint:gosec // files for everyone
		return err
	}
	program, err := filepath.Abs(filepath.Join(dir, "localmodel-host"))
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	defer os.Remove(program) //nolint:errcheck // only a left-over
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./cmd/localmodel")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	man, err := exec.CommandContext(ctx, "go", "run", "-tags", "man", "./cmd/localmodel").Output()
	if err != nil {
		return fmt.Errorf("man page: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "localmodel.1"), man, 0o644); err != nil { //nolint:gosec // files for everyone
		return err
	}
	page, err := readme(version)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), page, 0o644); err != nil { //nolint:gosec // files for everyone
		return err
	}
	for file, args := range files() {
		text, err := exec.CommandContext(ctx, program, args...).Output() //nolint:gosec // the program built above
		if err != nil {
			return fmt.Errorf("localmodel %v: %w", args, err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil { //nolint:gosec // files for everyone
			return err
		}
	}
	list, err := toolsList(ctx, program)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "tools.json"), list, 0o644) //nolint:gosec // files for everyone
}

func files() map[string][]string {
	out := map[string][]string{}
	for shell, file := range shells {
		out[filepath.Join("completions", file)] = []string{"completion", shell}
	}
	return out
}

// toolsList asks the program for its tools and its prompts, as a client does.
func toolsList(ctx context.Context, program string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, "serve")
	cmd.Dir = os.TempDir()
	cmd.Stdin = strings.NewReader(strings.Join([]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"release","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, ""}, "\n"))
	text, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	for _, line := range bytes.Split(text, []byte("\n")) {
		var answer struct {
			ID     int
			Result json.RawMessage
		}
		if json.Unmarshal(line, &answer) == nil && answer.ID == 2 && answer.Result != nil {
			return answer.Result, nil
		}
	}
	return nil, fmt.Errorf("tools/list was not answered:\n%s", text)
}
