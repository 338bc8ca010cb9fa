package draft

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// block replaces the lines of search, which occur once in the file, by replace.
type block struct{ search, replace []string }

var (
	searchLine  = lazy.Regexp(`^<{5,9}\s*SEARCH\s*$`)
	dividerLine = lazy.Regexp(`^={5,9}\s*$`)
	replaceLine = lazy.Regexp(`^>{5,9}\s*REPLACE\s*$`)
)

// parseBlocks reads the SEARCH/REPLACE blocks of a reply. What is between
// them is ignored.
func parseBlocks(reply string) ([]block, *Defect) {
	var blocks []block
	var b block
	state := 0 // 0 outside, 1 in search, 2 in replace
	for line := range strings.SplitSeq(reply, "\n") {
		switch {
		case state == 0 && searchLine().MatchString(line):
			b, state = block{}, 1
		case state == 1 && dividerLine().MatchString(line):
			state = 2
		case state == 2 && replaceLine().MatchString(line):
			blocks = append(blocks, b)
			state = 0
		case state != 0 && searchLine().MatchString(line):
			return nil, defect("block %d begins before the one before it ends", len(blocks)+2)
		case state == 1:
			b.search = append(b.search, line)
		case state == 2:
			b.replace = append(b.replace, line)
		}
	}
	switch {
	case state != 0:
		return nil, defect("block %d is not closed: the reply was cut", len(blocks)+1)
	case len(blocks) == 0:
		return nil, defect("the reply holds no SEARCH/REPLACE block")
	case len(blocks) > maxBlocks:
		return nil, defect("the reply holds %d blocks, more than %d", len(blocks), maxBlocks)
	}
	return blocks, nil
}

type edit struct {
	from, to int // lines of the file, to excluded
	lines    []string
}

// applyBlocks applies every block of a reply to the text as it is before all of them.
func applyBlocks(text, reply string) (string, *Defect) {
	blocks, bad := parseBlocks(reply)
	if bad != nil {
		return "", bad
	}
	lines := strings.Split(text, "\n")
	var edits []edit
	for i, b := range blocks {
		e, bad := place(lines, b)
		if bad != nil {
			bad.Why = fmt.Sprintf("block %d: %s", i+1, bad.Why)
			return "", bad
		}
		edits = append(edits, e)
	}
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	var out []string
	at := 0
	for _, e := range edits {
		if e.from < at {
			return "", defect("two blocks change line %d", e.from+1)
		}
		out = append(out, lines[at:e.from]...)
		out = append(out, e.lines...)
		at = e.to
	}
	out = append(out, lines[at:]...)
	after := strings.Join(out, "\n")
	if strings.HasSuffix(text, "\n") || text == "" { // the end stays as it was
		after = endWithNewline(after)
	}
	return after, nil
}

// place finds the one place of a block: the exact lines, else the only lines
// that are equal when white space is normalised.
func place(lines []string, b block) (edit, *Defect) {
	search := trimBlankEnds(b.search)
	if len(search) == 0 {
		if len(lines) == 1 && lines[0] == "" {
			return edit{0, 1, b.replace}, nil
		}
		return edit{}, defect("the search text is empty")
	}
	found, replace := matches(lines, search), b.replace
	if len(found) == 0 {
		found = matches(normalised(lines), normalised(search))
		if len(found) == 1 {
			replace = reindent(replace, search, lines[found[0]:])
		}
	}
	switch len(found) {
	case 1:
		return edit{found[0], found[0] + len(search), trimLike(replace, b.search)}, nil
	case 0:
		return edit{}, &Defect{"the search text does not occur in the file", nearest(lines, search)}
	}
	d := defect("the search text occurs %d times; include more lines so that it occurs once", len(found))
	for _, at := range found[:min(len(found), 3)] {
		d.Show += numbered(lines, at-2, at+len(search)+2) + "\n"
	}
	return edit{}, d
}

// matches lists where the lines of want are, at most 10 places.
func matches(lines, want []string) []int {
	var found []int
	for i := 0; i+len(want) <= len(lines) && len(found) < 10; i++ {
		if slices.Equal(lines[i:i+len(want)], want) {
			found = append(found, i)
		}
	}
	return found
}

func normalised(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.Join(strings.Fields(line), " ")
	}
	return out
}

func blankStart(lines []string) bool { return len(lines) > 0 && strings.TrimSpace(lines[0]) == "" }

func blankEnd(lines []string) bool {
	return len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == ""
}

func trimBlankEnds(lines []string) []string {
	for blankStart(lines) {
		lines = lines[1:]
	}
	for blankEnd(lines) {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// trimLike drops from the replacement the blank ends that the search text had
// and that were not matched.
func trimLike(replace, search []string) []string {
	if blankStart(search) && blankStart(replace) {
		replace = replace[1:]
	}
	if blankEnd(search) && blankEnd(replace) {
		replace = replace[:len(replace)-1]
	}
	return replace
}

// reindent gives the replacement the indentation of the file: where a line of
// the search text matched one that is indented otherwise, lines of the
// replacement with the same indentation move along.
func reindent(replace, search, at []string) []string {
	moved := map[string]string{}
	for i, line := range search {
		if strings.TrimSpace(line) != "" {
			moved[indentOf(line)] = indentOf(at[i])
		}
	}
	first := indentOf(search[0])
	out := make([]string, len(replace))
	for i, line := range replace {
		indent := indentOf(line)
		to, known := moved[indent]
		if deeper, found := strings.CutPrefix(indent, first); !known && found {
			to, known = moved[first]+deeper, true
		}
		if out[i] = line; known {
			out[i] = to + line[len(indent):]
		}
	}
	return out
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// nearest shows the lines of the file that share most with the search text.
func nearest(lines, search []string) string {
	want := map[string]bool{}
	for _, line := range normalised(search) {
		if line != "" {
			want[line] = true
		}
	}
	normal := normalised(lines)
	score, best, at := 0, 0, -1
	for i, line := range normal {
		if want[line] {
			score++
		}
		if out := i - len(search); out >= 0 && want[normal[out]] {
			score--
		}
		if score > best {
			best, at = score, max(0, i-len(search)+1)
		}
	}
	if at < 0 {
		return numbered(lines, 0, 12)
	}
	return numbered(lines, at-3, at+len(search)+3)
}

// numbered renders lines from to (excluded) with their numbers, at most 40.
func numbered(lines []string, from, to int) string {
	from = max(from, 0)
	to = min(to, len(lines), from+40)
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "%d: %s\n", i+1, lines[i])
	}
	return b.String()
}
