package smol

import (
	"fmt"
	"log/slog"
	"sort"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/testkit/ollamatest"
	"github.com/fjbelchi/localmodel/integration/testkit/tiers"
)

var discard = slog.New(slog.DiscardHandler)

// The program with a weak model is never worse than the program without one.
func TestClassifyIsNotWorseThanRules(t *testing.T) {
	server := ollamatest.Shared(t)
	model := server.SmolLM(t)
	set := tickets(t)
	if !all() {
		set = []labelledTicket{set[0], set[21], set[46]} // one of each category
	}
	rules := newProject(t, tiers.Config{OllamaURL: "http://127.0.0.1:9", Model: model})
	raw := newProject(t, tiers.Config{OllamaURL: server.URL, Model: model})
	whole := newProject(t, tiers.Config{OllamaURL: server.URL, Model: model, MinConfidence: minConfidence})
	var byRules, byModel, byBoth score
	by := map[string]int{}
	var lines []string
	var curve []point
	for i, l := range set {
		r, w := rules.classify(t, l), whole.classify(t, l)
		if r.By != "rules" {
			t.Fatalf("%s without a model: %+v", l.id, r)
		}
		by[w.By]++
		byRules.add(l, r.Category, r.Complexity)
		byBoth.add(l, w.Category, w.Complexity)
		if w.By == "local" && (w.Confidence == nil || *w.Confidence < minConfidence-0.005) {
			t.Errorf("%s: answered by local without enough confidence: %+v", l.id, w)
		}
		if w.By == "rules" && !strings.Contains(w.Why, "unsure") && !strings.Contains(w.Why, "low confidence") {
			t.Errorf("%s: no reason in %q", l.id, w.Why)
		}
		if !all() && i > 0 {
			continue // one is enough to see that there is a confidence
		}
		m := raw.classify(t, l)
		byModel.add(l, m.Category, m.Complexity)
		if m.Confidence == nil {
			t.Errorf("%s: no confidence: %+v", l.id, m)
			continue
		}
		curve = append(curve, point{*m.Confidence, l, m, r})
		lines = append(lines, fmt.Sprintf("%s want %s %s; model %s %s %.2f; rules %s %s", l.id, l.category, l.complexity,
			m.Category, m.Complexity, *m.Confidence, r.Category, r.Complexity))
	}
	t.Logf("rules alone:   %s", byRules)
	t.Logf("whole program: %s; answered by %v; calls %v", byBoth, by, whole.calls)
	if byBoth.right() < byRules.right() {
		t.Errorf("with the model %.3f, without %.3f", byBoth.right(), byRules.right())
	}
	if all() {
		t.Logf("model alone:   %s", byModel)
		t.Log("\n" + strings.Join(lines, "\n"))
		t.Log("\n" + thresholds(curve))
	}
}

// minConfidence is the program's default.
const minConfidence = 0.60

type point struct {
	confidence  float64
	l           labelledTicket
	model, rule row
}

// thresholds says what each least confidence would have given.
func thresholds(points []point) string {
	sort.Slice(points, func(i, j int) bool { return points[i].confidence < points[j].confidence })
	var b strings.Builder
	for _, limit := range []float64{0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01} {
		var s score
		local := 0
		for _, p := range points {
			r := p.rule
			if p.confidence >= limit {
				r = p.model
				local++
			}
			s.add(p.l, r.Category, r.Complexity)
		}
		fmt.Fprintf(&b, "least confidence %.2f: %d by the model; %s\n", limit, local, s)
	}
	return b.String()
}
