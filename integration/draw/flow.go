package main

import (
	"fmt"
	"html"
	"strings"
)

// box is one step of the flow: a title and up to two lines beneath it.
type box struct {
	x, y, w, h int
	class      string
	title      string
	lines      []string
}

// flow is the way of a ticket as an SVG: no script, no font file, readable on a
// light and on a dark page.
func flow() string {
	const width, height = 1040, 430
	boxes := []box{
		{20, 40, 150, 90, "data", "a wave of tickets", []string{"Markdown files", "of your backlog"}},
		{225, 40, 170, 90, "tool", "classify_ticket", []string{"all in one call:", "category, complexity"}},
		{475, 20, 180, 60, "free", "plan_ticket", []string{"Ollama, $0"}},
		{475, 100, 180, 60, "paid", "the cloud plans", []string{"Haiku or Sonnet"}},
		{715, 40, 160, 90, "work", "implement", []string{"a subagent, with", "tools that edit"}},
		{715, 190, 160, 60, "work", "lint", []string{"no model"}},
		{475, 190, 180, 60, "paid", "review", []string{"Haiku, never local"}},
		{225, 190, 170, 60, "paid", "commit", []string{"cheap tier"}},
		{20, 190, 150, 60, "free", "done", []string{"counted once"}},
		{715, 320, 160, 80, "paid", "escalate", []string{"Sonnet gets the", "hand-off packet"}},
		{225, 320, 430, 80, "tool", "record_gate_outcome", []string{"after every gate: continue, retry,", "escalate on the second failure, complete"}},
		{20, 320, 150, 80, "data", "journal", []string{"every outcome,", "call and cost"}},
	}
	arrows := []string{
		"M170 85 H219", "M395 66 L469 52", "M395 104 L469 126", "M655 50 L709 68", "M655 130 L709 104",
		"M795 130 V184", "M715 220 H661", "M475 220 H401", "M225 220 H176",
		"M655 360 H709", "M225 360 H176",
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="t d">`+"\n", width, height)
	b.WriteString("<title id=\"t\">The way of a ticket</title>\n")
	b.WriteString("<desc id=\"d\">classify_ticket decides for a whole wave which tickets local may have; those are planned by Ollama, the others by the cloud; then implement, lint, review, commit. record_gate_outcome notes every gate in the journal; a second failure escalates to Sonnet; the journal's figures decide the next wave.</desc>\n")
	b.WriteString(flowStyle)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d" rx="10"/>`+"\n", width, height)
	for _, d := range arrows {
		fmt.Fprintf(&b, `<path class="arrow" d="%s"/>`+"\n", d)
	}
	// The loops: gates to the record, and what was learned back to the decision.
	for _, d := range []string{"M795 250 C795 290 690 285 620 314", "M565 250 V314", "M310 250 V314",
		"M130 320 C130 275 198 290 198 240 V160 C198 145 238 160 244 136"} {
		fmt.Fprintf(&b, `<path class="arrow dashed" d="%s"/>`+"\n", d)
	}
	b.WriteString(`<path class="arrow" d="M875 360 H925 V85 H881"/>` + "\n")
	label(&b, 432, 46, "middle", "local: true")
	label(&b, 432, 142, "middle", "local: false")
	label(&b, 933, 219, "start", "the same")
	label(&b, 933, 235, "start", "gates again")
	label(&b, 682, 352, "middle", "second")
	label(&b, 682, 379, "middle", "failure")
	label(&b, 20, 290, "start", "the guard learns")
	for _, x := range boxes {
		x.draw(&b)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

const flowStyle = `<style>
text{font:14px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1f2a44}
.title{font-weight:600}.line,.label{font-size:12.5px}.label{fill:#5b6478}
.page{fill:#ffffff;stroke:#d9dce3}
.arrow{fill:none;stroke:#7b8498;stroke-width:1.6;marker-end:url(#head)}
.dashed{stroke-dasharray:5 4}.head{fill:#7b8498}
.data rect{fill:#f3f1ea;stroke:#b9b29c}.tool rect{fill:#e3ebfb;stroke:#5b7fc7}
.free rect{fill:#ddf3e8;stroke:#1f9d6b}.paid rect{fill:#fdebdc;stroke:#d98a3d}.work rect{fill:#f1f2f5;stroke:#9aa2b3}
@media (prefers-color-scheme:dark){
text{fill:#e8eaf0}.label{fill:#a8b0c2}.page{fill:#161b26;stroke:#2c3446}
.data rect{fill:#2a2820;stroke:#857c5f}.tool rect{fill:#1c2b4a;stroke:#5b7fc7}
.free rect{fill:#12352a;stroke:#1f9d6b}.paid rect{fill:#3a2614;stroke:#d98a3d}.work rect{fill:#232937;stroke:#6b7488}}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0 L8 4 L0 8 z"/></marker></defs>
`

func (x box) draw(b *strings.Builder) {
	fmt.Fprintf(b, `<g class="%s"><rect x="%d" y="%d" width="%d" height="%d" rx="7"/>`, x.class, x.x, x.y, x.w, x.h)
	const lead = 18
	y := x.y + (x.h-lead*len(x.lines))/2 + 4
	fmt.Fprintf(b, `<text class="title" text-anchor="middle" x="%d" y="%d">%s</text>`, x.x+x.w/2, y, html.EscapeString(x.title))
	for i, line := range x.lines {
		fmt.Fprintf(b, `<text class="line" text-anchor="middle" x="%d" y="%d">%s</text>`, x.x+x.w/2, y+lead*(i+1), html.EscapeString(line))
	}
	b.WriteString("</g>\n")
}

func label(b *strings.Builder, x, y int, anchor, text string) {
	fmt.Fprintf(b, `<text class="label" text-anchor="%s" x="%d" y="%d">%s</text>`+"\n", anchor, x, y, html.EscapeString(text))
}
