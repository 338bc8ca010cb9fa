package outline

import (
	"fmt"
	"strings"
	"testing"
)

// has reports whether a definition of that name begins at that line.
func has(definitions []Definition, name string, line int) bool {
	for _, d := range definitions {
		if d.Name == name && d.Line == line {
			return true
		}
	}
	return false
}

func TestOf_Languages(t *testing.T) {
	for file, c := range map[string]struct {
		text string
		want map[string]int // name to line
		not  []string
	}{
		"a.go": {"package a\n\n// Retry is.\nfunc Retry() {}\n\ntype T[K any] struct{}\n\nfunc (t *T[K]) Do() {\n}\n\nconst (\n\tA = 1\n\tB = 2\n)\n",
			map[string]int{"Retry": 3, "T": 6, "T.Do": 8, "A": 12, "B": 13}, nil},
		"broken.go": {"package a\nfunc Retry( {\nfunc Other() {}\n", map[string]int{"Retry": 2}, nil},
		"a.py":      {"class Cart(Base):\n    async def total(self):\n        if (x):\n            y = call(a)\n", map[string]int{"Cart": 1, "total": 2}, []string{"if", "y", "call"}},
		"a.ts": {"export class Cart<T> extends Base {\n  private total(x: number): number {\n    const local = 1;\n    if (x) {\n  }\n}\nexport const add = (a: number) => a\nexport default async function main() {}\ninterface Foo { a: string }\n",
			map[string]int{"Cart": 1, "total": 2, "add": 7, "main": 8, "Foo": 9}, []string{"local", "if"}},
		"a.js":   {"Axios.prototype.request = function (config) {\nmodule.exports.get = function () {\n", map[string]int{"request": 1, "get": 2}, nil},
		"a.rs":   {"pub struct Cart {\n}\nimpl Cart {\n    pub(crate) fn total(&self) -> i32 {\n", map[string]int{"Cart": 1, "total": 4}, nil},
		"a.java": {"public class Cart {\n    public static int total(List<String> a) {\n        return foo(a);\n    }\n", map[string]int{"Cart": 1, "total": 2}, []string{"foo", "return"}},
		"a.rb":   {"class Cart\n  def total?(x)\n  end\nend\n", map[string]int{"Cart": 1, "total?": 2}, nil},
		"a.c":    {"static int\ncart_total(struct cart *c)\n{\n}\nint main(int argc, char **argv)\n{\n", map[string]int{"main": 5}, nil},
		"a.php":  {"class Cart {\n    public function total($x) {\n", map[string]int{"Cart": 1, "total": 2}, nil},
		"a.kt":   {"data class Cart(val a: Int)\nfun total(x: Int): Int {\n", map[string]int{"Cart": 1, "total": 2}, nil},
		"a.sql":  {"CREATE TABLE carts (\n", map[string]int{"carts": 1}, nil},
		"a.ex":   {"defmodule Shop.Cart do\n  def total(x) do\n", map[string]int{"Shop.Cart": 1, "total": 2}, nil},
		"a.md":   {"# Guide\ntext\n## Set up\n", map[string]int{"Guide": 1, "Set up": 3}, nil},
		"a.lua":  {"local function total(x)\n", map[string]int{"total": 1}, nil},
	} {
		t.Run(file, func(t *testing.T) {
			got := Of(file, c.text)
			for name, line := range c.want {
				if !has(got, name, line) {
					t.Errorf("no %s in line %d: %+v", name, line, got)
				}
			}
			for _, d := range got {
				for _, name := range c.not {
					if d.Name == name {
						t.Errorf("%s in line %d is none", name, d.Line)
					}
				}
			}
		})
	}
}

func TestMentioned_Words(t *testing.T) {
	definitions := []Definition{{Name: "Client.Retry"}, {Name: "total"}, {Name: "maxTries"}, {Name: "Set up"}, {Name: "New"}}
	for words, want := range map[string]string{
		"Call `Retry` again":          "Client.Retry",
		"client.Retry is wrong":       "Client.Retry",
		"the total is wrong":          "", // prose
		"total() is wrong":            "total",
		"raise maxTries to 5":         "maxTries",
		"New users retry; see Set up": "Set up",
		"maxTriesAllowed":             "",
	} {
		var got []string
		for _, d := range Mentioned(definitions, words) {
			got = append(got, d.Name)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%q mentions %v, want %q", words, got, want)
		}
	}
}

// large is a Go file of n functions, each of ten lines.
func large(n int) string {
	var b strings.Builder
	b.WriteString("package a\n\nimport \"fmt\"\n\n")
	for i := range n {
		fmt.Fprintf(&b, "// Func%03d prints.\nfunc Func%03d() {\n%s}\n\n", i, i, strings.Repeat("\tfmt.Println(\"x\")\n", 7))
	}
	return b.String()
}

func TestChoose_Parts(t *testing.T) {
	text := large(200)
	got, shown := Choose("a.go", text, "Change `Func150` please", 4000)
	for _, want := range []string{"package a\n", "// Func150 prints.\nfunc Func150() {\n", "are left out]\n", "outline of the rest", ": func Func000() {"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if shown == len(text) || shown == 0 || len(got) > 4000 {
		t.Errorf("%d bytes of %d shown, %d in all; want part of at most 4000", shown, len(text), len(got))
	}
	tail, _ := Choose("a.go", text, "nothing named", 4000)
	if !strings.HasPrefix(tail, "package a\n") || !strings.Contains(tail, "func Func199() {\n") || !strings.Contains(tail, "outline of the rest") {
		t.Errorf("want head, tail and outline:\n%s", tail)
	}
	if all, shown := Choose("a.go", text, "", len(text)); shown != len(text) || all != text {
		t.Error("a file that fits was cut")
	}
	if none, shown := Choose("a.go", text, "Func150", 10); none != "" || shown != 0 {
		t.Errorf("with no room there is %q", none)
	}
}

// A definition larger than the room shows its beginning.
func TestChoose_LargeDefinition(t *testing.T) {
	text := "package a\n\nfunc Huge() {\n" + strings.Repeat("\tcall()\n", 5000) + "}\n"
	got, _ := Choose("a.go", text, "`Huge`", 2000)
	if !strings.Contains(got, "func Huge() {\n\tcall()\n") || len(got) > 2000 {
		t.Errorf("%d bytes:\n%.300s", len(got), got)
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("a.go", "package a\n//line x.go:900\nfunc A() {}\n", "`A`", 20)
	f.Add("a.ts", "class A {\n b() {\n", "b()", 9)
	f.Add("a.md", "# x\n\xff", "x", 3)
	f.Fuzz(func(t *testing.T, file, text, words string, room int) {
		if room > 1<<20 {
			return
		}
		got, shown := Choose(file, text, words, room)
		if len(got) > max(room, 0) || shown > len(text) {
			t.Errorf("%d bytes for a room of %d, %d of %d shown", len(got), room, shown, len(text))
		}
	})
}
