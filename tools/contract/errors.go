// Package contract is what a model and the tools agree on: arguments that fit a
// schema, errors that are instructions, results that keep to their size.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/plain"
)

// Stable error codes. A model reads them, and so do programs.
const (
	CodeArgument   = "E_ARGUMENT"         // an argument is unknown, missing or of the wrong type
	CodeNotFound   = "E_TICKET_NOT_FOUND" // no such file
	CodeInvalid    = "E_TICKET_INVALID"   // the file is no ticket that can be read
	CodeTooLarge   = "E_TICKET_TOO_LARGE"
	CodeOutside    = "E_PATH_OUTSIDE" // the path leaves the project root
	CodeUnreadable = "E_TICKET_UNREADABLE"
	CodeConflict   = "E_CONFLICT" // the event id was used for another outcome
	CodeJournal    = "E_JOURNAL"  // nothing was recorded
	CodeCanceled   = "E_CANCELED"
	CodeTimeout    = "E_TIMEOUT"
	CodeInternal   = "E_INTERNAL"
)

// MaxErrorChars bounds an error's text: it is an instruction, not a report.
const MaxErrorChars = 2000

// Error is a failure reported to a model: a stable code, the cause, the next step,
// and whether the same call may succeed later.
type Error struct {
	Code, Cause, Next string
	Retryable         bool
	Err               error // what happened underneath, for the log; may be nil
}

func (e *Error) Error() string {
	retry := "no"
	if e.Retryable {
		retry = "yes"
	}
	tail := fmt.Sprintf(" Next step: %s retryable: %s", sentence(e.Next), retry)
	head := e.Code + ": " + sentence(e.Cause)
	return plain.Clip(head, MaxErrorChars-len([]rune(tail))) + tail
}

// Unwrap gives the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// InRow is the error in one row of a list: code, cause and next step within
// room bytes of JSON. What does not fit loses first a detail in parentheses at
// the end of the cause; then the longer of the two is cut, neither below a few
// words.
func (e *Error) InRow(room int) string {
	const least = 12
	why := e.Cause
	if detail := strings.LastIndex(why, " ("); detail > 0 && strings.HasSuffix(why, ")") &&
		len(InJSON(e.Code+": "+sentence(why)+" "+e.Next)) > room {
		why = why[:detail]
	}
	cause, next := min(len([]rune(why)), room), min(len([]rune(e.Next)), room)
	for {
		text := e.Code + ": " + sentence(plain.Clip(why, cause)) + " " + plain.Clip(e.Next, next)
		switch {
		case len(InJSON(text)) <= room:
			return text
		case cause >= next && cause > least:
			cause--
		case next > least:
			next--
		default:
			return plain.Clip(text, max(room, least)) // characters that JSON escapes
		}
	}
}

func sentence(s string) string {
	if s == "" || s[len(s)-1] == '.' {
		return s
	}
	return s + "."
}

// PanicError is a panic that Safely caught.
type PanicError struct {
	Value any
	Stack []byte // where
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Safely calls f and turns a panic into an error: a bug costs one answer, not
// the session. Every goroutine that a handler starts needs its own.
func Safely[T any](f func() (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
	}()
	return f()
}

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

// InJSON is a value as it is written in a result, a string without its quotes.
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
