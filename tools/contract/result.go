package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
)

// Encode writes compact JSON without HTML escapes: a model pays for each one.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// InJSON is a value as it stands in a result, a string without its quotes.
func InJSON(v any) string {
	text, _ := Encode(v) // rows and strings always encode
	return strings.TrimSuffix(strings.TrimPrefix(string(text), `"`), `"`)
}

// Join puts the texts that are not empty after one another.
func Join(parts ...string) string {
	parts = slices.DeleteFunc(slices.Clone(parts), func(s string) bool { return s == "" })
	return strings.Join(parts, "; ")
}

// Warnings are what a result says beside its answer.
type Warnings []string

// Add adds texts that are new and not empty, and keeps the list short.
func (w *Warnings) Add(texts ...string) {
	const most = 8
	for _, text := range texts {
		if text != "" && len(*w) < most && !slices.Contains(*w, text) {
			*w = append(*w, plain.Clip(text, 300))
		}
	}
}

// AddFirst puts texts before the others: a list that is too long is cut at its
// end.
func (w *Warnings) AddFirst(texts ...string) {
	rest := *w
	*w = nil
	w.Add(texts...)
	w.Add(rest...)
}

// Fit shortens the list until the result that holds it has at most limit
// characters: the longest text first, down to a line, then those at the end.
func (w *Warnings) Fit(limit int, result any) {
	const line = 60
	for len(*w) > 0 {
		text, err := Encode(result)
		over := utf8.RuneCount(text) - limit
		if err != nil || over <= 0 {
			return
		}
		list, longest := *w, 0
		for i := range list {
			if len(list[i]) > len(list[longest]) {
				longest = i
			}
		}
		if n := utf8.RuneCountInString(list[longest]); n > line {
			list[longest] = plain.Clip(list[longest], max(line, n-over))
		} else {
			*w = list[:len(list)-1]
		}
	}
}
