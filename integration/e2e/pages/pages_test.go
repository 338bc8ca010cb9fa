// Package pages holds the tests of the pages that stats and eval write: made by
// the real program from a real journal, and looked at in a real browser.
package pages

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/binary"
	"github.com/fjbelchi/localmodel/integration/testkit/journaltest"
	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

func TestMain(m *testing.M) { os.Exit(ollamatest.Main(m)) }

// localmodel runs the program in a project.
func localmodel(t *testing.T, root string, args ...string) string {
	t.Helper()
	return localmodelWith(t, root, "127.0.0.1:1", args...)
}

func localmodelWith(t *testing.T, root, ollama string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary.Path(t), args...)
	cmd.Env = binary.Env(t, "CLAUDE_PROJECT_DIR="+root, "LOCALMODEL_STATE="+journalOf(root), "OLLAMA_HOST="+ollama, "LITELLM_BASE_URL=http://127.0.0.1:1", "LOCALMODEL_NUM_CTX=4096")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// journalOf is where a project's test has its journal.
func journalOf(root string) string { return filepath.Join(root, "state", "journal.db") }

// quarter fills a journal with three months of work, through the store itself:
// a small model that does well on what is easy, then a larger one.
func quarter(t *testing.T, root string) {
	t.Helper()
	ctx := context.Background()
	var clock journaltest.Clock // calls are written in the background, which reads it
	clock.Set(time.Now().AddDate(0, 0, -83))
	s := statestore.New(journal.Options{State: journalOf(root), Root: root, Now: clock.Now})
	defer s.Close()
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
		clock.Add(90 * time.Second)
	}
	for i := range 84 {
		clock.Add(22 * time.Hour)
		ticket, class, model := fmt.Sprintf("FEAT-%03d", i), []string{"low", "low", "medium"}[i%3], "qwen3:8b"
		if i > 30 {
			model = "qwen3-coder:30b"
		}
		call := func(purpose string, in, out int) {
			check(s.Calls.Add(ctx, calls.Call{At: clock.Now(), Purpose: purpose, TicketID: ticket, Tier: "local", Model: model, TokensIn: in, TokensOut: out, MS: 900, Result: "ok"}))
		}
		call("classify", 1100+i, 12)
		call("plan", 3000+40*i, 700)
		_, err := s.RecordPlan(ctx, statestore.Plan{TicketID: ticket, ByLocal: true, Key: guard.Key{Class: class, Digest: model + "/1"},
			Text: strings.Repeat("plan ", 150), Model: model})
		check(err)
		gate := func(name string, pass bool, quality float64) {
			o := statestore.Outcome{TicketID: ticket, Gate: policy.Gate(name), Outcome: policy.Pass}
			if quality > 0 {
				o.Quality = &quality
			}
			if !pass {
				o.Outcome = policy.Fail
				o.Evidence = strings.Repeat("it does not ", 30)
			}
			_, err := s.Record(ctx, o, nil)
			check(err)
		}
		gate("plan", true, 0)
		switch fails := i%9 == 4 || class == "medium" && i < 30 && i%2 == 0; {
		case i >= 82: // still open
		case fails:
			name := []string{"lint", "review", "review", "implement"}[i%4]
			gate(name, false, 0)
			gate(name, false, 40)
		default:
			gate("review", true, 80+float64(i%20))
			gate("commit", true, 0)
		}
		if i%11 == 0 {
			check(s.Calls.Add(ctx, calls.Call{At: clock.Now(), Purpose: "classify", TicketID: ticket + "x", Tier: "cheap", Model: "claude-haiku-4-5", TokensIn: 1100, TokensOut: 12, CostUSD: .0012, Paid: true, MS: 700, Result: "ok"}))
		}
	}
}

