package judge

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// Shapes that real servers sent around an answer, with the model or server that
// did.
func TestUnwrap_RealReplyShapes(t *testing.T) {
	const answer = `{"complexity":"low"}`
	for _, c := range []struct {
		name, text, thinking, want string
	}{
		{"bare", answer, "", answer},
		{"loose whitespace, Ollama's grammar", " \n" + answer + "\n\n", "", answer},
		{"byte order mark", "\ufeff" + answer, "", answer},
		{"fence, Claude Haiku", "```json\n" + answer + "\n```", "", answer},
		{"fence without a language, DeepSeek", "```\n" + answer + "\n```\n", "", answer},
		{"fence with CRLF", "```json\r\n" + answer + "\r\n```\r\n", "", answer},
		{"fence of tildes", "~~~json\n" + answer + "\n~~~", "", answer},
		{"fence in prose, Mistral", "Here is the JSON you asked for:\n\n```json\n" + answer + "\n```\nLet me know.", "", answer},
		{"fence left open", "```json\n" + answer, "", answer},
		{"fence inside a string", `{"complexity":"low","why":"a\n` + "```" + `\nb"}`, "", `{"complexity":"low","why":"a\n` + "```" + `\nb"}`},
		{"think, Qwen3 and DeepSeek R1", "<think>\nOne file, so low.\n</think>\n\n" + answer, "", answer},
		{"empty think", "<think>\n\n</think>\n" + answer, "", answer},
		{"think with a draft in it", "<think>maybe " + `{"complexity":"high"}` + "?</think>" + answer, "", answer},
		{"closing tag alone: the template opened it", "One file, so low.\n</think>\n\n" + answer, "", answer},
		{"think, then a fence", "<think>x</think>\n```json\n" + answer + "\n```", "", answer},
		{"thinking field, Ollama with think", "", answer, answer},
		{"thinking field with prose and a fence", "", "So:\n```json\n" + answer + "\n```", answer},
		{"content that is no JSON, the right one in thinking", "low", answer, answer},
		{"harmony, gpt-oss", "<|channel|>analysis<|message|>Low.<|end|><|start|>assistant<|channel|>final<|message|>" + answer + "<|return|>", "", answer},
		{"harmony with constrain", "<|channel|>analysis<|message|>Low.<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>" + answer, "", answer},
		{"harmony without its special tokens", "analysisOne file, so low.assistantfinal" + answer, "", answer},
		// What stays, for the judgement to name.
		{"two fences", "```json\n{}\n```\nor\n```json\n" + answer + "\n```", "", "```json\n{}\n```\nor\n```json\n" + answer + "\n```"},
		{"prose", "The complexity is low.", "", "The complexity is low."},
		{"cut", `{"complexity":"l`, "", `{"complexity":"l`},
		{"two values", answer + "\n" + answer, "", answer + "\n" + answer},
		{"deep", strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "", strings.Repeat("[", 1000) + strings.Repeat("]", 1000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Unwrap([]byte(c.text), []byte(c.thinking), true).Text; string(got) != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A free text loses reasoning in whole tags alone: half a tag may be its
// subject.
func TestUnwrap_FreeText(t *testing.T) {
	for text, want := range map[string]string{
		"<think>hm</think>\nYes.":                   "\nYes.",
		"Reasoning ends with </think> in a reply.":  "Reasoning ends with </think> in a reply.",
		"```go\nx := 1\n```":                        "```go\nx := 1\n```",
		"<think>only this":                          "<think>only this",
		"analysis of the assistantfinal separator.": "analysis of the assistantfinal separator.",
		"<|channel|>final<|message|>Yes.<|return|>": "Yes.",
	} {
		if got := Unwrap([]byte(text), []byte("thoughts"), false).Text; string(got) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The probabilities are those of the answer, not of a draft in the reasoning.
func TestUnwrap_ConfidenceIsOfTheAnswer(t *testing.T) {
	schema := json.RawMessage(`{"type":"object","properties":{"a":{"type":"string","enum":["x","y"]}}}`)
	answer := Unwrap([]byte("<think>{\"a\":\"x\"}</think>\n```json\n{\"a\":\"x\"}\n```"), nil, true)
	got := answer.Confidence(schema, []string{"a"}, []TokenProb{
		tok("<think>{\"a\":\"", 1), tok("x", 0.2, "y", 0.8), tok("\"}</think>\n```json\n{\"a\":\"", 1),
		tok("x", 0.9, "y", 0.1), tok("\"}\n```", 1),
	})
	if got == nil || math.Abs(*got-0.9) > 1e-9 {
		t.Errorf("got %v of %q", got, answer.Text)
	}
}
