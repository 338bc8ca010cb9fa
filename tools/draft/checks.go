package draft

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/fjbelchi/localmodel/tools/draft/parse"
)

// State is how a check ended. A check that could not run has not passed.
type State string

// The states.
const (
	Passed State = "passed"
	Failed State = "failed"
	NotRun State = "not_run"
)

// Check is one check's result.
type Check struct {
	Name   string `json:"check"`
	State  State  `json:"state"`
	File   string `json:"file,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// Names of the checks, in the order in which they run.
const (
	CheckScope       = "scope"       // only files of the ticket and tests of the plan
	CheckBase        = "base"        // the file is as it was when the draft began
	CheckApplies     = "applies"     // the reply fits the file
	CheckParses      = "parses"      // the result is syntactically whole
	CheckPlaceholder = "placeholder" // nothing is left for somebody else to fill in
	CheckShrink      = "shrink"      // not much more is gone than the plan explains
	CheckSecret      = "secret"      // no secret is added
	CheckCommands    = "commands"    // the project's own lint and test commands
)

// Change is one file before and after.
type Change struct {
	File
	After string
	// Step is the plan's words for this file: they may explain why it shrinks.
	Step string
}

// checkContent runs the checks that need nothing but the two texts, and stops
// at the first that failed. secrets lists the secrets of a text; nil = unable.
func checkContent(ctx context.Context, parser []string, c Change, secrets func(string) []string) []Check {
	var out []Check
	for _, check := range []func() Check{
		func() Check { return checkParses(ctx, parser, c) },
		func() Check { return checkPlaceholder(c) },
		func() Check { return checkShrink(c) },
		func() Check { return checkSecret(c, secrets) },
	} {
		result := check()
		result.File = c.Path
		out = append(out, result)
		if result.State == Failed {
			break
		}
	}
	return out
}

func checkParses(ctx context.Context, parser []string, c Change) Check {
	err := parse.File(ctx, parser, c.Path, c.After)
	switch {
	case err == nil:
		return Check{Name: CheckParses, State: Passed}
	case errors.Is(err, parse.ErrNoParser):
		return Check{Name: CheckParses, State: NotRun, Detail: "not parsed: " + err.Error()}
	case errors.Is(err, parse.ErrTooSlow):
	case c.Exists && parse.File(ctx, parser, c.Path, c.Text) != nil:
		return Check{Name: CheckParses, State: NotRun, Detail: "the file did not parse before either"}
	}
	return Check{Name: CheckParses, State: Failed, Detail: clip(err.Error(), 300)}
}

// placeholders are the ways in which models leave work undone. Each is looked
// for in added lines only.
var placeholders = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)\b(rest|remainder) of (the|your|this) (\w+ )?(code|file|function|method|class|implementation|logic|body|module)`),
		regexp.MustCompile(`(?i)(//|#|/\*|<!--|--|;|%|\{/\*)\s*(\.\.\.|…)`),
		regexp.MustCompile(`(?i)(//|#|/\*|<!--|\{/\*).{0,20}\b(existing|previous|other|remaining|unchanged)\b.{0,30}\b(code|here|unchanged|same|stays?|remains?|as (before|is)|methods|functions)\b`),
		regexp.MustCompile(`(?i)\b(add|put|insert|write|place)? ?your (own )?(code|logic|implementation)( goes)? here\b`),
		regexp.MustCompile(`(?i)(//|#|/\*|<!--|\*|--)\s*(TODO|FIXME|XXX|TBD)\b`),
		regexp.MustCompile(`(?i)(//|#|/\*|<!--).{0,10}\b(implement(ation)?|code|logic|fill)( goes)?( \w+)? (this|here|me|later)\b`),
		regexp.MustCompile(`\b(todo|unimplemented)!\(`),
		regexp.MustCompile(`\braise NotImplementedError\b`),
		regexp.MustCompile(`(?i)\b(panic|throw|raise|Error|errors\.New|Exception)\b.{0,30}\b(not (yet )?implemented|unimplemented|TODO)\b`),
		regexp.MustCompile(`^\s*(\.\.\.|…)\s*$`),
		regexp.MustCompile(`\{\s*(\.\.\.|…|/\*\s*(\.\.\.|…)?\s*\*/)\s*\}\s*$`),
	}
})

func checkPlaceholder(c Change) Check {
	before := map[string]bool{}
	for _, line := range strings.Split(lf(c.Text), "\n") {
		before[strings.TrimSpace(line)] = true
	}
	for i, line := range strings.Split(lf(c.After), "\n") {
		if before[strings.TrimSpace(line)] || strings.HasSuffix(c.Path, ".pyi") {
			continue
		}
		for _, pattern := range placeholders() {
			if len(line) < 2000 && pattern.MatchString(line) {
				return Check{Name: CheckPlaceholder, State: Failed,
					Detail: fmt.Sprintf("line %d leaves work undone: %s", i+1, clip(strings.TrimSpace(line), 80))}
			}
		}
	}
	return Check{Name: CheckPlaceholder, State: Passed}
}

// A file may lose this share of its lines, and in any case this many lines,
// without a word in the plan about removing something.
const (
	maxLostShare = 0.4
	maxLostLines = 15
)

var removes = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(remov|delet|drop|extract|mov(e|ing)|split|simplif|replac|clean|dedup|inline|shorten|merg|strip|eliminat)`)
})

func checkShrink(c Change) Check {
	before, after := countLines(c.Text), countLines(c.After)
	lost := before - after
	if c.Exists && lost > maxLostLines && float64(lost) > maxLostShare*float64(before) && !removes().MatchString(c.Step) {
		return Check{Name: CheckShrink, State: Failed,
			Detail: fmt.Sprintf("%d of %d lines are gone, and the plan removes nothing", lost, before)}
	}
	return Check{Name: CheckShrink, State: Passed}
}

func countLines(text string) int {
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) != "" {
			n++
		}
	}
	return n
}

func checkSecret(c Change, secrets func(string) []string) Check {
	if secrets == nil {
		return Check{Name: CheckSecret, State: NotRun, Detail: "no secret scanner"}
	}
	had := map[string]bool{}
	for _, s := range secrets(c.Text) {
		had[s] = true
	}
	for _, s := range secrets(c.After) {
		if !had[s] {
			return Check{Name: CheckSecret, State: Failed, Detail: "the draft adds a secret"}
		}
	}
	return Check{Name: CheckSecret, State: Passed}
}

func checkScope(name string, allowed []string) Check {
	for _, a := range allowed {
		if path.Clean(a) == path.Clean(name) {
			return Check{Name: CheckScope, State: Passed, File: name}
		}
	}
	return Check{Name: CheckScope, State: Failed, File: name, Detail: "neither a file of the ticket nor a test of the plan"}
}

// clip shortens s to n bytes at a rune's boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
