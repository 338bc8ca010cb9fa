// Package schema writes the JSON Schemas of replies: a grammar is made of them,
// so that their order, and what is required, is what a model is held to.
package schema

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Object is a closed object whose properties keep their order and are all
// required.
type Object struct{ properties, names []string }

// Add adds a property.
func (o *Object) Add(name string, value json.RawMessage) {
	key := Literal(name)
	o.properties = append(o.properties, key+":"+string(value))
	o.names = append(o.names, key)
}

// Join adds the properties of another object.
func (o *Object) Join(other Object) {
	o.properties = append(o.properties, other.properties...)
	o.names = append(o.names, other.names...)
}

// JSON is the object's schema.
func (o Object) JSON() json.RawMessage {
	return json.RawMessage(`{"type":"object","properties":{` + strings.Join(o.properties, ",") +
		`},"required":[` + strings.Join(o.names, ",") + `],"additionalProperties":false}`)
}

// Text is a string of at most so many characters.
func Text(most int) json.RawMessage {
	return json.RawMessage(`{"type":"string","maxLength":` + Literal(most) + `}`)
}

// Enum is one of the values.
func Enum(values []string) json.RawMessage {
	return json.RawMessage(`{"type":"string","enum":` + Literal(values) + `}`)
}

// Array is a list of least to most items.
func Array(items json.RawMessage, least, most int) json.RawMessage {
	return json.RawMessage(`{"type":"array","minItems":` + Literal(least) + `,"maxItems":` + Literal(most) +
		`,"items":` + string(items) + `}`)
}

// Literal writes strings and numbers, which always marshal, as JSON; < and & as
// they are, since a grammar has them literally.
func Literal(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return strings.TrimSpace(b.String())
}
