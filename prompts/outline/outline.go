// Package outline finds the definitions in a source file and chooses the parts
// of a large one that a ticket is about. Text in, text out; it reads no file.
package outline

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
	"sync"
)

// Definition is a named part of a source file.
type Definition struct {
	Name  string // "Retry", or "Client.Retry" for a method of Go
	Line  int    // first line, from 1; the doc comment counts in Go
	End   int    // last line; in other languages the one before the next definition
	Words string // the line that declares it, trimmed
}

// Short is the name without its receiver.
func (d Definition) Short() string { return d.Name[strings.LastIndexByte(d.Name, '.')+1:] }

// Limits that keep the work on a hostile file small.
const (
	maxDefinitions = 2000
	maxLine        = 400 // bytes of a line that are looked at
)

// Of returns the definitions of a file in the order of their lines. Go is
// parsed; for other languages a line that declares something is found by its
// keywords, as ctags does: no kept library without cgo knows them all.
func Of(file, text string) []Definition {
	if path.Ext(file) == ".go" {
		if found := goDefinitions(file, text); len(found) > 0 {
			return found
		}
	}
	return byLines(text)
}

func goDefinitions(file, text string) []Definition {
	files := token.NewFileSet()
	parsed, _ := parser.ParseFile(files, file, text, parser.ParseComments|parser.SkipObjectResolution)
	if parsed == nil {
		return nil
	}
	lines := strings.Split(text, "\n")
	var out []Definition
	add := func(name string, doc *ast.CommentGroup, node ast.Node) {
		first, last := files.Position(node.Pos()).Line, files.Position(node.End()).Line
		if len(out) >= maxDefinitions || first < 1 || first > len(lines) || last < first {
			return // a `//line` directive may claim any line
		}
		start := first
		if doc != nil {
			start = min(first, max(1, files.Position(doc.Pos()).Line))
		}
		out = append(out, Definition{name, start, min(last, len(lines)), clip(lines[first-1])})
	}
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			add(receiver(d)+d.Name.Name, d.Doc, d)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				addSpec(add, d, s)
			}
		}
	}
	return out
}

func addSpec(add func(string, *ast.CommentGroup, ast.Node), d *ast.GenDecl, s ast.Spec) {
	node, doc := ast.Node(s), d.Doc
	if len(d.Specs) == 1 {
		node = d
	}
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Doc != nil {
			doc = s.Doc
		}
		add(s.Name.Name, doc, node)
	case *ast.ValueSpec:
		if s.Doc != nil || len(d.Specs) > 1 {
			doc = s.Doc
		}
		for _, name := range s.Names {
			add(name.Name, doc, node)
		}
	}
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	e := f.Recv.List[0].Type
	for {
		switch t := e.(type) {
		case *ast.StarExpr:
			e = t.X
		case *ast.IndexExpr:
			e = t.X
		case *ast.IndexListExpr:
			e = t.X
		case *ast.Ident:
			return t.Name + "."
		default:
			return ""
		}
	}
}

// declarations are the forms in which the main languages declare something, one
// group each for the name.
var declarations = sync.OnceValue(func() []*regexp.Regexp {
	const before = `^\s*(?:(?:export|default|public|private|protected|internal|static|final|abstract|sealed|async|` +
		`pub(?:\([a-z]+\))?|unsafe|const|override|virtual|open|data|inline|extern(?: "C")?|partial|declare|local|readonly)\s+)*`
	return []*regexp.Regexp{
		// def, function, class and their like before the name
		regexp.MustCompile(before + `(?:func|function\*?|fn|def|sub|fun|proc|defp?|defmodule|macro_rules!|class|struct|` +
			`trait|interface|enum|union|record|protocol|extension|module|namespace|object|type|impl(?:<[^>]*>)?|mixin|` +
			`CREATE (?:OR REPLACE )?(?:TABLE|VIEW|FUNCTION|PROCEDURE|INDEX)(?: IF NOT EXISTS)?)\s+` +
			`(?:self\.)?["` + "`" + `]?([A-Za-z_$][\w$.]*[?!]?)`),
		// const name = (…) => and name = function
		regexp.MustCompile(before + `(?:(?:const|let|var|val)\s+)([A-Za-z_$][\w$]*)\s*(?::[^=]{1,80})?=`),
		regexp.MustCompile(`^(?:module\.)?(?:exports|[A-Za-z_$][\w$]*)\.(?:prototype\.)?([A-Za-z_$][\w$]*)\s*=\s*(?:async\s+)?(?:function|\()`),
		// a method of JavaScript, TypeScript, Java, C#: name(…) … {
		regexp.MustCompile(before + `(?:[A-Za-z_][\w<>\[\],.?*&:]*\s+)*[*&]?(?:get\s+|set\s+|#)?([A-Za-z_$][\w$]*)\s*(?:<[^>]*>)?\([^;]*(?:\{|=>)\s*(?:\}|//.*)?$`),
		// C and C++: type name(…) with the brace on the next line
		regexp.MustCompile(`^(?:[A-Za-z_][\w<>:,]*[\s*&]+){1,4}((?:[A-Za-z_]\w*::)*~?[A-Za-z_]\w*)\s*\([^;{}]*\)?\s*(?:const)?\s*$`),
		// a Make target, and a heading of Markdown
		regexp.MustCompile(`^([A-Za-z][\w./-]*)\s*:(?:[^=]|$)`),
		regexp.MustCompile(`^#{1,4}\s+(\S.*)$`),
	}
})

// notNames are words found where a name is expected in a statement.
var notNames = map[string]bool{"if": true, "for": true, "while": true, "switch": true, "catch": true, "return": true,
	"else": true, "do": true, "function": true, "with": true, "await": true, "new": true, "super": true, "match": true,
	"elif": true, "except": true, "throw": true, "typeof": true, "sizeof": true, "default": true, "case": true,
	"foreach": true, "using": true, "lock": true, "synchronized": true, "unless": true, "until": true, "when": true,
	"try": true, "finally": true, "public": true, "private": true, "protected": true}

func byLines(text string) []Definition {
	var out []Definition
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if name := declared(line[:min(len(line), maxLine)]); name != "" && len(out) < maxDefinitions {
			out = append(out, Definition{Name: name, Line: n, Words: clip(line)})
		}
	}
	for i := range out {
		out[i].End = n
		if i+1 < len(out) {
			out[i].End = max(out[i].Line, out[i+1].Line-1)
		}
	}
	return out
}

func declared(line string) string {
	if strings.TrimSpace(line) == "" {
		return ""
	}
	for i, form := range declarations() {
		found := form.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		name := strings.TrimSpace(found[1])
		indented := line[0] == ' ' || line[0] == '\t'
		if notNames[name] || i == 1 && indented { // a local variable
			continue
		}
		return name
	}
	return ""
}

func clip(line string) string {
	const most = 120
	line = strings.TrimSpace(line)
	if r := []rune(line); len(r) > most {
		return string(r[:most]) + "…"
	}
	return line
}
