package openai

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// bounds are the keywords that providers refuse or drop. The reply is checked
// against the full schema here, so they only move into the description, where
// the model reads them.
var bounds = []string{"minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems",
	"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minProperties", "maxProperties"}

// portable writes a schema in the subset that every paid provider takes: object
// root; type, properties, required, enum, items, description; closed objects
// with all properties required. A schema outside of it is sent as it is.
func portable(schema json.RawMessage) json.RawMessage {
	var v map[string]any
	if json.Unmarshal(schema, &v) != nil {
		return schema
	}
	stripBounds(v)
	out, err := json.Marshal(v)
	if err != nil {
		return schema
	}
	return out
}

func stripBounds(schema map[string]any) {
	var said []string
	for _, bound := range bounds {
		if value, ok := schema[bound]; ok {
			said = append(said, fmt.Sprintf("%s %v", bound, value))
			delete(schema, bound)
		}
	}
	if len(said) > 0 {
		if text, ok := schema["description"].(string); ok && text != "" {
			said = slices.Insert(said, 0, text)
		}
		schema["description"] = strings.Join(said, ", ")
	}
	if items, ok := schema["items"].(map[string]any); ok {
		stripBounds(items)
	}
	properties, _ := schema["properties"].(map[string]any) // nil where there are none
	for _, p := range properties {
		if p, ok := p.(map[string]any); ok {
			stripBounds(p)
		}
	}
}
