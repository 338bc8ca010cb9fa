package ticket_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/tools/ticket"
)

// Heads that bring the hostile text below to the reader of each section.
const (
	inFiles    = "## Affected Files\n| File | Action | Description |\n|---|---|---|\n"
	inCriteria = "## Acceptance Criteria\n"
	inDepends  = "## Dependencies\n| Ticket |\n|---|\n"
)

// runsOfAllLengths is "` “ ``` …": no run has a partner.
func runsOfAllLengths(size int) string {
	var b strings.Builder
	for n := 1; b.Len() < size; n++ {
		b.WriteString(strings.Repeat("`", n) + " ")
	}
	return b.String()
}

// repeat gives a head and as many units as a size takes.
func repeat(head, unit string) func(size int) string {
	return func(size int) string { return head + strings.Repeat(unit, (size-len(head))/len(unit)) }
}

// TestHostileInputIsLinear has the work of each text grow as linear's does.
func TestHostileInputIsLinear(t *testing.T) {
	tests := map[string]func(int) string{
		"brackets":      repeat("", "["),
		"links":         repeat(inFiles, "| [a](b) "),
		"open links":    repeat(inFiles, "| [a]( "),
		"pipes":         repeat(inFiles, "|"),
		"pipe lines":    repeat(inFiles, "|\n"),
		"escaped pipes": repeat(inFiles, `\|`),
		"commas":        repeat(inFiles+"| ", "a,"),
		"same commas":   repeat(inFiles+"| ", ","),
		"file rows":     repeat(inFiles, "| a/b.go | x | y |\n"),
		"delimiters":    repeat(inFiles, "|---|\n"),
		"loose pipes":   repeat(inFiles+"\n", "a | b\n\n"),
		"hashes":        repeat("", "#"),
		"hash lines":    repeat("", "#\n"),
		"spaced hashes": repeat("# ", "# "),
		"headings":      repeat("", "## Acceptance Criteria\n"),
		"backticks":     repeat(inFiles+"| ", "`"),
		"code spans":    repeat(inFiles+"| ", "`a/b` "),
		"runs of all lengths": func(size int) string {
			return inFiles + "| <!-- " +
				runsOfAllLengths(size-len(inFiles)-100)
		},
		"fences":             repeat("", "```\n~~~\n"),
		"growing fences":     runsOfAllLengths,
		"comment open":       repeat("", "<!--"),
		"comments open":      repeat("a", " <!-- a"),
		"comment lines":      repeat("a", "\na <!--"),
		"comment and gaps":   repeat("", "a <!--\n\n"),
		"comments":           repeat("a ", "<!-- -->"),
		"comments in code":   repeat("a ", "`<!--` "),
		"comment to its end": repeat("", "a <!-- \n b -->\n"),
		"boxes":              repeat(inCriteria, "- [ ] AC-1: a\n"),
		"boxes in one line":  repeat(inCriteria, "- [ ] "),
		"long criterion":     repeat(inCriteria+"- [ ] AC-1: a\n", "  b\n"),
		"digits":             repeat(inCriteria, "1"),
		"dependencies":       repeat(inDepends, "| FEAT-1 FEAT-2,\n"),
		"ids in one cell":    repeat(inDepends+"| ", "FEAT-1 "),
		"dashes in one cell": repeat(inDepends+"| ", "a-"),
		"title":              repeat("# ", "a-"),
		"title of spaces":    repeat("# a", " "),
		"indentation":        repeat(inCriteria, " "),
		"blank lines":        repeat("", "\n"),            /* refused as empty */
		"no end":             repeat("---\n", "a: b\n"),   /* refused */
		"front matter size":  repeat("---\n---", "\n---"), /* the first pair counts */
	}
	for name, input := range tests {
		t.Run(name, func(t *testing.T) {
			expectLinear(t, name, input, ticket.MaxBytes/2, func(data []byte) {
				_, _ = ticket.Parse(data) // an error is an answer too
			})
		})
	}
}

// upTo is a size, or a part of it where LOCALMODEL_FULL is not set: what is not
// linear shows at once.
func upTo(size, part int) int {
	if os.Getenv("LOCALMODEL_FULL") != "" {
		return size
	}
	return size / part
}

// expectLinear gives 32 times the input and allows 150 times the time: quadratic
// work would take 1,024.
func expectLinear(t *testing.T, name string, input func(size int) string, size int, parse func([]byte)) {
	t.Helper()
	const (
		times = 32
		most  = 150
		least = 250 * time.Microsecond // less is not measured
	)
	part, whole := []byte(input(size/times)), []byte(input(size))
	small, large := time.Duration(1<<62), time.Duration(1<<62)
	for range 6 { // a machine under load may lose a comparison, not each
		small = min(small, timeOf(part, parse), timeOf(part, parse))
		if large = min(large, timeOf(whole, parse)); large < most*max(small, least) {
			return
		}
	}
	t.Errorf("%q: %v for a part of the input, %v for %d times as much", name, small, large, times)
}

// timeOf is the time of a parse, without what other programs take of the
// machine meanwhile where the system can tell.
func timeOf(data []byte, parse func([]byte)) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := threadTime()
	parse(data)
	return threadTime() - start
}

// TestHostileFrontMatterIsBounded: the YAML library is not ours, so its input
// is small, and it gets thirty-two times as much here.
func TestHostileFrontMatterIsBounded(t *testing.T) {
	for _, unit := range []string{"[", "{", "- ", "? ", "#\n", "&a ", "!", "'", "a:\n", "|\n", ": ", "k: [", "a: [\n", "[#\n", "x,", "a: b\n  ", "\"\n", "a: *a\n", "a\n", "- [\n", "b:\t\n"} {
		t.Run(unit, func(t *testing.T) {
			expectLinear(t, unit, func(size int) string {
				return "---\n" + strings.Repeat(unit, size/len(unit)) + "\n---\n"
			}, 64<<10-10, func(data []byte) { _, _ = ticket.Parse(data) })
		})
	}
}

func BenchmarkParse(b *testing.B) {
	body := strings.Repeat("Some text of a paragraph with `code` and a | pipe.\n\n", 20)
	data := []byte("---\nid: FEAT-1\ntitle: A\ntags: [a, b]\n---\n" + body + inFiles + "| a.go | modify | x |\n" + inCriteria + "- [ ] AC-1: x\n")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ticket.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
