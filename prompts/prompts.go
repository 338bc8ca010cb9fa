// Package prompts holds what is asked of a model and what counts as an answer:
// templates, reply schemas and acceptance checks, together, since they change
// together. Text in, text out: no I/O, no model names.
package prompts

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"text/template"
)

// Version names this set of prompts. It is part of the quality guard's key:
// another prompt is another junior, with a record of its own.
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

var functions = template.FuncMap{"join": strings.Join, "fence": fence}

var (
	classifyTemplate = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("classify").Funcs(functions).Parse(classifyText))
	})
	planTemplate = sync.OnceValue(func() *template.Template {
		return template.Must(template.New("plan").Funcs(functions).Parse(planText))
	})
)

// Marker returns the fence word for a text: derived from the text's own hash, so
// that the same ticket always gives the same prompt, and hashed on until the
// text does not hold it, so that no text can close its own fence.
func Marker(text string) string { return marker(text, sha256.Sum256) }

func marker(text string, hash func([]byte) [sha256.Size]byte) string {
	sum, up := hash([]byte(text)), strings.ToUpper(text)
	for {
		word := "DATA-" + strings.ToUpper(hex.EncodeToString(sum[:5]))
		if !strings.Contains(up, word) {
			return word
		}
		sum = hash(sum[:])
	}
}

func fence(marker, text string) string {
	return marker + " begin\n" + strings.TrimRight(text, "\n") + "\n" + marker + " end"
}

func render(t *template.Template, data any) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("render prompt %s: %w", t.Name(), err)
	}
	return b.String(), nil
}
