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
	"compress/flate"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("docs, bundle, npm, wheel, registry or verify is wanted")
	}
	set := flag.NewFlagSet(args[0], flag.ContinueOnError)
	b := bundle{level: flate.DefaultCompression}
	set.StringVar(&b.docs, "docs", "", "where the docs command wrote")
	set.StringVar(&b.binary, "binary", "", "the program")
	set.StringVar(&b.os, "os", "", "its system, as GOOS")
	set.StringVar(&b.arch, "arch", "", "its processor, as GOARCH")
	set.StringVar(&b.version, "version", "", "1.2.3")
	bundles := set.String("bundles", "", "directory of the bundles")
	out := set.String("out", "", "where to write")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "docs" && set.NArg() == 1:
		return docs(ctx, b.version, set.Arg(0))
	case args[0] == "bundle" && set.NArg() == 0:
		return b.write(*out)
	case args[0] == "npm" && b.binary != "":
		return npmPlatform(b, *out)
	case args[0] == "npm":
		return npmMain(b.version, *out)
	case args[0] == "wheel" && set.NArg() == 0:
		return wheel(b, *out)
	case args[0] == "registry" && set.NArg() == 0:
		return registry(b.version, *bundles, *out)
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
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // files for everyone
		return err
	}
	program, err := filepath.Abs(filepath.Join(dir, "host-"+platform{os: runtime.GOOS}.program()))
	if err != nil {
		return err
	}
	defer os.Remove(program) //nolint:errcheck // only a left-over
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./cmd/localmodel")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	write := func(file string, text []byte, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		return publish(filepath.Join(dir, file), text, 0o644)
	}
	man, err := exec.CommandContext(ctx, "go", "run", "-tags", "man", "./cmd/localmodel").Output()
	errs := []error{write("localmodel.1", man, err)}
	page, err := readme(version)
	errs = append(errs, write("README.md", page, err))
	for shell, file := range shells {
		text, err := exec.CommandContext(ctx, program, "completion", shell).Output() //nolint:gosec // the program built above
		errs = append(errs, write(filepath.Join("completions", file), text, err))
	}
	list, err := toolsList(ctx, program)
	return errors.Join(append(errs, write("tools.json", list, err))...)
}

// toolsList asks the program for its tools, as a client does.
func toolsList(ctx context.Context, program string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, "serve")
	cmd.Dir = os.TempDir()
	c, err := mcpchild.Open(cmd)
	if err != nil {
		return nil, err
	}
	list, err := c.Ask("tools/list", "")
	return []byte(list.Raw), errors.Join(err, c.Close())
}
