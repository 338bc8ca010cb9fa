package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"text/template"
)

const (
	repository  = "https://github.com/fjbelchi/localmodel"
	description = "Let a free local model (Ollama) take the cheap work on software tickets"
)

//go:embed *.json.tmpl
var templateFiles embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"json":        encode,
	"default":     func(setting string) (string, error) { return encode(settingRow(setting).Default) },
	"environment": environment,
}).ParseFS(templateFiles, "*.json.tmpl"))

// encode is a value as JSON, in which <, > and & stay as they are.
func encode(v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}

// fill makes a JSON file of its template.
func fill(name string, values map[string]any) ([]byte, error) {
	values["Repository"], values["Description"] = repository, description
	var text, out bytes.Buffer
	if err := templates.ExecuteTemplate(&text, name+".tmpl", values); err != nil {
		return nil, err
	}
	err := json.Indent(&out, text.Bytes(), "", "  ")
	return out.Bytes(), err
}

// relativeLink is a link of Markdown to a file beside it: no scheme, no anchor
// of its own page.
var relativeLink = regexp.MustCompile(`\]\(([\w.][\w./-]*(?:#[\w-]+)?)\)`)

// readme is README.md for a package: its links to files of the repository, which
// no package holds, lead to those of the version's tag.
func readme(version string) ([]byte, error) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		return nil, err
	}
	return relativeLink.ReplaceAll(text, []byte("]("+repository+"/blob/v"+version+"/$1)")), nil
}
