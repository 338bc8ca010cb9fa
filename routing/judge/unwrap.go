// Package judge says what a model's words are worth: the answer inside what is
// written around it, whether that fits its schema, and how sure the model was.
package judge

import (
	"bytes"
	"regexp"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
	"github.com/fjbelchi/localmodel/internal/lazy"
)

// IsJSON reports whether text is one JSON value, nested no deeper than a JSON
// library may see.
func IsJSON(text []byte) bool { return jsondepth.Check(text) == nil && gjson.ValidBytes(text) }

// Answer is what a model wrote, and the answer in it.
type Answer struct {
	Text  []byte // the answer
	whole []byte // as the model wrote it, wrapping and all
	at    int    // where in whole the answer begins; -1 = it is not in it
}

// Unwrap finds the answer in what a model wrote around it. A reply that must be
// JSON is taken out of reasoning and one code fence; where the text has none,
// the server's own field for reasoning may. A text that cannot be unwrapped is
// the answer as it is: the judgement then says what is wrong with it.
func Unwrap(text, thinking []byte, wantJSON bool) Answer {
	a := Answer{Text: text, whole: text}
	if !wantJSON {
		a.Text = afterReasoning(text, marked)
	}
	for _, written := range [][]byte{text, thinking} {
		if found, ok := findJSON(written); ok && wantJSON {
			a.Text = found
			break
		}
	}
	a.at = bytes.LastIndex(a.whole, a.Text) // reasoning may hold a draft of it
	return a
}

// findJSON takes wrappings off until JSON is left.
func findJSON(text []byte) ([]byte, bool) {
	for _, candidate := range [][]byte{text, afterReasoning(text, torn), inFence(text), inFence(afterReasoning(text, torn))} {
		candidate = bytes.TrimSpace(bytes.TrimPrefix(candidate, []byte("\ufeff")))
		if len(candidate) > 0 && IsJSON(candidate) {
			return candidate, true
		}
	}
	return nil, false
}

// channels is a harmony reply up to its answer.
const channels = `<\|channel\|>\s*final[^<]*(<\|constrain\|>[^<]*)?<\|message\|>`

// marks separate reasoning from the answer behind it.
type marks struct{ final, block func() *regexp.Regexp }

var (
	// marked are whole marks: a harmony reply's channels, a block with both tags.
	marked = marks{
		final: lazy.Regexp(channels),
		block: lazy.Regexp(`^\s*<(think|thinking|thought|reasoning)>[\s\S]*?</(think|thinking|thought|reasoning)>`),
	}
	// torn are marks of which a server dropped some: harmony without its special
	// tokens, a block whose opening tag is the template's. In a free text they
	// may be the answer's own words.
	torn = marks{
		final: lazy.Regexp(channels + `|^\s*analysis[\s\S]*assistantfinal(json)?`),
		block: lazy.Regexp(`^[\s\S]*?</(think|thinking|thought|reasoning)>`),
	}
	channelEnd = lazy.Regexp(`<\|(return|end|call|start)\|>`)
)

// afterReasoning is the text behind a leading block of reasoning; text itself
// where it has none, or nothing follows it.
func afterReasoning(text []byte, m marks) []byte {
	if all := m.final().FindAllIndex(text, -1); len(all) > 0 {
		answer := text[all[len(all)-1][1]:]
		if end := channelEnd().FindIndex(answer); end != nil {
			answer = answer[:end[0]]
		}
		return answer
	}
	if block := m.block().FindIndex(text); block != nil {
		if answer := text[block[1]:]; len(bytes.TrimSpace(answer)) > 0 {
			return answer
		}
	}
	return text
}

// fence is a line that opens or closes a code block.
var fence = lazy.Regexp("(?m)^[ \t]*(```|~~~)[ \t]*([A-Za-z0-9_+-]*)[ \t]*\r?$")

// inFence returns the content of the only code block of a text; nil where there is
// none, or more than one. The closing line may be missing.
func inFence(text []byte) []byte {
	lines := fence().FindAllIndex(text, 3)
	switch len(lines) {
	case 1:
		return text[lines[0][1]:]
	case 2:
		return text[lines[0][1]:lines[1][0]]
	}
	return nil
}
