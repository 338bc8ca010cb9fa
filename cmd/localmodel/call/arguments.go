package call

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

// maxBytes bounds what is read from a file or a pipe of the user's.
const maxBytes = 64 << 20

// errQuotes says that a shell took JSON apart, as cmd and older PowerShells do.
var errQuotes = errors.New("the shell took the quotes out of the JSON. Write it into a file and name that, " +
	`as "@args.json", or pipe it in and give -`)

// readArguments returns a tool's arguments: the text itself, that of @file, or
// with - what comes in.
func readArguments(in io.Reader, args []string) (json.RawMessage, error) {
	if len(args) == 0 {
		return nil, nil
	}
	data := []byte(args[0])
	var err error
	switch {
	case args[0] == "-":
		data, err = io.ReadAll(io.LimitReader(in, maxBytes))
	case strings.HasPrefix(args[0], "@"):
		data, err = rootfs.ReadArgument(args[0][1:], maxBytes)
	case unquoted(args):
		return nil, errQuotes
	}
	if err != nil {
		return nil, err
	}
	data = utf8Text(data)
	if jsondepth.Check(data) != nil || !json.Valid(data) {
		return nil, errors.New("the arguments are not valid JSON")
	}
	return data, nil
}

// unquoted reports whether a shell has taken quotes or split the text at its
// spaces: what begins as an object is none.
func unquoted(args []string) bool {
	text := strings.TrimLeft(args[0], "'")
	return strings.HasPrefix(text, "{") && !json.Valid([]byte(args[0])) &&
		(len(args) > 1 || args[0] != text || !strings.ContainsAny(text, "\"'") && len(text) > len("{}"))
}

// utf8Text is a text without its byte order mark, in UTF-8: what PowerShell's >
// writes is UTF-16.
func utf8Text(data []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return data
	}
	units := make([]uint16, len(data)/2-1)
	_, _ = binary.Decode(data[2:], order, units) // it has as many bytes
	return []byte(string(utf16.Decode(units)))
}
