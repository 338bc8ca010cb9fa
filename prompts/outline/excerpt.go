package outline

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/fjbelchi/localmodel/internal/lazy"
)

// Mentioned returns the definitions that the words name: as a whole word, of at
// least four letters or written as code.
func Mentioned(definitions []Definition, words string) []Definition {
	named, lower := identifiers(words), strings.ToLower(words)
	var out []Definition
	for _, d := range definitions {
		short := d.Short()
		if strings.ContainsAny(short, " ") {
			if strings.Contains(lower, strings.ToLower(short)) { // a heading
				out = append(out, d)
			}
			continue
		}
		if asCode, ok := named[short]; ok && (asCode || len(short) >= 4 && looksLikeCode(short)) {
			out = append(out, d)
		}
	}
	return out
}

// looksLikeCode reports whether nobody writes the name in prose by chance: with a
// capital inside, an underscore or a digit, or an exported one.
func looksLikeCode(name string) bool {
	for i, r := range name {
		if r == '_' || unicode.IsDigit(r) || unicode.IsUpper(r) && (i > 0 || len(name) >= 6) {
			return true
		}
	}
	return false
}

var name = lazy.Regexp(`[\p{L}_$][\p{L}\p{N}_$]*[?!]?`)

// identifiers are the words of a text that may be names; the value says whether
// it is written as code: in backticks, with () or after a dot.
func identifiers(text string) map[string]bool {
	const most = 64 << 10
	text = text[:min(len(text), most)]
	out := map[string]bool{}
	ticks, last := 0, 0
	for _, at := range name().FindAllStringIndex(text, -1) {
		ticks += strings.Count(text[last:at[0]], "`")
		last = at[1]
		word, rest := text[at[0]:at[1]], text[at[1]:]
		code := ticks%2 == 1 || strings.HasPrefix(rest, "(") || at[0] > 0 && text[at[0]-1] == '.'
		for _, w := range []string{word, strings.TrimRight(word, "?!")} {
			out[w] = out[w] || code
		}
	}
	return out
}

// around is how many lines are shown before and after a definition.
const around = 3

// Choose returns at most room bytes of a file: all of it where it fits; else its
// head, the definitions that the words name with lines around them, and an
// outline of the rest; else head and tail. Lines that are left out are said.
// shown counts the bytes of the file that are in the excerpt.
func Choose(file, text, words string, room int) (excerpt string, shown int) {
	if len(text) <= room {
		return text, len(text)
	}
	lines := strings.SplitAfter(text, "\n")
	definitions := Of(file, text)
	picked := make([]bool, len(lines))
	left := room
	take := func(from, to int) bool { // lines from 1, inclusive
		from, to = max(from, 1), min(to, len(lines))
		cost := 0
		for i := from - 1; i < to; i++ {
			if !picked[i] {
				cost += len(lines[i])
			}
		}
		if cost += noteBytes; cost > left {
			return false
		}
		for i := from - 1; i < to; i++ {
			picked[i] = true
		}
		left -= cost
		return true
	}
	mentioned := Mentioned(definitions, words)
	if len(mentioned) == 0 {
		headAndTail(lines, take, room-min(room/6, outlineBytes(definitions)))
	} else {
		head := min(20, len(lines))
		if len(definitions) > 0 {
			head = min(head, max(definitions[0].Line-1, 1))
		}
		take(1, head)
		for _, d := range mentioned {
			if !take(d.Line-around, d.End+around) {
				partOf(d, take)
			}
		}
	}
	return join(lines, picked, outlineOf(definitions, picked, &left))
}

// noteBytes is what a note about left-out lines may take.
const noteBytes = 48

// partOf takes as much of a definition's beginning as there is room for.
func partOf(d Definition, take func(from, to int) bool) {
	for length := d.End - d.Line; length > 2; length /= 2 {
		if take(d.Line-1, d.Line+length) {
			return
		}
	}
}

// headAndTail takes two thirds of the room from the top and the rest from the
// end.
func headAndTail(lines []string, take func(from, to int) bool, room int) {
	count := func(n, budget int, line func(int) string) int {
		for i := range n {
			if budget -= len(line(i)); budget < 0 {
				return i
			}
		}
		return n
	}
	room -= 2 * noteBytes
	head := count(len(lines), room*2/3, func(i int) string { return lines[i] })
	for i := range head {
		room -= len(lines[i])
	}
	tail := count(len(lines)-head, room, func(i int) string { return lines[len(lines)-1-i] })
	if head > 0 {
		take(1, head)
	}
	if tail > 0 {
		take(len(lines)-tail+1, len(lines))
	}
}

// outlineOf lists the definitions that are not shown, within the bytes left.
func outlineOf(definitions []Definition, picked []bool, left *int) string {
	var b strings.Builder
	for _, d := range definitions {
		if picked[d.Line-1] {
			continue
		}
		line := fmt.Sprintf("%d: %s\n", d.Line, d.Words)
		if *left -= len(line); *left < len(outlineHead) {
			break
		}
		b.WriteString(line)
	}
	if b.Len() == 0 {
		return ""
	}
	return outlineHead + b.String()
}

func outlineBytes(definitions []Definition) int {
	sum := 0
	for _, d := range definitions {
		sum += len(d.Words) + len("12345: \n")
	}
	return sum
}

const outlineHead = "[outline of the rest, by line]\n"

func join(lines []string, picked []bool, rest string) (excerpt string, shown int) {
	var b strings.Builder
	for i := 0; i < len(lines); {
		if picked[i] {
			b.WriteString(lines[i])
			shown += len(lines[i])
			i++
			continue
		}
		first := i
		for i < len(lines) && !picked[i] {
			i++
		}
		if shown > 0 || i < len(lines) {
			fmt.Fprintf(&b, "[lines %d to %d are left out]\n", first+1, i)
		}
	}
	if shown == 0 {
		return "", 0
	}
	if rest != "" && !strings.HasSuffix(b.String(), "\n") {
		b.WriteByte('\n')
	}
	return b.String() + rest, shown
}