// unreadable lists texts whose contrast to what is behind them is under 4.5,
// as WCAG computes it.
const unreadable = `(() => {
  const lum = c => { const [r,g,b] = c.map(v => { v /= 255; return v <= .03928 ? v/12.92 : Math.pow((v+.055)/1.055, 2.4) }); return .2126*r + .7152*g + .0722*b };
  const rgb = s => { const m = s.match(/[\d.]+/g).map(Number); return m.length < 4 || m[3] > 0 ? m.slice(0,3) : null };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c } return [255,255,255] };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) {
    const e = n.parentElement;
    if (!n.data.trim() || e.closest('title,style') || !e.getClientRects().length) continue;
    const s = getComputedStyle(e), svg = e.namespaceURI.endsWith('svg');
    const a = lum(rgb(svg ? s.fill : s.color)), b = lum(behind(e));
    const ratio = (Math.max(a,b)+.05)/(Math.min(a,b)+.05);
    if (ratio < 4.5) bad.push(n.data.trim() + ' ' + ratio.toFixed(2));
  }
  return bad;
})()`

// small lists texts that are drawn under 10 pixels.
const small = `(() => {
  const bad = [];
  for (const e of document.querySelectorAll('svg text, p, dt, dd, td, th, li, figcaption, h1, h2')) {
    const r = e.getBoundingClientRect();
    if (!r.width || !e.textContent.trim()) continue;
    const svg = e.ownerSVGElement, scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const px = parseFloat(getComputedStyle(e).fontSize) * scale;
    if (px < 10) bad.push(e.textContent.trim().slice(0, 40) + ' ' + px.toFixed(1));
  }
  return bad;
})()`

// crossed lists texts of a chart through whose box a line of its grid runs.
const crossed = `(() => {
  const bad = [], half = .5;
  for (const svg of document.querySelectorAll('svg')) {
    const lines = [...svg.querySelectorAll('.grid')].map(e => e.getBoundingClientRect());
    for (const e of svg.querySelectorAll('text')) {
      const t = e.getBoundingClientRect();
      for (const l of lines)
        if (l.left < t.right - half && l.right > t.left + half && l.top < t.bottom - half && l.bottom > t.top + half) {
          bad.push(e.textContent);
          break;
        }
    }
  }
  return bad;
})()`

// legends lists charts whose legend names another set of colours than the chart
// shows. A chart of one colour needs none.
const legends = `(() => {
  const bad = [], colours = ['one', 'two', 'three'];
  for (const figure of document.querySelectorAll('figure')) {
    const seen = new Set(), named = new Set();
    for (const e of figure.querySelectorAll('svg rect, svg circle, svg .line')) {
      const r = e.getBoundingClientRect();
      if (r.width + r.height < 1 || e.tagName == 'rect' && r.width * r.height < .5) continue;
      colours.filter(c => e.classList.contains(c)).forEach(c => seen.add(c));
    }
    for (const e of figure.querySelectorAll('.keys i')) named.add(e.className);
    const same = seen.size == named.size && [...seen].every(c => named.has(c));
    if (!same && !(named.size == 0 && seen.size < 2)) bad.push(figure.querySelector('svg').getAttribute('aria-label') + ': ' + [...seen] + ' but ' + [...named]);
  }
  return bad;
})()`

// look shows a page at both widths, light and dark, and checks what a reader
// would notice.
func look(t *testing.T, b *browser, file, name string, want ...string) {
	t.Helper()
	paper := map[string]string{}
	for _, width := range []int{1200, 400} {
		for _, scheme := range []string{"light", "dark"} {
			at := fmt.Sprintf("%s %d %s", name, width, scheme)
			b.show(t, file, width, scheme)
			var seen struct {
				Text, Paper string
				Wide        int
				Scripts     int
				Far         int
			}
			b.eval(t, `({text: document.body.innerText, paper: getComputedStyle(document.body).backgroundColor, wide: document.documentElement.scrollWidth,
				scripts: document.scripts.length, far: performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length})`, &seen)
			for _, text := range want {
				if !strings.Contains(seen.Text, text) {
					t.Errorf("%s: %q is not to be read in\n%s", at, text, seen.Text)
				}
			}
			if seen.Wide > width || seen.Scripts > 0 || seen.Far > 0 {
				t.Errorf("%s: %d pixels wide, %d scripts, %d things fetched", at, seen.Wide, seen.Scripts, seen.Far)
			}
			paper[scheme] = seen.Paper
			for what, script := range map[string]string{"contrast": unreadable, "size": small, "grid": crossed, "legend": legends} {
				var bad []string
				if b.eval(t, script, &bad); len(bad) > 0 {
					t.Errorf("%s: %s: %q", at, what, bad)
				}
			}
			png := b.shoot(t, at)
			if img, _, err := image.DecodeConfig(bytes.NewReader(png)); err != nil || img.Width != width || img.Height < 600 {
				t.Errorf("%s: a picture of %d by %d, %v", at, img.Width, img.Height, err)
			}
			if len(b.console) > 0 {
				t.Errorf("%s: the console says %q", at, b.console)
			}
		}
	}
	if paper["light"] == paper["dark"] {
		t.Errorf("%s: light and dark are both %s", name, paper["light"])
	}
}

