// Package draft turns what the local model wrote into a verified patch: it
// reads the reply, applies it to the file it was written for, and checks the
// result. The text of a model never reaches the working tree from here.
package draft

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/tools/draft/parse"
)

const (
	wholeFileLines = 200 // a longer file is changed by SEARCH/REPLACE blocks
	maxReplyBytes  = 512 << 10
	maxBlocks      = 200
)

// Defect says why a reply could not be used. Show is the file's real text at
// the place in question, with line numbers, for the repair turn.
type Defect struct{ Why, Show string }

func (d *Defect) Error() string { return d.Why }

func defect(format string, args ...any) *Defect { return &Defect{Why: fmt.Sprintf(format, args...)} }

// File is one file as it is before the draft.
type File struct {
	Path   string // slash-separated, beneath the root
	Text   string
	Exists bool
}

// inBlocks reports whether the model writes blocks, and not the file as a whole.
func (f File) inBlocks() bool { return strings.Count(f.Text, "\n") > wholeFileLines }

// result returns the file's text after the reply.
func (f File) result(inBlocks bool, reply string) (string, *Defect) {
	if len(reply) > maxReplyBytes {
		return "", defect("the reply has %d bytes, more than %d", len(reply), maxReplyBytes)
	}
	reply = withoutThinking(strings.ReplaceAll(reply, "\r\n", "\n"))
	if strings.ContainsRune(reply, 0) {
		return "", defect("the reply holds a NUL byte")
	}
	text, bad := "", (*Defect)(nil)
	if inBlocks {
		text, bad = applyBlocks(lf(f.Text), reply)
	} else {
		text, bad = wholeFile(reply, f.Path)
	}
	if bad != nil {
		return "", bad
	}
	return f.restoreStyle(text)
}

// restoreStyle gives the new text the old one's byte order mark and line
// endings, and refuses a result that changes nothing.
func (f File) restoreStyle(text string) (string, *Defect) {
	const bom = "\ufeff"
	old := strings.TrimPrefix(f.Text, bom)
	text = strings.TrimPrefix(text, bom)
	if f.Exists && text == lf(old) {
		return "", defect("the reply changes nothing in %s", f.Path)
	}
	if len(text) > parse.MaxBytes {
		return "", defect("the result has %d bytes, more than %d", len(text), parse.MaxBytes)
	}
	if strings.TrimSpace(text) == "" {
		return "", defect("the reply leaves %s empty", f.Path)
	}
	if crlf := strings.Count(old, "\r\n"); crlf > 0 && 2*crlf >= strings.Count(old, "\n") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if strings.HasPrefix(f.Text, bom) {
		text = bom + text
	}
	return text, nil
}

func lf(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// withoutThinking drops one leading <think> block.
func withoutThinking(reply string) string {
	rest, found := strings.CutPrefix(strings.TrimLeft(reply, " \n\t"), "<think>")
	if _, after, closed := strings.Cut(rest, "</think>"); found && closed {
		return after
	}
	return reply
}

var fenceLine = lazy.Regexp("^(`{3,}|~{3,})[^`]*$")

// wholeFile returns the one code block of a reply, or the whole reply where it
// has none.
func wholeFile(reply, name string) (string, *Defect) {
	lines := strings.Split(reply, "\n")
	open := slices.IndexFunc(lines, fenceLine().MatchString)
	if open < 0 {
		return endWithNewline(strings.TrimLeft(reply, "\n")), nil
	}
	fence := strings.TrimRight(lines[open], " \t")
	fence = fence[:len(fence)-len(strings.TrimLeft(fence, fence[:1]))]
	end, again := closing(lines[open+1:], fence, isMarkdown(name))
	switch {
	case end < 0:
		return "", defect("the code block is not closed: the reply was cut")
	case again:
		return "", defect("the reply holds more than one code block; write the whole file in one")
	}
	return endWithNewline(strings.Join(lines[open+1:open+1+end], "\n")), nil
}

// closing returns the index of the line that closes the fence, and whether
// another block follows. A Markdown file may hold fences of its own, so there
// the last closing line counts.
func closing(lines []string, fence string, markdown bool) (end int, again bool) {
	end = -1
	for i, line := range lines {
		bare := strings.TrimRight(line, " \t")
		switch {
		case len(bare) >= len(fence) && strings.Trim(bare, fence[:1]) == "" && (end < 0 || markdown):
			end = i
		case end >= 0 && !markdown && fenceLine().MatchString(line):
			return end, true
		}
	}
	return end, false
}

func isMarkdown(name string) bool {
	return slices.Contains([]string{".md", ".mdx", ".markdown"}, strings.ToLower(path.Ext(name)))
}

func endWithNewline(s string) string {
	if s = strings.TrimRight(s, "\n"); s != "" {
		s += "\n"
	}
	return s
}
