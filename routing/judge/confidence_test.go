package judge

import (
	"encoding/json"
	"math"
	"testing"
)

// tok is a token with probabilities of the alternatives, itself included.
func tok(text string, p float64, others ...any) TokenProb {
	t := TokenProb{Token: text, Logprob: math.Log(p), Top: []TokenProb{{Token: text, Logprob: math.Log(p)}}}
	for i := 0; i < len(others); i += 2 {
		t.Top = append(t.Top, TokenProb{Token: others[i].(string), Logprob: math.Log(others[i+1].(float64))})
	}
	return t
}

func TestConfidence(t *testing.T) {
	levels := []string{"low", "medium", "high"}
	for name, c := range map[string]struct {
		legal []string
		probs []TokenProb
		want  float64 // -1 = not known
	}{
		"one token a value, illegal ones left out": {levels,
			[]TokenProb{tok(`{"f":"`, 1), tok("low", 0.3, "high", 0.1, "banana", 0.6), tok(`"}`, 1)}, 0.75},
		"values of several tokens part at the first": {levels,
			[]TokenProb{tok(`{"f":"`, 1), tok("m", 0.2, "l", 0.1, "h", 0.1), tok("edium", 0.01), tok(`"}`, 1)}, 0.5},
		"a token spans the opening quote": {levels,
			[]TokenProb{tok(`{"f":`, 1), tok(`"low`, 0.6, `"high`, 0.2, ` "`, 0.2), tok(`"}`, 1)}, 0.75},
		"a token spans the closing quote": {levels,
			[]TokenProb{tok(`{"f":"`, 1), tok(`low"}`, 0.6, `high"`, 0.2, `high"}`, 0.2)}, 0.6},
		"the quote alone, then the value": {levels,
			[]TokenProb{tok(`{"f"`, 1), tok(` : `, 1), tok(`"`, 0.5, `"low`, 0.5), tok("high", 0.9, "low", 0.1), tok(`" }`, 1)}, 0.9},
		"white space before the value": {levels,
			[]TokenProb{tok("{\n  \"f\":", 1), tok(" ", 1), tok("\n\t", 1), tok(`"low`, 0.4, `"medium`, 0.4), tok(`"}`, 1)}, 0.5},
		"one value begins another": {[]string{"FE", "FEAT"},
			[]TokenProb{tok(`{"f":"`, 1), tok("FE", 1), tok(`"`, 0.25, "AT", 0.75), tok("}", 1)}, 0.25},
		"values part twice": {[]string{"BUG", "TASK", "TEST"},
			[]TokenProb{tok(`{"f":"`, 1), tok("T", 0.5, "B", 0.5), tok("EST", 0.8, "ASK", 0.2), tok(`"}`, 1)}, 0.4},
		"nothing to choose from":    {[]string{"low"}, []TokenProb{tok(`{"f":"low"}`, 1)}, -1},
		"no probabilities":          {levels, nil, -1},
		"tokens are not the text":   {levels, []TokenProb{tok(`{"f":"`, 1), tok("low", 0.3, "high", 0.1)}, -1},
		"probability of nothing":    {levels, []TokenProb{tok(`{"f":"`, 1), tok("low", 0), tok(`"}`, 1)}, -1},
		"another field is the same": {levels, []TokenProb{tok(`{"a":"low","f":"`, 1), tok("high", 0.9, "low", 0.1), tok(`"}`, 1)}, 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			text := ""
			for _, p := range c.probs {
				text += p.Token
			}
			if name == "tokens are not the text" {
				text += `"}`
			}
			if text == "" {
				text = `{"f":"low"}`
			}
			if !json.Valid([]byte(text)) {
				t.Fatalf("the case is wrong: %s", text)
			}
			got := Answer{Text: []byte(text), whole: []byte(text)}.confidence("f", c.legal, c.probs)
			switch {
			case got == nil && c.want == -1:
			case got == nil || math.Abs(*got-c.want) > 1e-9:
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// The field that is least sure counts; one that is not known says nothing of
// all.
func TestLeastSureFieldCounts(t *testing.T) {
	schema := json.RawMessage(`{"type":"object","properties":{"a":{"type":"string","enum":["x","y"]},"b":{"type":"string","enum":["x","y"]},"c":{"type":"string"}}}`)
	answer := Unwrap([]byte(`{"a":"x","b":"y"}`), nil, true)
	probs := []TokenProb{
		tok(`{"a":"`, 1), tok("x", 0.9, "y", 0.1), tok(`","b":"`, 1), tok("y", 0.6, "x", 0.4), tok(`"}`, 1)}
	got := answer.Confidence(schema, []string{"a", "b"}, probs)
	if got == nil || math.Abs(*got-0.6) > 1e-9 {
		t.Errorf("got %v", got)
	}
	if got := answer.Confidence(schema, []string{"a", "c"}, probs); got != nil {
		t.Errorf("got %v", *got)
	}
	if got := answer.Confidence(schema, nil, probs); got != nil {
		t.Errorf("nothing asked: %v", *got)
	}
}