func TestStatsPage(t *testing.T) {
	b := newBrowser(t)
	root := t.TempDir()
	quarter(t, root)
	file := filepath.Join(root, "stats.html")
	localmodel(t, root, "stats", "--html", file)
	look(t, b, file, "stats", "What the local model did", "tickets passed their gates", "qwen3-coder:30b", "By complexity", "Where it was escalated", "2026-11-23", "2 more are open")
	var weeks struct{ Table, Chart []string }
	b.eval(t, `({table: [...document.querySelector('table').querySelectorAll('tbody th')].map(e => e.textContent),
		chart: [...document.querySelectorAll('figure')[0].querySelectorAll('rect.one title')].map(e => e.textContent)})`, &weeks)
	if len(weeks.Table) < 10 || len(weeks.Table) != len(weeks.Chart) || !slices.IsSorted(weeks.Table) {
		t.Fatalf("the table has the weeks %q, the chart %q", weeks.Table, weeks.Chart)
	}
	for i, day := range weeks.Table { // the chart writes 2006-01-02 as "2 Jan: ..."
		when, err := time.Parse(time.DateOnly, day)
		if err != nil || !strings.HasPrefix(weeks.Chart[i], when.Format("2 Jan")+":") {
			t.Errorf("place %d: %s in the table, %q in the chart", i, day, weeks.Chart[i])
		}
	}
	if text := localmodel(t, root, "stats"); !strings.Contains(text, "stayed local and passed their gates") {
		t.Errorf("got %s", text)
	}
}

// A page of nothing is a page too, and a name that is markup stays a name.
func TestStatsPageOfOddJournals(t *testing.T) {
	b := newBrowser(t)
	root := t.TempDir()
	file := filepath.Join(root, "stats.html")
	localmodel(t, root, "stats", "--html", file)
	look(t, b, file, "empty", "none yet", "Nothing has been recorded")

	s := statestore.New(journal.Options{State: journalOf(root), Root: root})
	const name = `<img src=x onerror=alert(1)>"'&`
	if _, err := s.RecordPlan(t.Context(), statestore.Plan{TicketID: "T-1", ByLocal: true, Key: guard.Key{Class: "low", Digest: "d"}, Text: "plan", Model: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Record(t.Context(), statestore.Outcome{TicketID: "T-1", Gate: policy.Commit, Outcome: policy.Pass}, nil); err != nil {
		t.Fatal(err)
	}
	s.Close()
	localmodel(t, root, "stats", "--html", file)
	look(t, b, file, "odd", name, "1 of 1")
}

func TestEvalPage(t *testing.T) {
	b := newBrowser(t)
	server := ollamatest.Shared(t)
	root := t.TempDir()
	for i, complexity := range []string{"low", "medium", "high", "medium"} {
		text := fmt.Sprintf("---\nid: BUG-%d\ncomplexity: %s\n---\n# BUG-%[1]d: Fix it\n\n## Affected Files\n\n| File | Action |\n|---|---|\n| main.go | modify |\n\n## Acceptance Criteria\n\n- [ ] AC-1: it works\n", i, complexity)
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("BUG-%d.md", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(root, "eval.html")
	localmodelWith(t, root, server.URL, "eval", root, "--models", ollamatest.Steered+","+ollamatest.Unsure, "--also-plan", "1", "--html", file)
	look(t, b, file, "eval", "Models side by side", "How sure is "+ollamatest.Unsure, "Brier score", "Plans", "Agreement on the complexity")
}
