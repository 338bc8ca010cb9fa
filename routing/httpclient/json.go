package httpclient

import (
	"github.com/tidwall/gjson"
)

// maxDepth bounds the nesting of what a server sends: JSON libraries recurse.
const maxDepth = 64

// ValidJSON reports whether a server's data is JSON that a JSON library may
// see: its nesting is checked first, by a scan that does not recurse.
func ValidJSON(data []byte) bool { return shallow(data) && gjson.ValidBytes(data) }

// shallow reports whether no value is nested deeper than maxDepth.
func shallow(data []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}
