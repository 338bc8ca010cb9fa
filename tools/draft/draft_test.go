package draft

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

const goFile = "package cart\n\nimport \"fmt\"\n\nfunc Total(items []int) int {\n\tsum := 0\n\tfor _, i := range items {\n\t\tsum += i\n\t}\n\treturn sum\n}\n\nfunc Print(items []int) {\n\tfmt.Println(Total(items))\n}\n"

func blocks(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, "<<<<<<< SEARCH\n%s\n=======\n%s\n>>>>>>> REPLACE\n", pairs[i], pairs[i+1])
	}
	return b.String()
}

// TestDraft_Replies holds what a caller gets for each shape of reply: the first
// check that failed, or "" where the change comes through.
func TestDraft_Replies(t *testing.T) {
	whole := strings.Replace(goFile, "sum := 0", "var sum int", 1)
	long := func(n int) string {
		var b strings.Builder
		b.WriteString("package x\n\n")
		for i := range n {
			fmt.Fprintf(&b, "var v%d = %d\n", i, i)
		}
		return b.String()
	}
	for _, row := range []struct {
		name   string
		file   string
		before string
		isNew  bool
		blocks bool
		step   string
		reply  string
		fails  string // check, or "" = comes through
		detail string // part of the reason
		holds  string // part of the result
	}{
		{name: "whole file in a fence", reply: "```go\n" + whole + "```", holds: "var sum int"},
		{name: "whole file bare", reply: whole, holds: "var sum int"},
		{name: "prose around one fence", reply: "Here it is:\n\n```go\n" + whole + "```\nDone.", holds: "var sum int"},
		{name: "thinking before the fence", reply: "<think>```go\nx```</think>\n```go\n" + whole + "```", holds: "var sum int"},
		{name: "tildes as fence", reply: "~~~go\n" + whole + "~~~\n", holds: "var sum int"},
		{name: "two fences", reply: "```go\n" + whole + "```\nand\n```go\npackage y\n```", fails: CheckApplies, detail: "more than one"},
		{name: "cut reply", reply: "```go\n" + whole[:100], fails: CheckApplies, detail: "cut"},
		{name: "nothing changed", reply: "```go\n" + goFile + "```", fails: CheckApplies, detail: "changes nothing"},
		{name: "empty reply", reply: "", fails: CheckApplies, detail: "empty"},
		{name: "an empty fence", reply: "```go\n```", fails: CheckApplies, detail: "empty"},
		{name: "NUL in the reply", reply: "```go\n" + whole + "\x00```", fails: CheckApplies, detail: "NUL"},
		{name: "endless output", reply: strings.Repeat("x", maxReplyBytes+1), fails: CheckApplies, detail: "more than"},
		{name: "prose only", reply: "I would change the sum.", fails: CheckParses},
		{name: "broken Go", reply: "```go\n" + strings.Replace(whole, "return sum\n}", "return sum\n", 1) + "```", fails: CheckParses},
		{name: "a new file", file: "new.go", isNew: true, reply: "```go\npackage cart\n```", holds: "package cart"},
		{name: "Markdown that holds fences", file: "README.md", before: "# A\n", reply: "````md\n# B\n```sh\nmake\n```\n````\n", holds: "```sh\nmake\n```"},
		{name: "CRLF stays CRLF", before: strings.ReplaceAll(goFile, "\n", "\r\n"), reply: "```go\n" + whole + "```", holds: "var sum int\r\n"},
		{name: "a byte order mark stays", before: "\ufeff" + goFile, reply: "```go\n" + whole + "```", holds: "\ufeffpackage cart"},

		{name: "rest of the code", reply: "```go\npackage cart\n\n// ... rest of the code\n```", fails: CheckPlaceholder},
		{name: "existing code elided", reply: "```go\n" + whole + "\n// existing code unchanged\n```", fails: CheckPlaceholder},
		{name: "TODO left", reply: "```go\n" + whole + "\n// TODO: the rest\n```", fails: CheckPlaceholder},
		{name: "panic not implemented", reply: "```go\n" + whole + "\nfunc N() { panic(\"not implemented\") }\n```", fails: CheckPlaceholder},
		{name: "an old TODO may stay", before: goFile + "\n// TODO: old\n", reply: "```go\n" + whole + "\n// TODO: old\n```", holds: "var sum int"},
		{name: "elided Python body", file: "a.py", before: "def f():\n    return 1\n", reply: "```python\ndef f():\n    ...\n```", fails: CheckPlaceholder},
		{name: "your code here", file: "a.py", before: "x = 1\n", reply: "```python\n# your code here\nx = 2\n```", fails: CheckPlaceholder},
		{name: "variadic dots are no placeholder", reply: "```go\n" + whole + "\nfunc V(a ...int) { Print(append([]int{}, a...)) }\n```", holds: "a ...int"},

		{name: "shrunk", before: long(60), reply: "```go\n" + long(10) + "```", step: "rename v1", fails: CheckShrink},
		{name: "shrunk as planned", before: long(60), reply: "```go\n" + long(10) + "```", step: "remove the unused variables", holds: "v9"},
		{name: "a secret added", reply: "```go\n" + whole + "\nconst k = \"SECRET1\"\n```", fails: CheckSecret},

		{name: "one block", blocks: true, reply: blocks("\tsum := 0", "\tvar sum int"), holds: "var sum int"},
		{name: "two blocks", blocks: true, reply: blocks("\tsum := 0", "\tvar sum int", "\tfmt.Println(Total(items))", "\tfmt.Print(Total(items))"), holds: "fmt.Print("},
		{name: "prose between blocks", blocks: true, reply: "First:\n```\n" + blocks("\tsum := 0", "\tvar sum int") + "```\nok", holds: "var sum int"},
		{name: "search text twice", blocks: true, before: goFile + "\nfunc Again() {\n\tsum := 0\n\t_ = sum\n}\n", reply: blocks("\tsum := 0", "\tvar sum int"), fails: CheckApplies, detail: "occurs 2 times"},
		{name: "search text nowhere", blocks: true, reply: blocks("\ttotal := 0", "\tvar sum int"), fails: CheckApplies, detail: "does not occur"},
		{name: "white space differs", blocks: true, reply: blocks("    sum := 0\n    for _, i := range items {", "    var sum int\n    for _, i := range items {"), holds: "\tvar sum int\n\tfor _"},
		{name: "no blocks", blocks: true, reply: "nothing to do", fails: CheckApplies, detail: "no SEARCH/REPLACE"},
		{name: "cut block", blocks: true, reply: "<<<<<<< SEARCH\n\tsum := 0\n=======\n\tvar", fails: CheckApplies, detail: "cut"},
		{name: "empty search", blocks: true, reply: blocks("", "x"), fails: CheckApplies, detail: "empty"},
		{name: "overlapping blocks", blocks: true, reply: blocks("\tsum := 0", "\tvar sum int", "\tsum := 0\n\tfor _, i := range items {", "x"), fails: CheckApplies, detail: "two blocks change"},
		{name: "block breaks syntax", blocks: true, reply: blocks("\treturn sum\n}", "\treturn sum"), fails: CheckParses},
		{name: "block deletes lines", blocks: true, reply: blocks("\n\nfunc Print(items []int) {\n\tfmt.Println(Total(items))\n}", "\n\nvar _ = fmt.Println"), holds: "var _ ="},

		{name: "broken JSON", file: "a.json", before: "{}", reply: "```json\n{\"a\":}\n```", fails: CheckParses},
		{name: "broken YAML", file: "a.yml", before: "a: 1\n", reply: "```yaml\na: [1\n```", fails: CheckParses},
		{name: "broken TOML", file: "a.toml", before: "a = 1\n", reply: "```toml\na = \n```", fails: CheckParses},
		{name: "broken TypeScript", file: "a.ts", before: "let a = 1\n", reply: "```ts\nlet a: number = \n```", fails: CheckParses},
		{name: "TypeScript", file: "a.ts", before: "let a = 1\n", reply: "```ts\nlet a: number = 2\n```", holds: "number = 2"},
		{name: "JSX", file: "a.jsx", before: "let a = 1\n", reply: "```jsx\nlet a = <p>{1}</p>\n```", holds: "<p>"},
		{name: "broken CSS", file: "a.css", before: "a{}\n", reply: "```css\na { color: red; ]\n```", fails: CheckParses},
		{name: "broken shell", file: "a.sh", before: "true\n", reply: "```sh\nif true; then\n```", fails: CheckParses},
		{name: "an unknown language", file: "a.zig", before: "const a = 1;\n", reply: "```zig\nconst a = 2;\n```", holds: "a = 2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := File{Path: "cart.go", Text: goFile, Exists: true}
			if row.file != "" {
				f.Path, f.Text = row.file, ""
			}
			if row.before != "" {
				f.Text = row.before
			}
			f.Exists = !row.isNew
			failed, detail, after := outcome(f, row.blocks, row.step, row.reply)
			if failed != row.fails || !strings.Contains(detail, row.detail) {
				t.Fatalf("got failed check %q (%s), want %q (%s)", failed, detail, row.fails, row.detail)
			}
			if !strings.Contains(after, row.holds) {
				t.Fatalf("the result lacks %q:\n%s", row.holds, after)
			}
		})
	}
}

