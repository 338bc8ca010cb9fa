package tools

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/prompts"
	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/tools/background"
	"github.com/fjbelchi/localmodel/tools/decide"
)

var hinted = regexp.MustCompile(`A simple rule says: complexity (\w+)\.`)

// repeats says what its prompt suggests, and medium where it suggests nothing.
func repeats(user string) string {
	if hint := hinted.FindStringSubmatch(user); hint != nil {
		return hint[1]
	}
	return "medium"
}

// reads judges the ticket and no hint.
func reads(user string) string {
	if strings.Contains(user, "misspelt") || strings.Contains(user, "one constant") {
		return "low"
	}
	return "high"
}

// timid takes a hint up, but never down.
func timid(user string) string {
	if strings.Contains(user, "complexity high") {
		return "high"
	}
	return reads(user)
}

// suggestible is a model behind a bench that is measured at once.
func suggestible(t *testing.T, says func(user string) string) (b *bench, asked func(purpose string) int) {
	t.Helper()
	var mu sync.Mutex
	purposes := map[string]int{}
	sure := .9
	b = newBench(t, &script{health: routing.Health{Ollama: routing.Check{Model: "m"}}, complete: func(_ context.Context, route policy.Route, req routing.Request) (routing.Answer, error) {
		mu.Lock()
		defer mu.Unlock()
		purposes[string(route)+" "+req.Purpose]++
		a := routing.Answer{Text: []byte(`{"complexity":"` + says(req.User) + `"}`), Tier: policy.Local, Model: "m", Digest: "d1", Confidence: &sure}
		if route == policy.OnlyCloud {
			a.Tier, a.Text = policy.Cheap, []byte(`{"complexity":"high"}`)
		}
		a.Attempts = []routing.Attempt{{Tier: a.Tier}}
		return a, req.Accept(a.Text)
	}})
	b.write("a.go", "package a\n")
	b.Finish = background.New(t.TempDir())
	t.Cleanup(b.Finish.Close)
	return b, func(purpose string) int {
		mu.Lock()
		defer mu.Unlock()
		return purposes[purpose]
	}
}

// What a model that repeats its prompt says of a ticket counts as no answer, and
// health says so; one that reads the tickets is believed.
func TestEcho(t *testing.T) {
	for name, c := range map[string]struct {
		says     func(string) string
		followed int
	}{
		"repeats the hint": {repeats, 4},
		"reads the ticket": {reads, 0},
		"follows only up":  {timid, 2},
		"says one thing":   {func(string) string { return "medium" }, 0},
		"says the opposite": {func(user string) string {
			return map[string]string{"low": "high", "high": "low", "medium": "medium"}[repeats(user)]
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := suggestible(t, c.says)
			r, err := decide.MeasureEcho(t.Context(), b.Deps)
			if err != nil || r.Asked != 4 || r.Followed != c.followed {
				t.Fatalf("%+v, %v", r, err)
			}
			t.Logf("%s: %d of %d", name, r.Followed, r.Asked)
			health := b.run("check_local_health", args{})
			row := b.run("classify_ticket", args{"ticket": asksModel}).Get("tickets.0")
			if echo := c.followed == 4; strings.Contains(health.Get("warnings").Raw, "4 of 4") != echo || (row.Get("by").Str == "rules") != echo {
				t.Errorf("row %s, health %s", row.Raw, health.Raw)
			}
		})
	}
}

// Nobody else may answer: the rules do, and no model is asked. Where a paid tier
// may, it is.
func TestEcho_WhoAnswersInstead(t *testing.T) {
	for name, c := range map[string]struct {
		paid  bool
		route string
		by    string
		asked string
	}{
		"nobody else":   {false, "auto", "rules", ""},
		"route local":   {true, "local", "rules", ""},
		"paid tier":     {true, "auto", "cheap", "cloud classify"},
		"asked for it":  {true, "cloud", "cheap", "cloud classify"},
		"without a cap": {false, "cloud", "cheap", "cloud classify"},
	} {
		t.Run(name, func(t *testing.T) {
			b, asked := suggestible(t, repeats)
			b.PaidTier = c.paid
			if _, err := decide.MeasureEcho(t.Context(), b.Deps); err != nil {
				t.Fatal(err)
			}
			r := b.run("classify_ticket", args{"ticket": asksModel, "route": c.route, "explain": true})
			row := r.Get("tickets.0")
			if row.Get("by").Str != c.by || asked("auto classify")+asked("local classify") > 0 || c.asked != "" && asked(c.asked) != 1 {
				t.Errorf("got %s", r.Raw)
			}
			if c.route != "cloud" && !strings.Contains(r.Raw, "follow the prompt's hint, 4 of 4 times") {
				t.Errorf("nothing says why: %s", r.Raw)
			}
		})
	}
}

