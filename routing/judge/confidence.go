package judge

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// MaxTop is the most alternatives to a token that a server gives.
const MaxTop = 20

// MaxTokens is the most tokens whose probabilities are kept: more than any reply
// that a confidence is wanted of.
const MaxTokens = 20_000

// Tokens is a count of tokens that a server states; 0 = none that can be true.
func Tokens(stated float64) int {
	const most = 100_000_000
	if !(stated >= 0 && stated <= most) {
		return 0
	}
	return int(stated)
}

// TokenProb is one generated token with its alternatives, as natural log
// probabilities before temperature and grammar.
type TokenProb struct {
	Token   string
	Logprob float64
	Top     []TokenProb
}

// confidence is the model's probability of the value it gave for an enum
// field: at each token where values still possible part, the probability of
// the token taken among those that continue such a value. Probabilities come
// from before the grammar, so illegal continuations are left out and the rest
// renormalised. nil where it is not known.
func (a Answer) confidence(field string, legal []string, probs []TokenProb) *float64 {
	value := gjson.GetBytes(a.Text, gjson.Escape(field))
	text := a.whole
	told := a.at >= 0 && len(probs) > 0 && value.Type == gjson.String && value.Index > 0
	if !told || len(legal) < 2 || !spells(probs, text) {
		return nil
	}
	// With its closing quote no value is the beginning of another.
	alive := make([]string, 0, len(legal))
	for _, v := range legal {
		alive = append(alive, v+`"`)
	}
	start := a.at + value.Index + 1 // after the opening quote
	sure, at := 1.0, 0
	for _, p := range probs {
		begin, end := at, at+len(p.Token)
		at = end
		if end <= start {
			continue
		}
		before := ""
		if begin > start {
			before = string(text[start:begin])
		}
		alive = startingWith(alive, before)
		lead := string(text[begin:max(begin, start)]) // what of the token lies before the value
		c, left := share(p, lead, before, alive)
		if c == nil || len(left) == 0 {
			return nil
		}
		sure *= *c
		if len(left) == 1 {
			return &sure
		}
		alive = left
	}
	return nil
}

// spells reports whether the tokens are the text: where a server dropped some,
// nothing follows from their places.
func spells(probs []TokenProb, text []byte) bool {
	at := 0
	for _, p := range probs {
		if !bytes.HasPrefix(text[at:], []byte(p.Token)) {
			return false
		}
		at += len(p.Token)
	}
	return at == len(text)
}

// share is the part of the probability that the chosen token has among the
// tokens that continue a value still possible; left are the values it leaves.
func share(p TokenProb, lead, before string, alive []string) (c *float64, left []string) {
	left = startingWith(alive, before+inValue(p.Token, lead))
	mine, all := 0.0, 0.0
	seen := map[string]bool{}
	for _, alt := range append([]TokenProb{p}, p.Top...) {
		if seen[alt.Token] || !strings.HasPrefix(alt.Token, lead) {
			continue
		}
		seen[alt.Token] = true
		next := before + inValue(alt.Token, lead)
		kept := startingWith(alive, next)
		if next == before || len(kept) == 0 {
			continue
		}
		mass := math.Exp(alt.Logprob)
		all += mass
		if subset(kept, left) {
			mine += mass
		}
	}
	v := mine / all
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, left
	}
	return &v, left
}

// inValue is the part of a token inside the value: without what lies before
// it, up to its closing quote.
func inValue(token, lead string) string {
	token = strings.TrimPrefix(token, lead)
	if i := strings.IndexByte(token, '"'); i >= 0 {
		token = token[:i+1]
	}
	return token
}

func startingWith(values []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !strings.HasPrefix(v, prefix) })
}

// subset reports whether every value of a is in b.
func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(v string) bool { return !slices.Contains(b, v) })
}

// enumOf returns the legal values of a top-level enum field.
func enumOf(schema json.RawMessage, field string) []string {
	var out []string
	gjson.GetBytes(bytes.TrimSpace(schema), "properties."+gjson.Escape(field)+".enum").ForEach(func(_, v gjson.Result) bool {
		out = append(out, v.Str)
		return true
	})
	return out
}

// Confidence is that of the field the model is least sure of, 0 to 1. Each is a
// top-level enum of schema. nil where one of them is not known, or none is
// asked about.
func (a Answer) Confidence(schema json.RawMessage, fields []string, probs []TokenProb) *float64 {
	var least *float64
	for _, field := range fields {
		c := a.confidence(field, enumOf(schema, field), probs)
		if c == nil {
			return nil
		}
		if least == nil || *c < *least {
			least = c
		}
	}
	return least
}
