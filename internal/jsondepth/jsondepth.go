// Package jsondepth bounds the nesting of JSON before a JSON library sees it.
// Libraries that recurse end the process with a stack overflow on a few
// megabytes of "[", which no recover catches. The scan here does not recurse
// and allocates nothing.
package jsondepth

import "errors"

// Max is the deepest nesting that any JSON from outside may have, in levels:
// `[]` has 1, `[{}]` has 2.
const Max = 64

// ErrTooDeep says that JSON is nested more deeply than Max.
var ErrTooDeep = errors.New("nested more than 64 levels deep")

// Check returns ErrTooDeep where data is nested more deeply than Max. It says
// nothing on whether data is valid: what is no JSON has the depth that its
// brackets outside of strings give it.
func Check(data []byte) error {
	var s Scanner
	return s.Scan(data)
}

// Scanner checks a stream that comes in pieces. The zero value is ready.
type Scanner struct {
	depth     int
	inString  bool
	escaped   bool
	exhausted bool
}

// Scan takes the next piece. Once it returned ErrTooDeep, it always does.
func (s *Scanner) Scan(piece []byte) error {
	if s.exhausted {
		return ErrTooDeep
	}
	for _, c := range piece {
		switch {
		case s.escaped:
			s.escaped = false
		case s.inString:
			s.escaped = c == '\\'
			s.inString = c != '"'
		case c == '"':
			s.inString = true
		case c == '[' || c == '{':
			s.depth++
			if s.depth > Max {
				s.exhausted = true
				return ErrTooDeep
			}
		case (c == ']' || c == '}') && s.depth > 0:
			s.depth--
		}
	}
	return nil
}
