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

// DraftSystem is the leading prompt of a draft: code is written as text, not
// inside JSON, so it differs from System.
//
//go:embed draft_system.md
var DraftSystem string

//go:embed draft.md
var draftText string

var (
	classifyTemplate = parsed("classify", classifyText)
	planTemplate     = parsed("plan", planText)
	draftTemplate    = parsed("draft", draftText)
)

// parsed makes a template when it is first used.
func parsed(name, text string) func() *template.Template {
	return sync.OnceValue(func() *template.Template {
		functions := template.FuncMap{"join": strings.Join, "fence": Fence}
		return template.Must(template.New(name).Funcs(functions).Parse(text))
	})
}

func render(t *template.Template, data any) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("render prompt %s: %w", t.Name(), err)
	}
	return b.String(), nil
}

// Marker returns the fence word for the foreign texts of one prompt, all of
// them: derived from their own hash, so that the same ticket always gives the
// same prompt, and hashed on until none of them holds it, so that no text can
// close its own fence or open another's.
func Marker(texts ...string) string { return marker(strings.Join(texts, "\n"), sha256.Sum256) }

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

// Fence puts a text between two lines of the marker, which is Marker's word for
// a prompt that this text is part of.
func Fence(marker, text string) string {
	return marker + " begin\n" + strings.TrimRight(text, "\n") + "\n" + marker + " end"
}
