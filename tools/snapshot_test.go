package tools

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/tools/contract"
)

var update = flag.Bool("update", false, "write the snapshots anew")

// TestSnapshots holds what a client gets to see of each tool, so that a change
// of the contract is a change of a file. `go test ./tools -update` writes them.
func TestSnapshots(t *testing.T) {
	dir := filepath.Join("testdata", "snapshots")
	var want []string
	for _, tool := range All(&Deps{}) {
		name := tool.Declaration.Name + ".json"
		want = append(want, name)
		compact, err := contract.Encode(tool.Declaration)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, compact, "", "  "); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
		path := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		snapshot, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v; `go test ./tools -update` writes it", err)
		}
		if diff := cmp.Diff(string(snapshot), b.String()); diff != "" {
			t.Errorf("%s changed (-snapshot +now); if it is meant, `go test ./tools -update`:\n%s", tool.Declaration.Name, diff)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(want, e.Name()) {
			t.Errorf("%s is the snapshot of no tool", e.Name())
		}
	}
}

// TestDeclarations holds the facts of DESIGN's contracts that a snapshot alone
// would let pass.
func TestDeclarations(t *testing.T) {
	hints := map[string][2]bool{ // reads only, reaches out
		"check_local_health": {true, true}, "classify_ticket": {true, true}, "plan_ticket": {false, true}, "record_gate_outcome": {false, false},
	}
	for _, tool := range All(&Deps{}) {
		text, err := contract.Encode(tool.Declaration)
		if err != nil {
			t.Fatal(err)
		}
		d := gjson.ParseBytes(text)
		name := d.Get("name").Str
		t.Run(name, func(t *testing.T) {
			want, known := hints[name]
			a := d.Get("annotations")
			for hint, v := range map[string]bool{"readOnlyHint": want[0], "destructiveHint": false, "idempotentHint": true, "openWorldHint": want[1]} {
				if got := a.Get(hint); !known || !got.Exists() || got.Bool() != v {
					t.Errorf("%s %s, want %t", hint, got.Raw, v)
				}
			}
			if got := d.Get("title").Str; got == "" || strings.Contains(got, "_") {
				t.Errorf("title %q", got)
			}
			if got := len([]rune(d.Get("description").Str)); got < 100 || got >= 900 {
				t.Errorf("description of %d characters, want 100 to 899", got)
			}
			searched := d.Get(`_meta.anthropic/searchHint`).Str
			if searched == "" {
				t.Error("no search hint")
			}
			for _, word := range strings.Fields(searched) {
				if strings.Contains(name, word) {
					t.Errorf("search hint %q repeats the tool's name, which scores higher already", word)
				}
			}
			for _, which := range []string{"inputSchema", "outputSchema"} {
				s := d.Get(which)
				compileSchema(t, s.Raw)
				if s.Get("type").Str != "object" {
					t.Errorf("%s is no object", which)
				}
				holdsSchema(t, which, s, which == "inputSchema")
			}
		})
	}
	if got := len([]rune(instructions())); got >= 1000 {
		t.Errorf("instructions of %d characters, want fewer than 1000", got)
	}
	for name := range hints {
		if !strings.Contains(instructions(), name) {
			t.Errorf("the instructions do not say when to use %s", name)
		}
	}
}

// holdsSchema checks one level of a schema and those beneath it. Clients drop
// tools whose schemas use more than this.
func holdsSchema(t *testing.T, path string, s gjson.Result, input bool) {
	t.Helper()
	kind := s.Get("type")
	if kind.Type != gjson.String {
		t.Errorf("%s: type is %s, want one word", path, kind.Raw)
	}
	for _, word := range []string{"oneOf", "anyOf", "allOf", "not", "$ref", "$defs", "if", "patternProperties"} {
		if s.Get(gjson.Escape(word)).Exists() {
			t.Errorf("%s uses %s", path, word)
		}
	}
	switch kind.Str {
	case "object":
		if props := s.Get("properties"); props.Exists() {
			if got := s.Get("additionalProperties"); got.Type != gjson.False {
				t.Errorf("%s: additionalProperties is %q, want false", path, got.Raw)
			}
			props.ForEach(func(name, p gjson.Result) bool {
				holdsSchema(t, path+"."+name.Str, p, input)
				return true
			})
			for _, r := range s.Get("required").Array() {
				if !props.Get(gjson.Escape(r.Str)).Exists() {
					t.Errorf("%s requires %s, which it does not know", path, r.Str)
				}
			}
		} else if input {
			t.Errorf("%s is an object of anything", path)
		}
	case "array":
		if input && !s.Get("maxItems").Exists() {
			t.Errorf("%s has no maxItems", path)
		}
		if items := s.Get("items"); items.Exists() {
			holdsSchema(t, path+"[]", items, false)
		} else if input {
			t.Errorf("%s has items of any kind", path)
		}
	case "string":
		if input && !s.Get("enum").Exists() && !s.Get("maxLength").Exists() {
			t.Errorf("%s has no limit", path)
		}
	case "number", "integer":
		if input && (!s.Get("minimum").Exists() || !s.Get("maximum").Exists()) {
			t.Errorf("%s has no limits", path)
		}
	case "boolean":
	default:
		t.Errorf("%s: type %q", path, kind.Str)
	}
}
