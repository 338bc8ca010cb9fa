// Package prompts holds what is asked of a model and what counts as an answer:
// templates, reply schemas and acceptance checks, together, since they change
// together. Text in, text out: no I/O, no model names.
package prompts

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"text/template"
)

// Version names this set of prompts. It is part of the quality guard's key:
// statistics are kept per prompt version.
const Version = "3"

// System is the leading prompt of every call of every tool. It is one text so
// that the server's prefix cache holds it whichever tool asks.
//
//go:embed system.md
var System string

//go:embed classify.md
var classifyText string

//go:embed plan.md
var planText string

var functions = template.FuncMap{"join": strings.Join, "fence": Fence}

var (
	classifyTemplate = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("classify").Funcs(functions).Parse(classifyText))
	})
	planTemplate = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("plan").Funcs(functions).Parse(planText))
	})
)

func render(t *template.Template, data any) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("render prompt %s: %w", t.Name(), err)
	}
	return b.String(), nil
}
