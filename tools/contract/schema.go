package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// Schema is the part of JSON Schema that the input schemas use. Arguments are
// checked against the very schema that clients see, so the two cannot differ.
type Schema struct {
	Type                 string             `json:"type"`
	Properties           map[string]*Schema `json:"properties"`
	Required             []string           `json:"required"`
	Items                *Schema            `json:"items"`
	Enum                 []string           `json:"enum"`
	MinLength, MaxLength *int
	MinItems, MaxItems   *int
	Minimum, Maximum     *float64
}

// ParseSchema reads a schema, which is a constant of ours: it panics where it is
// not JSON.
func ParseSchema(schema string) *Schema {
	var s Schema
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		panic("input schema is not JSON: " + err.Error())
	}
	return &s
}

// Decode checks raw against the schema and fills target. Every argument that
// is unknown, missing or wrong is named, with the valid ones. Clients change
// arguments on their way: null counts as not given, "3" and 3.0 are taken for 3,
// "true" for true, a string for a list, and 58 for the id "58". It returns nil,
// or an error with code E_ARGUMENT.
func (s *Schema) Decode(raw json.RawMessage, target any) *Error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	var args map[string]json.RawMessage
	if err := json.Unmarshal(raw, &args); err != nil {
		return s.Refuse("arguments: expected an object, got " + kindOf(raw))
	}
	var problems []string
	clean := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(args)) {
		prop, ok := s.Properties[name]
		if !ok {
			problems = append(problems, fmt.Sprintf("unknown argument %q", plain.Clip(name, 60)))
			continue
		}
		if prop.notGiven(args[name]) {
			continue
		}
		v, problem := prop.check(args[name])
		if problem != "" {
			problems = append(problems, name+": "+problem)
		}
		clean[name] = v
	}
	for _, name := range s.Required {
		if _, ok := clean[name]; !ok {
			problems = append(problems, "missing argument "+name)
		}
	}
	if len(problems) > 0 {
		return s.Refuse(strings.Join(problems, "; "))
	}
	text, err := json.Marshal(clean)
	if err == nil {
		err = json.Unmarshal(text, target)
	}
	if err != nil {
		return s.Refuse("arguments: " + err.Error())
	}
	return nil
}

// Refuse is the error of a call whose arguments do not fit: what is wrong with
// them, and which there are.
func (s *Schema) Refuse(cause string) *Error {
	names := make([]string, 0, len(s.Properties))
	for name, p := range s.Properties {
		kind := p.Type
		if len(p.Enum) > 0 {
			kind = strings.Join(p.Enum, "|")
		}
		if p.Items != nil {
			kind = "list of " + p.Items.Type
		}
		if slices.Contains(s.Required, name) {
			kind += ", required"
		}
		names = append(names, name+" ("+kind+")")
	}
	slices.Sort(names)
	return &Error{Code: CodeArgument, Cause: cause,
		Next: "Call again with valid arguments: " + strings.Join(names, ", ")}
}

// notGiven reports whether a value counts as none: null, or an empty string
// where no text is wanted. Models fill optional arguments with both.
func (s *Schema) notGiven(raw json.RawMessage) bool {
	if string(raw) == "null" {
		return true
	}
	text, isString := stringOf(raw)
	return isString && strings.TrimSpace(text) == "" && (s.Type != "string" || len(s.Enum) > 0)
}

// check returns the value in canonical form, or what is wrong with it.
func (s *Schema) check(raw json.RawMessage) (json.RawMessage, string) {
	switch s.Type {
	case "string":
		return s.checkString(raw)
	case "integer", "number":
		return s.checkNumber(raw)
	case "boolean":
		switch text := strings.ToLower(strings.Trim(string(raw), `"`)); text { // "True" is Python's
		case "true", "false":
			return json.RawMessage(text), ""
		}
	case "array":
		return s.checkArray(raw)
	}
	return nil, fmt.Sprintf("expected %s, got %s", s.Type, kindOf(raw))
}

