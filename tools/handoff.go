package tools

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/fjbelchi/localmodel/statestore"
)

// maxHandoffChars bounds the hand-off, which is pasted into another model's
// prompt.
const maxHandoffChars = 4000

// maxHandoffFailures is how many failures it tells, the latest ones: commit may
// fail any number of times.
const maxHandoffFailures = 8

// handoff is what the senior gets: the junior's plan, each failure with its
// evidence, who did what, and what is left to try. Markdown, under
// maxHandoffChars, secrets masked, cut only at line ends and never in silence.
func handoff(a statestore.Attempt, gate string) string {
	var failures []statestore.OutcomeRow
	var done []string
	for _, o := range a.Outcomes {
		verdict := "passed"
		if !o.Pass {
			verdict = "failed"
			failures = append(failures, o)
		}
		done = append(done, o.Gate+" "+verdict)
	}
	head := fmt.Sprintf("# %s: escalated at %s\n%s\nGates so far: %s.\n", clip(a.TicketID, 100), gate, whoDidWhat(a), cutStart(done, 500))
	tail := "\n## What is left\n" + left[gate] + "\n"
	room := maxHandoffChars - 100 - len([]rune(head)) - len([]rune(tail))
	plan := ""
	if strings.TrimSpace(a.Plan) != "" {
		plan = "\n## The plan\n" + cutLines(mask(a.Plan), room/2) + "\n"
		room -= len([]rune(plan))
	}
	body := "\n## Failures\n"
	if older := len(failures) - maxHandoffFailures; older > 0 {
		body += fmt.Sprintf("(%d earlier failures left out)\n", older)
		failures = failures[older:]
	}
	for i, o := range failures {
		entry := failure(i+1, o, room/(len(failures)-i))
		room -= len([]rune(entry))
		body += entry
	}
	return head + plan + body + tail
}

// whoDidWhat names the planner where the plan is known. Whose hands wrote the
// code no gate says; whose ticket it was is known.
func whoDidWhat(a statestore.Attempt) string {
	planned := "The plan was not recorded here"
	if strings.TrimSpace(a.Plan) != "" {
		planned = "Planned by " + clip(orElse(a.Model, "the local model"), 100) + " (local)"
	}
	reviewed := ""
	if slices.ContainsFunc(a.Outcomes, func(o statestore.OutcomeRow) bool { return o.Gate == "review" }) {
		reviewed = "; reviewed by the cloud"
	}
	return planned + "; worked on as a local ticket" + reviewed + "."
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// left is what is left to try, by the gate that failed twice.
var left = map[string]string{
	"plan":      "The plan was refused twice: write a new one that meets what the failures say, then implement, lint, review and commit.",
	"implement": "Keep the plan where it holds. Mend the cause of the implement failures in the same change, then lint, review and commit.",
	"lint":      "Do not start over: keep the plan and what passed. Mend the cause of the lint failures in the same change, then lint, review and commit again.",
	"review":    "Do not start over: keep the plan and what passed. Mend what the review found in the same change, then lint, review and commit again.",
}

// failure is one failed gate with its evidence, fenced: it is data, and cannot
// end its fence.
func failure(n int, o statestore.OutcomeRow, room int) string {
	if strings.TrimSpace(o.Evidence) == "" {
		return fmt.Sprintf("%d. %s: no evidence was given\n", n, o.Gate)
	}
	evidence := strings.ReplaceAll(mask(o.Evidence), "```", "'''")
	frame := len(o.Gate) + 18
	return fmt.Sprintf("%d. %s:\n```\n%s\n```\n", n, o.Gate, cutLines(evidence, room-frame))
}

// cutStart joins what happened and keeps the latest that fits.
func cutStart(words []string, n int) string {
	text := strings.Join(words, ", ")
	for i := 1; len(text) > n; i++ {
		text = "... " + strings.Join(words[i:], ", ")
	}
	return text
}

// cutLines keeps the first lines within n characters and says what was left
// out. A first line that alone is too long is cut, and marked.
func cutLines(text string, n int) string {
	text = strings.TrimSpace(text)
	if len([]rune(text)) <= n {
		return text
	}
	lines := strings.Split(text, "\n")
	const note = 40 // room for the note itself
	var kept []string
	used := 0
	for _, l := range lines {
		if used += len([]rune(l)) + 1; used > n-note {
			break
		}
		kept = append(kept, l)
	}
	if len(kept) == 0 && n > 2*note {
		kept = append(kept, clip(lines[0], n-note))
	}
	return strings.Join(append(kept, fmt.Sprintf("[cut: %d of %d lines shown]", len(kept), len(lines))), "\n")
}

// secrets are compiled when first needed: the start must not wait for them.
var secrets = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)`),
		regexp.MustCompile(`\b(sk-[A-Za-z0-9_-]{8,}|[sr]k_(?:live|test)_[A-Za-z0-9]{8,}|hf_[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}|glpat-[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,})`),
		regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*`),
		regexp.MustCompile(`(?i)(authorization:\s*(?:bearer|basic)\s+)\S+`),
		regexp.MustCompile(`(?i)((?:password|passwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|secret[_-]?key|private[_-]?key)["']?\s*[:=]\s*["']?)[^\s"',;]{6,}`),
		regexp.MustCompile(`([a-z][a-z0-9+.-]*://[^\s:/@]+:)[^\s@/]+(@)`),
	}
})

// mask hides what looks like a secret, so that evidence can be handed on.
func mask(text string) string {
	for i, re := range secrets() {
		switch {
		case i < 3:
			text = re.ReplaceAllString(text, "[secret]")
		case i < 5:
			text = re.ReplaceAllString(text, "${1}[secret]")
		default:
			text = re.ReplaceAllString(text, "${1}[secret]${2}")
		}
	}
	return text
}
