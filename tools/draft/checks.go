package draft

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/fjbelchi/localmodel/internal/lazy"
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
	for _, check := range []struct {
		name string
		run  func() (State, string)
	}{
		{CheckParses, func() (State, string) { return checkParses(ctx, parser, c) }},
		{CheckPlaceholder, c.checkPlaceholder},
		{CheckShrink, c.checkShrink},
		{CheckSecret, func() (State, string) { return checkSecret(c, secrets) }},
	} {
		state, detail := check.run()
		out = append(out, Check{Name: check.name, State: state, File: c.Path, Detail: detail})
		if state == Failed {
			break
		}
	}
	return out
}

func checkParses(ctx context.Context, parser []string, c Change) (State, string) {
	err := parse.File(ctx, parser, c.Path, c.After)
	switch {
	case err == nil:
		return Passed, ""
	case errors.Is(err, parse.ErrNoParser):
		return NotRun, "not parsed: " + err.Error()
	case errors.Is(err, parse.ErrTooSlow):
	case c.Exists && parse.File(ctx, parser, c.Path, c.Text) != nil:
		return NotRun, "the file did not parse before either"
	}
	return Failed, clip(err.Error(), 300)
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

func (c Change) checkPlaceholder() (State, string) {
	before := map[string]bool{}
	for line := range strings.SplitSeq(lf(c.Text), "\n") {
		before[strings.TrimSpace(line)] = true
	}
	for i, line := range strings.Split(lf(c.After), "\n") {
		if before[strings.TrimSpace(line)] || strings.HasSuffix(c.Path, ".pyi") {
			continue
		}
		for _, pattern := range placeholders() {
			if len(line) < 2000 && pattern.MatchString(line) {
				return Failed, fmt.Sprintf("line %d leaves work undone: %s", i+1, clip(strings.TrimSpace(line), 80))
			}
		}
	}
	return Passed, ""
}

// A file may lose this share of its lines, and in any case this many lines,
// without a word in the plan about removing something.
const (
	maxLostShare = 0.4
	maxLostLines = 15
)

var removes = lazy.Regexp(`(?i)\b(remov|delet|drop|extract|mov(e|ing)|split|simplif|replac|clean|dedup|inline|shorten|merg|strip|eliminat)`)

func (c Change) checkShrink() (State, string) {
	before := countLines(c.Text)
	lost := before - countLines(c.After)
	if c.Exists && lost > maxLostLines && float64(lost) > maxLostShare*float64(before) && !removes().MatchString(c.Step) {
		return Failed, fmt.Sprintf("%d of %d lines are gone, and the plan removes nothing", lost, before)
	}
	return Passed, ""
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

func checkSecret(c Change, secrets func(string) []string) (State, string) {
	if secrets == nil {
		return NotRun, "no secret scanner"
	}
	had := secrets(c.Text)
	if slices.ContainsFunc(secrets(c.After), func(s string) bool { return !slices.Contains(had, s) }) {
		return Failed, "the draft adds a secret"
	}
	return Passed, ""
}

// clip shortens s to n bytes at a rune's boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