func (s *Schema) checkString(raw json.RawMessage) (json.RawMessage, string) {
	if s.isID() && kindOf(raw) == "number" { // a tracker's ids may be numbers
		raw = json.RawMessage(`"` + string(raw) + `"`)
	}
	v, ok := stringOf(raw)
	if !ok {
		return nil, "expected string, got " + kindOf(raw)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return nil, fmt.Sprintf("%q is none of %s", plain.Clip(v, 60), strings.Join(s.Enum, ", "))
	}
	n := utf8.RuneCountInString(v)
	if s.MaxLength != nil && n > *s.MaxLength {
		return nil, fmt.Sprintf("%d characters, at most %d are taken", n, *s.MaxLength)
	}
	if s.MinLength != nil && len(strings.TrimSpace(v)) < *s.MinLength {
		return nil, "is empty"
	}
	return raw, ""
}

// isID reports whether a text is a name and no prose: a number in its place is
// meant as written.
func (s *Schema) isID() bool {
	const most = 200 // characters
	return s.Type == "string" && len(s.Enum) == 0 && s.MaxLength != nil && *s.MaxLength <= most
}

// stringOf is the value of a JSON string; ok is false where raw is none.
func stringOf(raw json.RawMessage) (v string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) { // as nearly all are
		return string(raw[1 : len(raw)-1]), true
	}
	err := json.Unmarshal(raw, &v)
	return v, err == nil
}

func (s *Schema) checkNumber(raw json.RawMessage) (json.RawMessage, string) {
	text := strings.TrimSpace(strings.Trim(string(raw), `"`))
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, fmt.Sprintf("expected %s, got %s", s.Type, kindOf(raw))
	}
	if s.Type == "integer" && f != math.Trunc(f) {
		return nil, "expected a whole number, got " + text
	}
	if (s.Minimum != nil && f < *s.Minimum) || (s.Maximum != nil && f > *s.Maximum) {
		return nil, fmt.Sprintf("%s is not between %g and %g", text, *s.Minimum, *s.Maximum)
	}
	return json.RawMessage(strconv.FormatFloat(f, 'f', -1, 64)), ""
}

func (s *Schema) checkArray(raw json.RawMessage) (json.RawMessage, string) {
	list, ok := itemsOf(raw)
	if !ok {
		return nil, fmt.Sprintf("expected a list of %s, got %s", s.Items.Type, kindOf(raw))
	}
	if s.MinItems != nil && len(list) < *s.MinItems {
		return nil, fmt.Sprintf("has %d items, at least %d are needed", len(list), *s.MinItems)
	}
	if s.MaxItems != nil && len(list) > *s.MaxItems {
		return nil, fmt.Sprintf("has %d items, at most %d are taken in one call", len(list), *s.MaxItems)
	}
	for i, item := range list {
		v, problem := s.Items.check(item)
		if problem != "" {
			return nil, fmt.Sprintf("item %d: %s", i+1, problem)
		}
		list[i] = v
	}
	out, _ := json.Marshal(list) // of values that have been parsed
	return out, ""
}

// itemsOf returns the items of a list. A string is a list that a client changed:
// its JSON, its items one a line or after commas, or its only item. ok is false
// for any other value.
func itemsOf(raw json.RawMessage) (list []json.RawMessage, ok bool) {
	text, isString := stringOf(raw)
	if !isString {
		err := json.Unmarshal(raw, &list)
		return list, err == nil
	}
	text = strings.TrimSpace(text)
	inner := json.RawMessage(text)
	if strings.HasPrefix(text, "[") && jsondepth.Check(inner) == nil && json.Unmarshal(inner, &list) == nil {
		return list, true
	}
	for _, item := range splitList(text) {
		quoted, _ := json.Marshal(item) // a string always marshals
		list = append(list, quoted)
	}
	return list, true
}

// splitList takes a list in one string apart: at line ends, and in one line at
// commas, unless an item would have white space in it: a file's name may be a
// sentence.
func splitList(text string) []string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 1 {
		parts := strings.Split(lines[0], ",")
		hasSpace := func(item string) bool { return strings.ContainsAny(strings.TrimSpace(item), " \t") }
		if !slices.ContainsFunc(parts, hasSpace) {
			lines = parts
		}
	}
	var items []string
	for _, line := range lines {
		if item := strings.TrimSpace(line); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func kindOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "list"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}
