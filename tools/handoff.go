package tools

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/fjbelchi/localmodel/statestore"
)

// maxHandoffChars bounds the hand-off, which is pasted into another model's
// prompt.
const maxHandoffChars = 4000

// handoff is what the senior gets: the junior's plan, each failure with its
// evidence, who did what, and what is left to do. Markdown, under
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
	model := a.Model
	if model == "" {
		model = "the local model"
	}
	head := fmt.Sprintf("# %s: escalated at %s\nPlanned by %s; review ran in the cloud. Gates so far: %s.\n",
		clip(a.TicketID, 100), gate, clip(model, 100), clip(strings.Join(done, ", "), 500))
	tail := fmt.Sprintf("\n## What is left\nMend the cause of the %s failures above in the same change, then run lint, review and commit again. "+
		"Do not start over: keep what passed.\n", gate)
	plan := ""
	room := maxHandoffChars - len([]rune(head)) - len([]rune(tail)) - 100
	if a.Plan != "" {
		plan = "\n## The plan\n" + cutLines(mask(a.Plan), room/2) + "\n"
		room -= len([]rune(plan))
	}
	var b strings.Builder
	b.WriteString(head + plan + "\n## Failures\n")
	for i, o := range failures {
		share := room/(len(failures)-i) - len(o.Gate) - 20
		evidence := "no evidence was given"
		if strings.TrimSpace(o.Evidence) != "" {
			evidence = cutLines(mask(o.Evidence), max(share, 0))
		}
		entry := fmt.Sprintf("%d. %s:\n%s\n", i+1, o.Gate, evidence)
		if room -= len([]rune(entry)); room < 0 {
			fmt.Fprintf(&b, "(%d more failures)\n", len(failures)-i)
			break
		}
		b.WriteString(entry)
	}
	b.WriteString(tail)
	return b.String()
}

// cutLines keeps the first lines within n characters and says what was left
// out.
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
	if len(kept) == 0 && n > note {
		kept = append(kept, string([]rune(lines[0])[:min(n-note, len([]rune(lines[0])))]))
	}
	return strings.Join(append(kept, fmt.Sprintf("[cut: %d of %d lines shown]", len(kept), len(lines))), "\n")
}

var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)`),
	regexp.MustCompile(`\b(sk-[A-Za-z0-9_-]{8,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}|glpat-[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,})`),
	regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*`),
	regexp.MustCompile(`(?i)(authorization:\s*(?:bearer|basic)\s+)\S+`),
	regexp.MustCompile(`(?i)((?:password|passwd|secret|token|api[_-]?key|access[_-]?key)["']?\s*[:=]\s*["']?)[^\s"',;]{6,}`),
	regexp.MustCompile(`([a-z][a-z0-9+.-]*://[^\s:/@]+:)[^\s@/]+(@)`),
}

// mask hides what looks like a secret, so that evidence can be handed on.
func mask(text string) string {
	for i, re := range secrets {
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