// outcome takes a reply the whole way and returns the first check that failed.
func outcome(f File, inBlocks bool, step, reply string) (failed, detail, after string) {
	after, bad := f.result(inBlocks, reply)
	if bad != nil {
		return CheckApplies, bad.Why, ""
	}
	secrets := func(text string) []string {
		if strings.Contains(text, "SECRET1") {
			return []string{"SECRET1"}
		}
		return nil
	}
	for _, c := range checkContent(context.Background(), parserHere(), Change{File: f, After: after, Step: step}, secrets) {
		if c.State == Failed {
			return c.Name, c.Detail, after
		}
	}
	return "", "", after
}

func TestPython_IsParsedWhereThereIsOne(t *testing.T) {
	parts.Program(t, "python3")
	f := File{Path: "a.py", Text: "x = 1\n", Exists: true}
	if failed, detail, _ := outcome(f, false, "", "```python\nx = (1\n```"); failed != CheckParses {
		t.Errorf("broken Python: failed check %q (%s), want %q", failed, detail, CheckParses)
	}
	if failed, detail, _ := outcome(f, false, "", "```python\nimport os\nos.remove('/x')\n```"); failed != "" {
		t.Errorf("whole Python: failed check %q (%s), want none", failed, detail)
	}
}

// TestDefect_ShowsTheRealText holds that the repair turn sees the file where
// the search text did not match.
func TestDefect_ShowsTheRealText(t *testing.T) {
	f := File{Path: "cart.go", Text: goFile, Exists: true}
	_, bad := f.result(true, blocks("\tsum := 1\n\tfor _, i := range items {\n\t\tsum += i", "x"))
	if bad == nil || !strings.Contains(bad.Show, "6: \tsum := 0") {
		t.Fatalf("got %+v, want the lines around line 6", bad)
	}
}

