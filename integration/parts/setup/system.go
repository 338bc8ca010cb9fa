package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// need is something of the system that a recipe stands on.
type need struct {
	part    string
	there   func() bool
	debian  string // package that brings it
	command string // what to run elsewhere
}

func needs() []need {
	return []need{
		{parts.Ollama, has("g++"), "g++", "install a C++ compiler"},
		{parts.Ollama, file("/usr/include/nlohmann/json_fwd.hpp", "/opt/homebrew/include/nlohmann/json_fwd.hpp"), "nlohmann-json3-dev", "brew install nlohmann-json"},
		{parts.Ollama, file("/usr/include/stb/stb_image.h"), "libstb-dev", "brew install ollama"},
		{parts.LiteLLM, venv, "python3-venv", "install Python 3.11 to 3.13"},
		{parts.SmolLM, pip, "python3-pip", "python3 -m ensurepip"},
		{parts.Inspector, has(npm()), "npm", "install Node.js 22"},
		{parts.NodeMCP, has(npm()), "npm", "install Node.js 22"},
		{parts.Chromium, found(parts.Chromium), "chromium", "brew install --cask google-chrome"},
		{parts.Postgres, found(parts.Postgres), "postgresql", "brew install postgresql"},
	}
}

// install gets the Debian packages that the missing parts stand on, all at
// once. Where it cannot, it says what to run.
func (m maker) install(ctx context.Context, missing []parts.Part) error {
	var packages, commands []string
	for _, n := range needs() {
		wanted := slices.ContainsFunc(missing, func(p parts.Part) bool { return p.Name == n.part })
		if wanted && !n.there() && !slices.Contains(packages, n.debian) {
			packages = append(packages, n.debian)
			commands = append(commands, n.command)
		}
	}
	if len(packages) == 0 {
		return nil
	}
	get := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("some of the system is missing; run: " + strings.Join(commands, " && "))
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("packages are missing; run: sudo apt-get update && sudo apt-get %s", strings.Join(get, " "))
	}
	fmt.Fprintf(m.log, "setup: installing %s\n", strings.Join(packages, " "))
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	if _, err := command(ctx, "", quiet, "apt-get", "update", "-qq"); err != nil {
		return err
	}
	_, err := command(ctx, "", quiet, "apt-get", get...)
	return err
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
