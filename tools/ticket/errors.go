package ticket

import (
	"fmt"
	"strings"
)

// Error returns why a ticket cannot be read and what to do about it.
type Error struct {
	Line  int    // in the file, from 1; 0 = unknown
	Cause string // no full stop
	Next  string // a full sentence
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s. %s", e.Line, e.Cause, e.Next)
	}
	return e.Cause + ". " + e.Next
}

var errEmpty = &Error{Cause: "the ticket is empty",
	Next: "Write a title, what is to be done and the acceptance criteria."}

func errTooLarge(size, limit int) *Error {
	return &Error{Cause: fmt.Sprintf("the ticket has %d bytes, the limit is %d", size, limit),
		Next: "Split the ticket, or move attachments out of it."}
}

func errAlias(line int) *Error {
	return &Error{line, "YAML aliases (*name) and merge keys (<<) are not allowed in the front matter",
		"Write the value out, or put it in quotes if the * is meant literally."}
}

func errDepth(line int) *Error {
	return &Error{line, fmt.Sprintf("the front matter is nested too deeply, the limit is %d levels", maxDepth),
		"Flatten it to keys with text or lists of text."}
}

// advice maps what the YAML library says to what a person does next.
var advice = []struct{ problem, next string }{
	{"mapping values are not allowed",
		`Put the value in quotes if it contains a colon followed by a space; else check the indentation.`},
	{"cannot start any token", "Put the value in quotes: its first character is reserved in YAML."},
	{"alphabetic or numeric character",
		"Put the value in quotes: * and & at its start are reserved in YAML."},
	{"unexpected end of stream", "Close the quote that is opened on this line."},
	{"could not find expected ':'", `Write the line as "key: value".`},
	{"expected ',' or ']'", "Close the list with ] and separate its items with commas."},
	{"expected ',' or '}'", "Close the map with } and separate its entries with commas."},
	{"unknown escape", "Use single quotes, or double each backslash."},
	{"did not find expected key", "Put the whole value in quotes, or check the indentation."},
	{"<document start>", "Indent all keys alike."},
	{"control characters", "Remove the control character."},
}

func errYAML(line int, problem string) *Error {
	if strings.Contains(problem, "tab character") {
		return &Error{line, "the front matter is indented with a tab, which YAML does not allow",
			"Indent with spaces."}
	}
	next := "Put values with special characters in quotes, and indent with spaces."
	for _, a := range advice {
		if strings.Contains(problem, a.problem) {
			next = a.next
			break
		}
	}
	return &Error{line, "invalid YAML front matter (" + clip(problem, 120) + ")", next}
}

func errJSON(problem string) *Error {
	return &Error{Cause: "the file of tasks " + problem, Next: "Let the tool that wrote it write it again."}
}
