package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Variable is one variable of the server's environment.
type Variable struct{ Name, Value string }

// Entry is the server as a client starts it.
type Entry struct {
	Command string
	Args    []string
	Env     []Variable
	fields  fields
}

// member is one key of an entry: its value is a string, a bool, a list of
// strings or a list of variables.
type member struct {
	key   string
	value any
}

func (e Entry) members() []member {
	out := append([]member{}, e.fields.before...)
	out = append(out, member{"command", e.Command}, member{"args", e.Args})
	if len(e.Env) > 0 {
		out = append(out, member{"env", e.Env})
	}
	return append(out, e.fields.after...)
}

// data is the entry as a parser would read it.
func (e Entry) data() map[string]any {
	out := map[string]any{}
	for _, m := range e.members() {
		switch v := m.value.(type) {
		case []string:
			list := make([]any, len(v))
			for i := range v {
				list[i] = v[i]
			}
			out[m.key] = list
		case []Variable:
			env := map[string]any{}
			for _, x := range v {
				env[x.Name] = x.Value
			}
			out[m.key] = env
		default:
			out[m.key] = v
		}
	}
	return out
}

// style is how a file is written.
type style struct {
	newline string
	unit    string // one level of indentation
	spaced  bool   // a space after colon and comma, where all is on one line
}

// object writes members as a JSON object whose closing brace stands at indent;
// on one line where lines is false.
func (s style) object(members []member, indent string, lines bool) string {
	if !lines {
		gap := ""
		if s.spaced {
			gap = " "
		}
		var parts []string
		for _, m := range members {
			parts = append(parts, quote(m.key)+":"+gap+s.value(m.value, "", false))
		}
		return "{" + strings.Join(parts, ","+gap) + "}"
	}
	var b strings.Builder
	b.WriteString("{")
	for i, m := range members {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%s%s%s%s: %s", s.newline, indent, s.unit, quote(m.key), s.value(m.value, indent+s.unit, true))
	}
	b.WriteString(s.newline + indent + "}")
	return b.String()
}

func (s style) value(v any, indent string, lines bool) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case bool:
		return fmt.Sprint(v)
	case []string:
		var parts []string
		for _, x := range v {
			parts = append(parts, quote(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []Variable:
		var members []member
		for _, x := range v {
			members = append(members, member{x.Name, x.Value})
		}
		return s.object(members, indent, lines)
	case []member:
		return s.object(v, indent, lines)
	}
	panic(fmt.Sprintf("an entry has no %T", v)) // the types are all ours
}

// quote writes a string as JSON and TOML both read it.
func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always encodes
	return strings.TrimRight(b.String(), "\n")
}
