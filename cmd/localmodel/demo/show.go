package demo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/cmd/localmodel/clients"
	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
	"github.com/fjbelchi/localmodel/internal/plain"
)

// tickets are given in one call, as a wave of the skill is.
var tickets = []string{"BUG-001", "FEAT-002", "TASK-003", "FEAT-004", "FEAT-005", "BUG-006"}

// show prints the demo as a person wants to see it: each tool called, the
// decision, its reason, and who answered.
type show struct {
	out     io.Writer
	session *session
	cloud   bool
	clients clients.Place

	localUp bool
	fixes   []string
}

func (s *show) run(ctx context.Context) error {
	s.say("localmodel demo: a backlog of six tickets, four tools, one MCP session over stdio.")
	if s.cloud {
		s.say("Paid calls are allowed (--cloud).")
	} else {
		s.say("Nothing leaves this machine and nothing is paid; --cloud allows the paid tiers.")
	}
	for _, step := range []func(context.Context) error{s.health, s.classify, s.otherForm, s.plan, s.escalate, s.complete} {
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
	s.say(next(s.clients, s.localUp))
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

func (s *show) called(tool, args string, took time.Duration) {
	s.say(fmt.Sprintf("%s %s (%s)", tool, args, took.Round(time.Millisecond)))
}

// call calls a tool and shows that it is waited for: a model may load first.
func (s *show) call(ctx context.Context, tool string, args map[string]any) (r gjson.Result, took time.Duration, err error) {
	term.Wait(s.out, "waiting for "+tool, func() { r, took, err = s.session.call(ctx, tool, args) })
	return r, took, err
}

func (s *show) health(ctx context.Context) error {
	r, took, err := s.call(ctx, "check_local_health", nil)
	if err != nil {
		return err
	}
	s.title("What is on this machine")
	s.called("check_local_health", "{}", took)
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

func (s *show) classify(ctx context.Context) error {
	var paths []string
	for _, id := range tickets {
		paths = append(paths, "backlog/"+id+".md")
	}
	r, took, err := s.call(ctx, "classify_ticket", map[string]any{"ticket_paths": paths})
	if err != nil {
		return err
	}
	s.title("Who gets which ticket")
	s.called("classify_ticket", "{ticket_paths: all six}", took)
	s.say("  " + r.Get("summary").Str)
	s.table(r.Get("tickets").Array(), 9)
	return nil
}

// otherForm shows that the tasks of a tool's own file are tickets, too.
func (s *show) otherForm(ctx context.Context) error {
	const place = "specs/001-discount"
	r, took, err := s.call(ctx, "classify_ticket", map[string]any{"ticket_paths": []string{place}})
	if err != nil {
		return err
	}
	s.title("The same for the tasks of a spec-kit feature")
	s.called("classify_ticket", "{ticket_paths: "+place+"}", took)
	s.say("  " + r.Get("summary").Str)
	s.table(r.Get("tickets").Array(), 17)
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
	s.title("A plan for a ticket that local may have")
	r, took, err := s.call(ctx, "plan_ticket", map[string]any{"ticket_path": "backlog/BUG-001.md"})
	if err != nil {
		return err
	}
	s.called("plan_ticket", "{ticket_path: backlog/BUG-001.md}", took)
	s.planned(r)
	s.title("And for one that it may not")
	if r, took, err = s.call(ctx, "plan_ticket", map[string]any{"ticket_path": "backlog/TASK-003.md"}); err != nil {
		return err
	}
	s.called("plan_ticket", "{ticket_path: backlog/TASK-003.md}", took)
	s.planned(r)
	return nil
}

func (s *show) planned(r gjson.Result) {
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

func (s *show) quote(text string) {
	fmt.Fprintln(s.out)
	term.Quote(s.out, "  | ", text)
}

// gate records one outcome and shows what is to be done. The demo says whose
// ticket it is, since without a local model no local attempt was opened.
func (s *show) gate(ctx context.Context, id, gate, outcome, event string, more map[string]any) (gjson.Result, error) {
	args := map[string]any{"ticket_id": id, "gate": gate, "outcome": outcome, "event_id": event, "route": "local"}
	maps.Copy(args, more)
	r, took, err := s.call(ctx, "record_gate_outcome", args)
	if err != nil {
		return r, err
	}
	s.called("record_gate_outcome", fmt.Sprintf("{%s, %s: %s}", id, gate, outcome), took)
	s.say("  action: " + r.Get("action").Str)
	return r, nil
}

func (s *show) escalate(ctx context.Context) error {
	s.title("A gate that fails twice")
	if !s.localUp {
		s.say("No local model made that plan; the outcomes below say route: local to show what would follow.")
	}
	var r gjson.Result
	event := "BUG-001:plan:1"
	for _, step := range []struct {
		gate, outcome string
		more          map[string]any
	}{
		{"plan", "pass", nil},
		{"implement", "pass", nil},
		{"lint", "fail", map[string]any{"evidence": "main.go:11:2: declared and not used: cheapest"}},
		{"lint", "fail", map[string]any{"evidence": "main.go:12:40: undefined: cheapest"}},
	} {
		var err error
		if r, err = s.gate(ctx, "BUG-001", step.gate, step.outcome, event, step.more); err != nil {
			return err
		}
		event = r.Get("next_event_id").Str
	}
	s.say("  " + r.Get("message").Str)
	s.quote(r.Get("handoff").Str)
	return nil
}

func (s *show) complete(ctx context.Context) error {
	s.title("And one that passes")
	var r gjson.Result
	event := "FEAT-002:plan:1"
	for _, gate := range []string{"plan", "implement", "lint", "review", "commit"} {
		var err error
		more := map[string]any{}
		if gate == "review" {
			more["quality_score"] = 92
		}
		if r, err = s.gate(ctx, "FEAT-002", gate, "pass", event, more); err != nil {
			return err
		}
		event = r.Get("next_event_id").Str
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
