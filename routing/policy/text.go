package policy

import (
	"fmt"
	"strings"
	"unicode"
)

// Shorten makes foreign text fit for a reason: ASCII, one line, at most n
// bytes.
func Shorten(text string, n int) string {
	if len(text) > 8*n { // what is cut need not be looked at
		text = text[:8*n]
	}
	text = strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.Join(strings.Fields(text), " "))
	if len(text) > n {
		return text[:n-3] + "..."
	}
	return text
}

// TwoDigits writes a share as ".41".
func TwoDigits(v float64) string {
	return strings.TrimPrefix(fmt.Sprintf("%.2f", v), "0")
}
