package tools

import (
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

func TestEvidence_FilesOfText(t *testing.T) {
	b := newBench(t, &script{})
	for path, text := range map[string]string{
		"src/cart/total.ts":      "export function sumLines() {}\nconst taxRate = 1\n",
		"src/cart/index.ts":      "import { sumLines } from './total'\n",
		"src/app/main.go":        "package main\nfunc Main() {}\n",
		"lib/index.ts":           "export {}\n",
		"lib/pay.py":             "def charge_card(): pass\n",
		"docs/notes.md":          "charge_card is old\n",
		"node_modules/x/pay2.js": "charge_card()\n",
	} {
		b.write(path, text)
	}
	for text, want := range map[string]string{
		"Totals are wrong in src/cart/total.ts.":                        "src/cart/total.ts",
		"Totals are wrong, see `./src/cart/total.ts:12`.":               "src/cart/total.ts",
		"Error: NaN\n    at sum (/home/ci/shop/src/cart/total.ts:12:3)": "src/cart/total.ts",
		`File "C:\work\shop\lib\pay.py", line 3, in charge`:             "lib/pay.py",
		"main.go:14 +0x1d":                     "src/app/main.go", // of which there is one
		"See index.ts":                         "",                // of which there are two
		"`taxRate` is wrong":                   "src/cart/total.ts",
		"sumLines() is wrong":                  "",           // in two files
		"charge_card fails":                    "lib/pay.py", // prose and what is installed do not count
		"See src/cart/total.ts and lib/pay.py": "lib/pay.py src/cart/total.ts",
		"The page is slow":                     "",
		"see ../../etc/passwd and /etc/passwd": "",
		"Version 1.2 of e.g. node.js":          "",
	} {
		got := strings.Join(b.evidence(t.Context(), ticket.Ticket{Body: text}), " ")
		if got != want {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
}

// A path in the text is the size of a ticket that states none, and the row says
// where the file comes from; without it, and without a sure model, the size is
// unknown.
func TestClassify_SizeFromText(t *testing.T) {
	low := func(string) (string, string) { return "BUG", "low" }
	for name, c := range map[string]struct {
		model *scriptedModel
		text  string
		want  string // the beginning of why
		local bool
	}{
		"a file, no model":           {&scriptedModel{down: refusedLocally}, "Crash in src/a.go", "1 file from text", true},
		"a file, a sure model":       {&scriptedModel{says: low, sure: 0.9}, "Crash in src/a.go", "1 file from text", true},
		"nothing, no model":          {&scriptedModel{down: refusedLocally}, "Crash now", "size unknown", false},
		"nothing, a sure model":      {&scriptedModel{says: low, sure: 0.9}, "Crash now", "eligible", true},
		"nothing, no probabilities":  {&scriptedModel{says: low}, "Crash now", "size unknown", false},
		"nothing, a stated size":     {&scriptedModel{down: refusedLocally}, "---\ncomplexity: low\n---\nCrash now", "eligible", true},
		"front matter with no files": {&scriptedModel{down: refusedLocally}, "---\nid: BUG-1\n---\nCrash now", "size unknown", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := decider(t, c.model)
			b := &bench{t: t, Deps: d}
			b.write("src/a.go", "package a\n")
			row := classifyText(t, d, classifyInput{Ticket: c.text}).Tickets[0]
			if !strings.Contains(row.Why, c.want) || *row.Local != c.local {
				t.Errorf("local %t, why %q; want %t and %q", *row.Local, row.Why, c.local, c.want)
			}
			c.model.says = nil              // who is asked for a plan does not answer
			in := planInput{Ticket: c.text} // the same content, so the same decision
			parsed, fault := d.readOne(t.Context(), in)
			if fault != nil {
				t.Fatal(fault)
			}
			r, err := d.plan(t.Context(), parsed, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.By != "rules"; got != c.local {
				t.Errorf("planned %t by %s: %s", got, r.By, r.Summary)
			}
		})
	}
}
