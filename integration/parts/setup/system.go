package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// need is something of the system that a recipe depends on.
type need struct {
	part    string
	there   func() bool
	debian  string // package that brings it
	command string // what to run elsewhere
}

func needs() []need {
	return []need{
		{parts.Ollama, has("g++"), "g++", "install a C++ compiler"},
		{parts.Ollama, file("/usr/include/nlohmann/json_fwd.hpp", "/opt/homebrew/include/nlohmann/json_fwd.hpp"),
			"nlohmann-json3-dev", "brew install nlohmann-json"},
		{parts.Ollama, file("/usr/include/stb/stb_image.h"), "libstb-dev", "brew install ollama"},
		{parts.LiteLLM, venv, "python3-venv", "install Python 3.11 to 3.13"},
		{parts.SmolLM, pip, "python3-pip", "python3 -m ensurepip"},
		{parts.Inspector, has(npm()), "npm", "install Node.js 22"},
		{parts.NodeMCP, has(npm()), "npm", "install Node.js 22"},
		{parts.Chromium, found(parts.Chromium), "chromium", "brew install --cask google-chrome"},
		{parts.Wine, found(parts.Wine), "wine", "brew install --cask wine-stable"},
		{parts.StressNG, found(parts.StressNG), "stress-ng", "brew install stress-ng"},
		{parts.Postgres, found(parts.Postgres), "postgresql", "brew install postgresql"},
	}
}

// lacking is the first thing of the system that the part needs and that is not
// there; nil = nothing.
func lacking(p parts.Part) *need {
	for _, n := range needs() {
		if n.part == p.Name && !n.there() {
			return &n
		}
	}
	return nil
}

// install gets the Debian packages that the missing parts need, all at once.
// Where it cannot, each of those parts says what to run.
func (b *board) install(ctx context.Context, missing []parts.Part) {
	var packages []string
	for _, n := range needs() {
		wanted := slices.ContainsFunc(missing, func(p parts.Part) bool { return p.Name == n.part })
		if wanted && !n.there() && !slices.Contains(packages, n.debian) {
			packages = append(packages, n.debian)
		}
	}
	if len(packages) == 0 {
		return
	}
	get := append([]string{"apt-get", "install", "-y", "--no-install-recommends"}, packages...)
	if _, err := exec.LookPath("apt-get"); err != nil {
		return
	}
	if os.Geteuid() != 0 {
		b.say("packages are missing; run: sudo apt-get update && sudo %s", strings.Join(get, " "))
		return
	}
	job := b.begin("apt-get", "Debian packages", strings.Join(packages, " "))
	defer b.end(job)
	log, err := openLog("apt")
	if err != nil {
		b.say("apt-get: %v", err)
		return
	}
	defer log.Close() //nolint:errcheck // its errors are those of a log
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	for _, run := range [][]string{{"apt-get", "update", "-qq"}, get} {
		job.step(run[1])
		s := step{env: quiet, run: append([]string{run[0], "-o", "DPkg::Lock::Timeout=120"}, run[1:]...)}
		if err := s.do(ctx, "", log); err != nil {
			b.say("FAILED: %s: %v\n%s  log: %s", strings.Join(run, " "), err, lastLines(log.Name()), log.Name())
			return
		}
	}
}

func has(program string) func() bool {
	return func() bool { _, err := exec.LookPath(program); return err == nil }
}

func file(paths ...string) func() bool {
	return func() bool { return slices.ContainsFunc(paths, parts.Has) }
}

func found(part string) func() bool {
	return func() bool { _, err := parts.Find(part); return err == nil }
}

func pip() bool {
	return exec.Command(python(), "-m", "pip", "--version").Run() == nil //nolint:noctx,gosec // answers at once
}

func venv() bool {
	return exec.Command(python(), "-c", "import ensurepip, venv").Run() == nil //nolint:noctx,gosec // answers at once
}

func python() string {
	if runtime.GOOS == "windows" {
		return "python"
	}
	return "python3"
}

func npm() string {
	if runtime.GOOS == "windows" {
		return "npm.cmd"
	}
	return "npm"
}
