package projection

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// insert adds a member to the object at a path ("" = the root) that has none of
// that key, written as the file writes its own. sjson would put all of them on
// one line.
func insert(doc []byte, path, key, value string) []byte {
	start, raw := object(doc, path)
	s := styleOf(doc, path)
	member := `"` + key + `"` + s.colon + value
	body := strings.TrimRight(raw[:len(raw)-1], " \t\r\n")
	at, text := start+len(body), ","+s.before+member
	switch {
	case body == "{":
		text = s.before + member + s.after
		doc = bytes.Join([][]byte{doc[:at], doc[start+len(raw)-1:]}, nil) // what was between the braces
	case !s.lines && s.colon == ": ":
		text = ", " + member
	case !s.lines:
		text = "," + member
	}
	return bytes.Join([][]byte{doc[:at], []byte(text), doc[at:]}, nil)
}

// style is how the members of an object are written.
type style struct {
	lines         bool   // one a line
	before, after string // what is before each member, and after the last
	colon         string
}

func styleOf(doc []byte, path string) style {
	_, root := object(doc, "")
	first := before(root)
	s := style{colon: ":"}
	if strings.Contains(root, `": `) || strings.Contains(first, "\n") {
		s.colon = ": "
	}
	unit := first[strings.LastIndexByte(first, '\n')+1:] // of one level
	var descend func(path string) string
	descend = func(path string) string {
		_, raw := object(doc, path)
		if own := before(raw); own != "" || path == "" || strings.TrimSpace(raw[1:len(raw)-1]) != "" {
			return own
		}
		parent, _ := split(path) // an empty object is written as its parent is
		if above := descend(parent); strings.Contains(above, "\n") {
			return above + unit
		}
		return ""
	}
	s.before = descend(path)
	if s.lines = strings.Contains(s.before, "\n"); s.lines {
		s.after = strings.TrimSuffix(s.before, unit)
	} else {
		s.before = ""
	}
	return s
}

// before is the white space before an object's first member, if it has one.
func before(raw string) string {
	inner := raw[1 : len(raw)-1]
	rest := strings.TrimLeft(inner, " \t\r\n")
	if rest == "" {
		return ""
	}
	return inner[:len(inner)-len(rest)]
}

// object finds an object's bytes.
func object(doc []byte, path string) (start int, raw string) {
	if path != "" {
		v := gjson.GetBytes(doc, path)
		return v.Index, v.Raw
	}
	start = bytes.IndexByte(doc, '{')
	return start, strings.TrimRight(string(doc[start:]), " \t\r\n")
}

// split cuts a path before its last key.
func split(path string) (parent, key string) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(i, 0)], path[i+1:]
}
