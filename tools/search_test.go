package tools

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// Claude Code shows a model the names of MCP tools alone and lets it search for
// the rest. The search is literal. This is its score as observed in version
// 2.1.330: for each word of a query, how it meets the parts of the tool's full
// name, the search hint and the description.
func searchScore(t Tool, query string) int {
	d := t.Declaration
	full := "mcp__localmodel__" + d.Name
	parts := strings.FieldsFunc(strings.ToLower(full), func(r rune) bool { return r == '_' || r == '.' || r == ' ' })
	hint, _ := d.Meta.AdditionalFields["anthropic/searchHint"].(string)
	score := 0
	for _, word := range strings.Fields(strings.ToLower(query)) {
		score += bestPart(parts, word)
		for _, whole := range []string{"localmodel", d.Name} {
			switch {
			case whole == word:
				score += 12
			case strings.Contains(whole, word):
				score += 4
			}
		}
		if wholeWord(hint, word) {
			score += 4
		}
		if wholeWord(d.Description, word) {
			score += 2
		}
	}
	return score
}

func bestPart(parts []string, word string) int {
	best := 0
	for _, p := range parts {
		switch {
		case p == word:
			return 12
		case strings.Contains(p, word):
			best = 6
		}
	}
	return best
}

func wholeWord(text, word string) bool {
	return regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(word) + `\b`).MatchString(text)
}

func TestToolSearchFindsTheRightTool(t *testing.T) {
	all := All(&Deps{})
	for query, want := range map[string]string{
		"classify":                          "classify_ticket",
		"classify tickets":                  "classify_ticket",
		"bug ticket classify":               "classify_ticket",
		"issue triage label severity":       "classify_ticket",
		"triage":                            "classify_ticket",
		"triage backlog":                    "classify_ticket",
		"category complexity":               "classify_ticket",
		"route bug":                         "classify_ticket",
		"simple complex issue":              "classify_ticket",
		"label issues":                      "classify_ticket",
		"prioritize tasks":                  "classify_ticket",
		"which tickets can be done locally": "classify_ticket",
		"plan":                              "plan_ticket",
		"plan ticket":                       "plan_ticket",
		"implementation plan":               "plan_ticket",
		"planning feature":                  "plan_ticket",
		"write implementation steps":        "plan_ticket",
		"how to implement this ticket":      "plan_ticket",
		"health":                            "check_local_health",
		"local model health":                "check_local_health",
		"ollama":                            "check_local_health",
		"ollama status":                     "check_local_health",
		"is ollama running":                 "check_local_health",
		"check proxy":                       "check_local_health",
		"litellm available":                 "check_local_health",
		"doctor diagnose":                   "check_local_health",
		"preload model":                     "check_local_health",
		"local model statistics":            "check_local_health",
		"record test result outcome":        "record_gate_outcome",
		"quality gate":                      "record_gate_outcome",
		"gate failed":                       "record_gate_outcome",
		"lint failed":                       "record_gate_outcome",
		"review passed":                     "record_gate_outcome",
		"report test failure":               "record_gate_outcome",
		"escalate":                          "record_gate_outcome",
		"escalate to sonnet":                "record_gate_outcome",
		"commit done":                       "record_gate_outcome",
		"track outcome":                     "record_gate_outcome",
		"test":                              "record_gate_outcome",
		"fail":                              "record_gate_outcome",
	} {
		best, runnerUp, name := -1, -1, ""
		for _, tool := range all {
			switch s := searchScore(tool, query); {
			case s > best:
				best, runnerUp, name = s, best, tool.Declaration.Name
			case s > runnerUp:
				runnerUp = s
			}
		}
		if name != want || best == 0 || best == runnerUp {
			t.Errorf("%q finds %s with %d points (the next has %d), want %s", query, name, best, runnerUp, want)
		}
	}
}

// What a model reads about the server: short enough that no client cuts it.
func TestTextsFitTheirLimits(t *testing.T) {
	if n := utf8.RuneCountInString(instructions()); n >= 1000 {
		t.Errorf("instructions have %d characters, fewer than 1000 are wanted", n)
	}
	const envelope = 200 // bytes of the reply around the tools, in either era
	list := envelope
	for _, tool := range All(&Deps{}) {
		if n := utf8.RuneCountInString(tool.Declaration.Description); n < 200 || n >= 900 {
			t.Errorf("%s: the description has %d characters, 200 to 899 are wanted", tool.Declaration.Name, n)
		}
		text, err := json.Marshal(tool.Declaration)
		if err != nil {
			t.Fatal(err)
		}
		list += len(text) + 1
		if !strings.Contains(instructions(), tool.Declaration.Name) {
			t.Errorf("the instructions do not name %s", tool.Declaration.Name)
		}
	}
	if list >= 6000 {
		t.Errorf("tools/list has about %d bytes, fewer than 6000 are wanted", list)
	}
}
