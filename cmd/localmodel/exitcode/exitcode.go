// Package exitcode is how a command ends the process with a code of its own: 2
// where the command line or the configuration is wrong, 130 where the user
// interrupted it, else what its help says.
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
