package demo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// show prints the demo as a person wants to see it: each tool called, the
// decision, its reason, and who answered.
type show struct {
	Options
	out    io.Writer
	client *client.Client

	localUp bool
	fixes   []string
}

func (s *show) run(ctx context.Context) error {
	s.say("localmodel demo: a backlog of six tickets, four tools, one MCP session over stdio.")
	if s.Cloud {
		s.say("Paid calls are allowed (--cloud).")
	} else {
		s.say("Nothing leaves this machine and nothing is paid; --cloud allows the paid tiers.")
	}
	for _, step := range []func(context.Context) error{s.health, s.classify, s.plan, s.escalate, s.complete} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	s.title("What would make it better")
	if len(s.fixes) == 0 {
		s.say("Nothing: the local model is here.")
	}
	for _, fix := range s.fixes {
		s.say("  " + fix)
	}
	s.title("Next")
	s.say(next(s.Clients, s.localUp))
	return nil
}

// say writes a paragraph; what it is indented by, all its lines are.
func (s *show) say(text string) {
	start := text[:len(text)-len(strings.TrimLeft(text, " "))]
	term.Print(s.out, start, strings.TrimLeft(text, " "))
}

func line(row gjson.Result, key string) string { return plain.Line(row.Get(key).Str) }

func (s *show) title(text string) {
	fmt.Fprintln(s.out)
	term.Print(s.out, "== ", text)
}

// call calls a tool, shows that it is waited for, since a model may load first, and
// then the call with what it was given in short.
func (s *show) call(ctx context.Context, tool, given string, args map[string]any) (r gjson.Result, err error) {
	start := time.Now()
	term.Wait(s.out, "waiting for "+tool, func() { r, err = callTool(ctx, s.client, tool, args) })
	if err == nil {
		s.say(fmt.Sprintf("%s {%s} (%s)", tool, given, time.Since(start).Round(time.Millisecond)))
	}
	return r, err
}

func (s *show) health(ctx context.Context) error {
	s.title("What is on this machine")
	r, err := s.call(ctx, "check_local_health", "", nil)
	if err != nil {
		return err
	}
	s.say("  " + r.Get("summary").Str)
	s.localUp = r.Get("ok").Bool()
	if !s.localUp {
		s.say("  So rules and templates answer below, and say so (by: rules, by: template).")
	}
	for _, w := range r.Get("warnings").Array() {
		s.say("  ! " + w.Str)
	}
	for _, f := range r.Get("fixes").Array() {
		s.fixes = append(s.fixes, f.Str)
	}
	if r.Get("ollama.state").Str == "down" {
		s.fixes = append(s.fixes, "no Ollama yet? https://ollama.com/download")
	}
	return nil
}

// classify gives all tickets in one call, as a wave of the skill is, and then shows
// that the tasks of a tool's own file are tickets, too.
func (s *show) classify(ctx context.Context) error {
	backlog := []string{"backlog/BUG-001.md", "backlog/FEAT-002.md", "backlog/TASK-003.md", "backlog/FEAT-004.md", "backlog/FEAT-005.md",
		"backlog/BUG-006.md"}
	for _, step := range []struct {
		title, given string
		paths        []string
		width        int // of the ids
	}{
		{"Who gets which ticket", "all six", backlog, 9},
		{"The same for the tasks of a spec-kit feature", "specs/001-discount", []string{"specs/001-discount"}, 17},
	} {
		s.title(step.title)
		r, err := s.call(ctx, "classify_ticket", "ticket_paths: "+step.given, map[string]any{"ticket_paths": step.paths})
		if err != nil {
			return err
		}
		s.say("  " + r.Get("summary").Str)
		s.table(r.Get("tickets").Array(), step.width)
	}
	return nil
}

// table prints rows of decisions; width is that of the ids.
func (s *show) table(rows []gjson.Result, width int) {
	fmt.Fprintln(s.out)
	narrow := term.Narrow(s.out)
	format := "  %-*s %-5s %-10s %-6s %-12s "
	if !narrow {
		fmt.Fprintf(s.out, format+"%s\n", width, "ticket", "kind", "complexity", "local", "by", "why")
	}
	for _, row := range rows {
		id := line(row, "id")
		if e := row.Get("error"); e.Exists() {
			term.Print(s.out, fmt.Sprintf("  %-*s ", width, id), e.Str)
			continue
		}
		local := "no"
		if row.Get("local").Bool() {
			local = "yes"
		}
		kind, complexity, by, why := line(row, "category"), line(row, "complexity"), line(row, "by"), line(row, "why")
		if narrow {
			term.Print(s.out, "  ", fmt.Sprintf("%s: %s, %s, local: %s, by %s", id, kind, complexity, local, by))
			term.Print(s.out, "    ", why)
			continue
		}
		head := fmt.Sprintf(format, width, id, kind, complexity, local, by)
		fmt.Fprint(s.out, term.WrapColumn(term.Width(s.out), head, why))
	}
}

