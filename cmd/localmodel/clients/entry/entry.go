// Package entry writes our server's entry into the text of a configuration file
// and takes it out again. Every other byte stays, comments, key order and line
// ends included.
package entry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Variable is one variable of the server's environment.
type Variable struct{ Name, Value string }

// Entry is the server as a client starts it.
type Entry struct {
	Command string
	Args    []string
	Env     []Variable
	// Before and After are its members beside these, around them.
	Before, After []Member
}

// Name is the server's name in every file.
const Name = "localmodel"

// Format edits one kind of file as text.
type Format interface {
	// Fresh is a new file that holds the entry alone.
	Fresh(e Entry) []byte
	// Entry is the server's entry in a document as data, nil where there is none.
	Entry(doc []byte) (map[string]any, error)
	// Insert adds the entry. The document has none.
	Insert(doc []byte, e Entry) ([]byte, error)
	// Remove takes the entry out. The document has one.
	Remove(doc []byte) ([]byte, error)
}

// asEntry is what a document has as our entry; an odd one, such as a text, is
// beneath no name.
func asEntry(data any) map[string]any {
	if m, ok := data.(map[string]any); ok {
		return m
	}
	return map[string]any{"": data}
}

// Member is one key of an entry: its value is a string, a bool, a list of
// strings or a list of variables.
type Member struct {
	Key   string
	Value any
}

func (e Entry) members() []Member {
	out := append([]Member{}, e.Before...)
	out = append(out, Member{"command", e.Command}, Member{"args", e.Args})
	if len(e.Env) > 0 {
		out = append(out, Member{"env", e.Env})
	}
	return append(out, e.After...)
}

// Read is the entry with what a file's text has of it, as parsed in have; false
// where that is what we never write.
func (e Entry) Read(have map[string]any, text []byte) (Entry, bool) {
	e.Command, _ = have["command"].(string)
	list, _ := have["args"].([]any)
	for _, a := range list {
		text, _ := a.(string)
		e.Args = append(e.Args, text)
	}
	env, _ := have["env"].(map[string]any)
	for k, v := range env {
		text, _ := v.(string)
		e.Env = append(e.Env, Variable{k, text})
	}
	// In the order of the file: where that is guessed wrong, no backup is found to
	// match.
	place := func(v Variable) int {
		return max(bytes.LastIndex(text, []byte(quote(v.Name)+":")), bytes.LastIndex(text, []byte("\n"+v.Name+" = ")))
	}
	slices.SortFunc(e.Env, func(a, b Variable) int { return place(a) - place(b) })
	serves := len(e.Args) > 0 && e.Args[len(e.Args)-1] == "serve"
	return e, serves && reflect.DeepEqual(e.Data(), have)
}

// Data is the entry as a parser would read it.
func (e Entry) Data() map[string]any {
	out := map[string]any{}
	for _, m := range e.members() {
		switch v := m.Value.(type) {
		case []string:
			list := make([]any, len(v))
			for i := range v {
				list[i] = v[i]
			}
			out[m.Key] = list
		case []Variable:
			env := map[string]any{}
			for _, x := range v {
				env[x.Name] = x.Value
			}
			out[m.Key] = env
		default:
			out[m.Key] = v
		}
	}
	return out
}

// style is how a file is written. Without a newline all is on one line.
type style struct {
	newline string
	unit    string // one level of indentation
	gap     string // behind a colon, and behind a comma where all is on one line
}

// member writes a key and its value, whose closing brace is at indent.
func (s style) member(m Member, indent string) string {
	return quote(m.Key) + ":" + s.gap + s.value(m.Value, indent)
}

// value writes a value, whose closing brace, if any, is at indent.
func (s style) value(v any, indent string) string {
	var parts []string
	switch v := v.(type) {
	case string:
		return quote(v)
	case []string:
		for _, x := range v {
			parts = append(parts, quote(x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []Variable:
		for _, x := range v {
			parts = append(parts, s.member(Member{x.Name, x.Value}, ""))
		}
	case []Member:
		for _, m := range v {
			parts = append(parts, s.member(m, indent+s.unit))
		}
	default:
		return fmt.Sprint(v) // a bool
	}
	if s.newline == "" {
		return "{" + strings.Join(parts, ","+s.gap) + "}"
	}
	before := s.newline + indent + s.unit
	return "{" + before + strings.Join(parts, ","+before) + s.newline + indent + "}"
}

// quote writes a string as JSON and TOML both read it.
func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always encodes
	return strings.TrimRight(b.String(), "\n")
}