// The measurement starts by itself after an answer, once, and goes on where it was
// interrupted.
func TestEcho_InBackground(t *testing.T) {
	b, asked := suggestible(t, repeats)
	b.run("classify_ticket", args{"ticket": asksModel})
	if n := asked("local health"); n > 0 {
		t.Fatalf("measured %d times though it is not wanted", n)
	}
	inner := b.Asker.(*script).complete
	broken := errors.New("interrupted")
	left := 3
	b.Asker.(*script).complete = func(ctx context.Context, route policy.Route, req routing.Request) (routing.Answer, error) {
		if req.Purpose == "health" {
			left--
			if left < 0 {
				return routing.Answer{}, broken
			}
		}
		return inner(ctx, route, req)
	}
	if r, err := decide.MeasureEcho(t.Context(), b.Deps); !errors.Is(err, broken) || r.Asked != 1 {
		t.Fatalf("interrupted after %+v, %v", r, err)
	}
	left = 100
	b.EchoAfter = time.Millisecond
	b.run("classify_ticket", args{"ticket": asksModel})
	testkit.Eventually(t, "the measurement", func() bool { return decide.Echo(t.Context(), b.Deps).Asked == 4 })
	b.run("classify_ticket", args{"ticket": asksModel})
	b.Finish.Close()
	if n := asked("local health"); n != 3+6 {
		t.Errorf("asked %d times in all, want 9", n)
	}
}

// No question carries what the rules think of the ticket: not of classify or plan,
// not what goes to a remote tier, and no repair.
func TestPrompts_NoVerdictOfRules(t *testing.T) {
	const head = "---\nid: N-7\n%s---\n# N-7: %s\n\nThe parser stops at the second quote.\n\n## Acceptance Criteria\n- [ ] AC-1: It reads both\n"
	verdict := regexp.MustCompile(`(?i)\b(rules?|verdict|likely|probably|guess|confidence|BUG|FEAT|TASK|low|medium|high|eligible)\b`)
	ours := regexp.MustCompile(`Categories: BUG, FEAT, TASK, OPS\.|Task (?:CLASSIFY|PLAN)|with its category and complexity|with its (?:category|complexity)`)
	for _, files := range []string{"", "affected_files: [a.go]\n", "affected_files: [a.go, b.go, c.go, d.go]\n"} {
		for _, title := range []string{"Crash in the parser", "Add an export", "Update the README", "Something"} {
			text := strings.Replace(strings.Replace(head, "%s", files, 1), "%s", title, 1)
			var seen []string
			b := newBench(t, &script{complete: func(_ context.Context, _ policy.Route, req routing.Request) (routing.Answer, error) {
				seen = append(seen, req.User)
				if req.Remote != nil {
					remote, _ := req.Remote()
					seen = append(seen, remote)
				}
				if req.Repair != nil {
					bad := []byte(`{"files":{},"criteria":{},"risk":""}`)
					seen = append(seen, req.Repair(bad, req.Accept(bad)))
				}
				return routing.Answer{}, &routing.Unanswered{Closed: "nobody"}
			}})
			b.Prefixes = []string{"OPS"}
			b.write("a.go", "package a\n")
			for _, route := range []string{"auto", "local", "cloud"} {
				b.run("classify_ticket", args{"ticket": text, "route": route})
				b.run("plan_ticket", args{"ticket": text, "route": route})
			}
			if len(seen) < 4 {
				t.Fatalf("only %d questions were asked", len(seen))
			}
			for _, user := range seen {
				rest := ours.ReplaceAllString(strings.ReplaceAll(user, "\n"+strings.SplitN(text, "---\n", 3)[2], ""), "")
				if found := verdict.FindString(rest); found != "" {
					t.Errorf("%q is in what is asked about %q:\n%s", found, title, rest)
				}
			}
		}
	}
	for _, word := range []string{"simple rule", "rules say"} {
		if strings.Contains(prompts.System, word) {
			t.Errorf("the leading prompt has %q", word)
		}
	}
}
