package proxy_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/fjbelchi/localmodel/prompts"
)

// portableWords are the keywords every paid provider takes; bounds are moved
// into the description before a schema is sent.
var (
	portableWords = []string{"type", "properties", "required", "enum", "items", "description", "additionalProperties"}
	boundWords    = []string{"minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum"}
)

func TestPromptsAskInThePortableSubset(t *testing.T) {
	plan := prompts.PlanQuestion{Criteria: []prompts.PlanCriterion{{ID: "AC-1"}}, Files: []prompts.PlanFile{{Path: "main.go"}}}
	for name, schema := range map[string]json.RawMessage{
		"classify":                  prompts.ClassifyQuestion{Categories: []string{"BUG", "FEAT"}, Complexity: true}.Schema(),
		"plan":                      plan.Schema(),
		"plan without any criteria": prompts.PlanQuestion{}.Schema(),
	} {
		var v map[string]any
		if err := json.Unmarshal(schema, &v); err != nil {
			t.Fatal(err)
		}
		if v["type"] != "object" {
			t.Errorf("%s: the root is a %v", name, v["type"])
		}
		portableOnly(t, name, v)
	}
}

func portableOnly(t *testing.T, at string, schema map[string]any) {
	t.Helper()
	for word := range schema {
		if !slices.Contains(portableWords, word) && !slices.Contains(boundWords, word) {
			t.Errorf("%s: %s", at, word)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	if schema["type"] == "object" {
		required, _ := schema["required"].([]any)
		if schema["additionalProperties"] != false || len(required) != len(properties) {
			t.Errorf("%s: open, or with optional properties", at)
		}
	}
	for name, p := range maps.All(properties) {
		portableOnly(t, at+"."+name, p.(map[string]any))
	}
	if items, ok := schema["items"].(map[string]any); ok {
		portableOnly(t, at+"[]", items)
	}
}
