package tools

import (
	"context"
	"errors"
	"fmt"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/statestore"
)

// Stable error codes. A model reads them, and so do programs.
const (
	codeArgument   = "E_ARGUMENT"         // an argument is unknown, missing or of the wrong type
	codeNotFound   = "E_TICKET_NOT_FOUND" // no such file
	codeInvalid    = "E_TICKET_INVALID"   // the file is no ticket that can be read
	codeTooLarge   = "E_TICKET_TOO_LARGE"
	codeOutside    = "E_PATH_OUTSIDE" // the path leaves the project root
	codeUnreadable = "E_TICKET_UNREADABLE"
	codeConflict   = "E_CONFLICT" // the event id was used for another outcome
	codeJournal    = "E_JOURNAL"  // nothing was recorded
	codeCanceled   = "E_CANCELED"
	codeTimeout    = "E_TIMEOUT"
	codeInternal   = "E_INTERNAL"
)

// maxErrorChars bounds an error's text: it is an instruction, not a report.
const maxErrorChars = 2000

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
	return plain.Clip(head, maxErrorChars-len([]rune(tail))) + tail
}

// Unwrap gives the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// inRow is the error in one row of a list: code, cause and next step within
// room bytes of JSON. The longer of the two is cut first; neither goes below a
// few words.
func (e *Error) inRow(room int) string {
	const least = 12
	cause, next := min(len([]rune(e.Cause)), room), min(len([]rune(e.Next)), room)
	for {
		text := e.Code + ": " + sentence(plain.Clip(e.Cause, cause)) + " " + plain.Clip(e.Next, next)
		switch {
		case len(inJSON(text)) <= room:
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

// storeError turns what the journal says into an instruction.
func storeError(err error) *Error {
	switch {
	case errors.Is(err, statestore.ErrConflict):
		return &Error{Code: codeConflict, Cause: err.Error() + "; nothing was changed",
			Next: "If this is a new run of the gate, send it under the event_id that is free.", Err: err}
	case errors.Is(err, context.Canceled):
		return &Error{Code: codeCanceled, Cause: "the call was canceled before the outcome was recorded",
			Next: "Send it again with the same event_id.", Retryable: true, Err: err}
	default:
		return &Error{Code: codeJournal, Cause: "nothing was recorded: " + err.Error(),
			Next:      "Run check_local_health, or `localmodel doctor` in a shell, fix what it names, then send the same call again.",
			Retryable: true, Err: err}
	}
}

func sentence(s string) string {
	if s == "" || s[len(s)-1] == '.' {
		return s
	}
	return s + "."
}
