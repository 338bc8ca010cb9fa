package entry

import (
	"strings"
	"testing"
)

// Where a member is added, and what is taken out again.
func TestJSON_InsertAndRemove(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"on one line":               {`{"s": {"a": {}}}`, `{"s": {"a": {}, "localmodel": {"command": "c", "args": ["serve"]}}}`},
		"without spaces":            {`{"s":{"a":{}}}`, `{"s":{"a":{},"localmodel":{"command":"c","args":["serve"]}}}`},
		"a comma at the end":        {`{"s": {"a": {},}}`, `{"s": {"a": {}, "localmodel": {"command": "c", "args": ["serve"]},}}`},
		"a comma at a line's end":   {"{\n\t\"s\": {\n\t\t\"a\": {},\n\t},\n}", "{\n\t\"s\": {\n\t\t\"a\": {},\n\t\t\"localmodel\": {\n\t\t\t\"command\": \"c\",\n\t\t\t\"args\": [\"serve\"]\n\t\t},\n\t},\n}"},
		"a comment behind the last": {"{\n  \"s\": {\n    \"a\": {} // why\n  }\n}", "{\n  \"s\": {\n    \"a\": {}, // why\n    \"localmodel\": {\n      \"command\": \"c\",\n      \"args\": [\"serve\"]\n    }\n  }\n}"},
	} {
		f := JSON("s")
		got, err := f.Insert([]byte(c.before), Entry{Command: "c", Args: []string{"serve"}})
		if err != nil || string(got) != c.after {
			t.Errorf("%s: got\n%s\n(%v), want\n%s", name, got, err, c.after)
			continue
		}
		back, err := f.Remove(got)
		if err != nil || strings.ReplaceAll(string(back), ", }", ",}") != c.before { // the space may stay
			t.Errorf("%s: taken out again:\n%s\n(%v), want\n%s", name, back, err, c.before)
		}
	}
}