// TestPatch_GitApplies writes random texts before and after and lets git take
// the patch: the result is the text after, to the byte.
func TestPatch_GitApplies(t *testing.T) {
	git := parts.Program(t, "git")
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var b strings.Builder
		for range random.IntN(30) {
			b.WriteString(strings.Repeat(string(rune('a'+random.IntN(4))), random.IntN(3)))
			b.WriteString([]string{"\n", "\n", "\n", "\r\n", " \n"}[random.IntN(5)])
		}
		return b.String() + []string{"", "end", "end\n"}[random.IntN(3)]
	}
	for i := range 60 {
		dir := t.TempDir()
		var changes []Change
		for n, name := range []string{"a.txt", "sub dir/ü \"x\".txt", "new/file.txt"} {
			c := Change{File: File{Path: name, Text: text(), Exists: n < 2}, After: text() + "z"}
			if !c.Exists {
				c.Text = ""
			} else {
				write(t, filepath.Join(dir, name), c.Text)
			}
			changes = append(changes, c)
		}
		patch, stats := patchOf(changes)
		if stats.Files != 3 {
			t.Fatalf("stats %+v, want 3 files", stats)
		}
		cmd := exec.Command(git, "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(patch)
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("round %d: git apply: %v\n%s\n%s", i, err, out, patch)
		}
		for _, c := range changes {
			got, err := os.ReadFile(filepath.Join(dir, c.Path))
			if err != nil || string(got) != c.After {
				t.Fatalf("round %d, %s: got %q (%v), want %q", i, c.Path, got, err, c.After)
			}
		}
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzResult looks for crashes, and for a result that is not what was asked.
func FuzzResult(f *testing.F) {
	f.Add(goFile, blocks("\tsum := 0", "\tvar sum int"), true)
	f.Add(goFile, "```go\nx\n```", false)
	f.Add("a\r\nb\r\n", blocks("a", "c", "b", ""), true)
	f.Fuzz(func(t *testing.T, text, reply string, asBlocks bool) {
		file := File{Path: "a.txt", Text: text, Exists: true}
		after, bad := file.result(asBlocks, reply)
		if bad == nil && (after == text || strings.TrimSpace(after) == "") {
			t.Fatalf("accepted a result that changes nothing or is empty: %q", after)
		}
	})
}
