package routing

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"github.com/tidwall/gjson"
)

// tokenProb is one generated token with its alternatives, as natural log
// probabilities before temperature and grammar.
type tokenProb struct {
	token   string
	logprob float64
	top     []tokenProb
}

// confidence is the model's probability of the value it gave for an enum
// field: at the first token where the legal values part, the probability of the
// token taken among those that continue a legal value. Probabilities come from
// before the grammar, so illegal continuations are left out and the rest
// renormalised. nil where it cannot be told.
func confidence(text []byte, field string, legal []string, probs []tokenProb) *float64 {
	value := gjson.GetBytes(text, field)
	if len(probs) == 0 || len(legal) < 2 || value.Type != gjson.String || value.Index == 0 {
		return nil
	}
	start := value.Index + 1 // after the opening quote
	at := 0
	for i, p := range probs {
		begin, end := at, at+len(p.token)
		at = end
		if end <= start {
			continue
		}
		before := ""
		if begin > start {
			before = string(text[start:begin])
		}
		lead := string(text[begin:max(begin, start)]) // what of the token lies before the value
		alive := startingWith(legal, before)
		if len(alive) < 2 {
			return nil
		}
		c, parted := share(probs[i], lead, before, alive)
		if parted {
			return c
		}
	}
	return nil
}

// share is the part of the probability that the chosen token has among the
// tokens that continue a value still possible. parted is false while every such
// token continues all of them alike.
func share(p tokenProb, lead, before string, alive []string) (c *float64, parted bool) {
	chosen := startingWith(alive, before+trimValue(p.token, lead))
	if len(chosen) == len(alive) {
		return nil, false
	}
	mine, all := 0.0, 0.0
	seen := map[string]bool{}
	for _, alt := range append([]tokenProb{p}, p.top...) {
		if seen[alt.token] || !strings.HasPrefix(alt.token, lead) {
			continue
		}
		seen[alt.token] = true
		next := before + trimValue(alt.token, lead)
		kept := startingWith(alive, next)
		if next == before || len(kept) == 0 {
			continue
		}
		mass := math.Exp(alt.logprob)
		all += mass
		if sameValues(kept, chosen) || subset(kept, chosen) {
			mine += mass
		}
	}
	if all == 0 || math.IsNaN(all) || math.IsInf(all, 0) {
		return nil, true
	}
	v := mine / all
	return &v, true
}

// trimValue is the part of a token inside the value: without what lies before
// it and from its closing quote on.
func trimValue(token, lead string) string {
	token = strings.TrimPrefix(token, lead)
	if i := strings.IndexByte(token, '"'); i >= 0 {
		token = token[:i]
	}
	return token
}

func startingWith(values []string, prefix string) []string {
	var out []string
	for _, v := range values {
		if strings.HasPrefix(v, prefix) {
			out = append(out, v)
		}
	}
	return out
}

func sameValues(a, b []string) bool {
	return strings.Join(a, "\x00") == strings.Join(b, "\x00")
}

// subset says whether every value of a is in b.
func subset(a, b []string) bool {
	in := map[string]bool{}
	for _, v := range b {
		in[v] = true
	}
	for _, v := range a {
		if !in[v] {
			return false
		}
	}
	return true
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
