package secrets

import (
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// escape is a terminal's control sequence: CSI, OSC and its kin, and short ones.
var escape = lazy.Regexp("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]" +
	"|(?:\x1b[]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\x07\x1b\u009c\n]*(?:\x07|\x1b\\\\|\u009c)?" +
	"|\x1b[ -/]*[0-~]?")

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Visible returns text without escape sequences, control characters but for
// newline and tab, bidirectional controls and invisible characters.
func Visible(text string) string {
	if strings.ContainsAny(text, "\x1b\u009b\u009d\u0090\u0098\u009e\u009f") {
		text = escape().ReplaceAllString(text, "")
	}
	text = newlines.Replace(text)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
		case plain.Hidden(r), r == '\u200c', r == '\u200d', r >= '\ufe00' && r <= '\ufe0f':
			return -1 // joiners and variants have no width either
		}
		return r
	}, text)
}