func (s *show) plan(ctx context.Context) error {
	for _, step := range []struct{ title, path string }{
		{"A plan for a ticket that local may have", "backlog/BUG-001.md"},
		{"And for one that it may not", "backlog/TASK-003.md"},
	} {
		s.title(step.title)
		r, err := s.call(ctx, "plan_ticket", "ticket_path: "+step.path, map[string]any{"ticket_path": step.path})
		if err != nil {
			return err
		}
		s.say("  " + r.Get("summary").Str)
		if reason := r.Get("answer.reason").Str; reason != "" {
			s.say("  because " + reason)
		}
		if plan := r.Get("plan").Str; plan != "" {
			s.quote(plan)
		} else {
			s.say("  next: " + r.Get("next").Str)
		}
	}
	return nil
}

func (s *show) quote(text string) {
	fmt.Fprintln(s.out)
	term.Quote(s.out, "  | ", text)
}

// outcome is what is recorded of a gate, with more arguments where there are any.
type outcome struct {
	gate, outcome string
	more          map[string]any
}

// record records the outcomes of a ticket in turn, shows what is to be done after
// each, and returns the last reply. The demo says whose ticket it is, since without
// a local model no local attempt was opened.
func (s *show) record(ctx context.Context, id string, outcomes ...outcome) (r gjson.Result, err error) {
	event := id + ":plan:1"
	for _, o := range outcomes {
		args := map[string]any{"ticket_id": id, "gate": o.gate, "outcome": o.outcome, "event_id": event, "route": "local"}
		maps.Copy(args, o.more)
		r, err = s.call(ctx, "record_gate_outcome", fmt.Sprintf("%s, %s: %s", id, o.gate, o.outcome), args)
		if err != nil {
			return r, err
		}
		s.say("  action: " + r.Get("action").Str)
		event = r.Get("next_event_id").Str
	}
	return r, nil
}

func (s *show) escalate(ctx context.Context) error {
	s.title("A gate that fails twice")
	if !s.localUp {
		s.say("No local model made that plan; the outcomes below say route: local to show what would follow.")
	}
	r, err := s.record(ctx, "BUG-001", outcome{"plan", "pass", nil}, outcome{"implement", "pass", nil},
		outcome{"lint", "fail", map[string]any{"evidence": "main.go:11:2: declared and not used: cheapest"}},
		outcome{"lint", "fail", map[string]any{"evidence": "main.go:12:40: undefined: cheapest"}})
	if err != nil {
		return err
	}
	s.say("  " + r.Get("message").Str)
	s.quote(r.Get("handoff").Str)
	return nil
}

func (s *show) complete(ctx context.Context) error {
	s.title("And one that passes")
	r, err := s.record(ctx, "FEAT-002", outcome{"plan", "pass", nil}, outcome{"implement", "pass", nil}, outcome{"lint", "pass", nil},
		outcome{"review", "pass", map[string]any{"quality_score": 92}}, outcome{"commit", "pass", nil})
	if err != nil {
		return err
	}
	stats := r.Get("stats")
	s.say(fmt.Sprintf("  statistics: %d local tickets, %d done, %d escalated, quality %.0f",
		stats.Get("totalAttempts").Int(), stats.Get("successCount").Int(), stats.Get("escalatedToCloud").Int(), stats.Get("avgQualityScore").Float()))
	return nil
}

// next is the command that comes next on this machine.
func next(place clients.Place, localUp bool) string {
	if !localUp {
		return "localmodel setup: it finds or fetches a local model and adds localmodel to your MCP clients."
	}
	for _, found := range clients.Find(place) {
		if found.Err == nil {
			return fmt.Sprintf("open your project in %s, where localmodel is set up.", found.Title)
		}
	}
	for _, c := range clients.All() {
		if c.Present(place) {
			return fmt.Sprintf("localmodel install %s: it adds localmodel to %s.", c.Name, c.Title)
		}
	}
	return "localmodel install: it lists the MCP clients that localmodel can be added to."
}
