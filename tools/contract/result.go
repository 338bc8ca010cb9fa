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

// FitWarnings shortens the list until the result it belongs to fits: the
// longest text first, down to a line, then those at the end.
func FitWarnings(list []string, limit int, result func([]string) any) []string {
	const line = 60
	list = slices.Clone(list)
	for len(list) > 0 {
		text, err := Encode(result(list))
		over := utf8.RuneCount(text) - limit
		if err != nil || over <= 0 {
			return list
		}
		longest := 0
		for i, w := range list {
			if len(w) > len(list[longest]) {
				longest = i
			}
		}
		if n := utf8.RuneCountInString(list[longest]); n > line {
			list[longest] = plain.Clip(list[longest], max(line, n-over))
		} else {
			list = list[:len(list)-1]
		}
	}
	return nil
}

// AddWarning adds a text once, and keeps the list short.
func AddWarning(list []string, text string) []string {
	const most = 8
	if text == "" || len(list) >= most || slices.Contains(list, text) {
		return list
	}
	return append(list, plain.Clip(text, 300))
}

// WarnFirst puts what was withheld before other warnings: a list that is too
// long is cut at its end.
func WarnFirst(list, first []string) []string {
	var out []string
	for _, text := range append(slices.Clone(first), list...) {
		out = AddWarning(out, text)
	}
	return out
}
