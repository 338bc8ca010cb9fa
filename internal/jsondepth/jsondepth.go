// Package jsondepth bounds the nesting of JSON before a JSON library sees it.
// Libraries that recurse end the process with a stack overflow on a few
// megabytes of "[", which no recover catches. The scan here does not recurse
// and allocates nothing.
package jsondepth

import "errors"

// Max is the deepest nesting that JSON from outside may have: `[]` has 1 level.
const Max = 64

// ErrTooDeep says that JSON is nested more deeply than Max.
var ErrTooDeep = errors.New("nested more than 64 levels deep")

// Check returns ErrTooDeep where data is nested more deeply than Max. It says
// nothing on whether data is valid: what is no JSON has the depth that its
// brackets outside of strings give it.
func Check(data []byte) error {
	depth, inString, escaped := 0, false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '[' || c == '{':
			depth++
			if depth > Max {
				return ErrTooDeep
			}
		case (c == ']' || c == '}') && depth > 0:
			depth--
		}
	}
	return nil
}

// Values counts the values in JSON, within 1: what a library makes of each takes more
// memory than its text, which for an empty one is three bytes.
func Values(data []byte) int {
	n, inString, escaped := 0, false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '[' || c == '{' || c == ',':
			n++
		}
	}
	return n
}
