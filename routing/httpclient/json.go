package httpclient

import (
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
)

// ValidJSON reports whether a server's data is JSON that a JSON library may
// see: its nesting is checked first, by a scan that does not recurse.
func ValidJSON(data []byte) bool { return jsondepth.Check(data) == nil && gjson.ValidBytes(data) }
