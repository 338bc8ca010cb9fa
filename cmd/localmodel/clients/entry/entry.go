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

// Format is one kind of file, and where it holds servers.
type Format struct {
	servers string // the key that holds them
	edit    editor
}

// JSON is JSON with the comments and trailing commas that editors allow.
func JSON(servers string) Format { return Format{servers, jsonc{}} }

// TOML is TOML with a table for each server.
func TOML(servers string) Format { return Format{servers, tomlText{}} }

// Fresh is a new file that holds the entry alone.
func (f Format) Fresh(e Entry) []byte { return f.edit.fresh(f.servers, e) }

// Entry is the server's entry in a document as data, nil where there is none.
func (f Format) Entry(doc []byte) (map[string]any, error) { return f.edit.entry(doc, f.servers) }

// Insert adds the entry. The document has none.
func (f Format) Insert(doc []byte, e Entry) ([]byte, error) { return f.edit.insert(doc, f.servers, e) }

// Remove takes the entry out. The document has one.
func (f Format) Remove(doc []byte) ([]byte, error) { return f.edit.remove(doc, f.servers) }

// editor edits one file format as text, as Format says.
type editor interface {
	fresh(servers string, e Entry) []byte
	entry(doc []byte, servers string) (map[string]any, error)
	insert(doc []byte, servers string, e Entry) ([]byte, error)
	remove(doc []byte, servers string) ([]byte, error)
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

// style is how a file is written.
type style struct {
	newline string
	unit    string // one level of indentation
	spaced  bool   // a space after colon and comma, where all is on one line
}

// object writes members as a JSON object whose closing brace is at indent;
// on one line where lines is false.
func (s style) object(members []Member, indent string, lines bool) string {
	if !lines {
		gap := ""
		if s.spaced {
			gap = " "
		}
		var parts []string
		for _, m := range members {
			parts = append(parts, quote(m.Key)+":"+gap+s.value(m.Value, "", false))
		}
		return "{" + strings.Join(parts, ","+gap) + "}"
	}
	var b strings.Builder
	b.WriteString("{")
	for i, m := range members {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%s%s%s%s: %s", s.newline, indent, s.unit, quote(m.Key), s.value(m.Value, indent+s.unit, true))
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
		var members []Member
		for _, x := range v {
			members = append(members, Member{x.Name, x.Value})
		}
		return s.object(members, indent, lines)
	case []Member:
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
