// Package exitcode is how a command ends the process with a code of its own.
package exitcode

// Error ends the process with Code; Text, if any, goes to stderr.
type Error struct {
	Code int
	Text string
}

// Error returns the text.
func (e Error) Error() string { return e.Text }

// New returns an Error.
func New(code int, text string) error { return Error{Code: code, Text: text} }
