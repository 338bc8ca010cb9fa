package app

import (
	"os"
	"strings"

	"github.com/fjbelchi/localmodel/internal/programs"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// Fix is what a model is told of a fix: a command that runs here, and none for
// a proxy that the user has not set up.
func (c *Config) Fix(tier policy.Tier, fix string) string {
	if tier != policy.Local && startsProxy(fix) && !c.Chosen("LITELLM_BASE_URL", "LITELLM_MASTER_KEY", "LOCALMODEL_FALLBACK") {
		return ""
	}
	fix = runnable(fix, onPath)
	if rest, ours := strings.CutPrefix(fix, "localmodel "); ours && !onPath("localmodel") {
		if program, err := os.Executable(); err == nil && !strings.ContainsAny(program, " '\"") {
			return program + " " + rest
		}
	}
	return fix
}

func onPath(program string) bool { return programs.Find(program) != "" }

// runnable is a fix as a command that runs on a system. What needs a program
// that is not installed is left to the command that installs it, or names the
// steps.
func runnable(fix string, installed func(program string) bool) string {
	switch {
	case fix == "ollama serve" && !installed("ollama"):
		return "localmodel setup"
	case startsProxy(fix) && (!installed("git") || !installed("litellm")):
		return "localmodel doctor"
	}
	return fix
}

func startsProxy(fix string) bool { return strings.Contains(fix, "&& litellm ") }
