package project

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

func TestFilesNamed(t *testing.T) {
	p := write(t, map[string]string{
		"src/cart/total.ts":      "export function sumLines() {}\nconst taxRate = 1\n",
		"src/cart/index.ts":      "import { sumLines } from './total'\n",
		"src/app/main.go":        "package main\nfunc Main() {}\n",
		"lib/index.ts":           "export {}\n",
		"lib/pay.py":             "def charge_card(): pass\n",
		"docs/notes.md":          "charge_card is old\n",
		"node_modules/x/pay2.js": "charge_card()\n",
	})
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
		// Longer than a path may be: looking for each of its ends took seconds.
		strings.Repeat("a/", 600) + "src/cart/total.ts": "",
	} {
		got := strings.Join(p.FilesNamed(t.Context(), ticket.Ticket{Body: text}), " ")
		if got != want {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
}

// A directory is no file that a plan may name.
func TestHasFile(t *testing.T) {
	p := write(t, map[string]string{"dir/x.go": "x"})
	for path, want := range map[string]bool{"dir/x.go": true, "dir": false, "gone": false, "../" + filepath.Base(p.Root) + "/dir/x.go": true, "/etc/passwd": false} {
		if got := p.HasFile(t.Context(), path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
