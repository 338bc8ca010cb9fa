package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// priced is what a client's model reads, and what it may cost: bytes of the
// list, else characters.
type priced struct {
	what string
	most int
	text func(c *mcpchild.Child) (string, error)
}

// contextPrice weighs what a client's model pays for. Tests in tools and in
// integration/e2e/transport hold each budget.
func contextPrice(_ context.Context, l *lab) ([]row, error) {
	project, err := l.project()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(project, "ticket.md"), ticketOf(1200), 0o600); err != nil {
		return nil, err
	}
	c, err := mcpchild.Start(l.server(project))
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, p := range prices() {
		text, err := p.text(c)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", p.what, err), c.Close())
		}
		n := utf8.RuneCountInString(text)
		rows = append(rows, row{line: 8, what: p.what, ours: fmt.Sprintf("%d characters, about %d tokens", n, (n+3)/4),
			target: fmt.Sprintf("≤ %d", p.most), met: holds(n <= p.most)})
	}
	return rows, c.Close()
}

func prices() []priced {
	tool := func(name, arguments string) func(*mcpchild.Child) (string, error) {
		return func(c *mcpchild.Child) (string, error) {
			result, err := c.Tool(name, arguments)
			return result.Raw, err
		}
	}
	gate := func(gate, outcome string, n int) string {
		return fmt.Sprintf(`{"ticket_id":"FEAT-001","gate":%q,"outcome":%q,"route":"local","event_id":"FEAT-001:%s:%d","evidence":"go test ./...: FAIL cart TestTotal: got 9.99, want 10.00"}`, gate, outcome, gate, n)
	}
	return []priced{
		{"instructions", 1000, func(c *mcpchild.Child) (string, error) {
			method, params := mcpchild.Legacy.First()
			result, err := c.Ask(method, params)
			return result.Get("instructions").Str, err
		}},
		{"tools/list", 6000, func(c *mcpchild.Child) (string, error) {
			line, err := c.Raw("tools/list", "")
			return string(line), err
		}},
		{"check_local_health, everything down", 800, tool("check_local_health", "{}")},
		{"classify_ticket, one ticket", 800, tool("classify_ticket", `{"ticket_paths":["ticket.md"]}`)},
		{"plan_ticket, from the template", 6000, tool("plan_ticket", `{"ticket_path":"ticket.md"}`)},
		{"record_gate_outcome", 800, tool("record_gate_outcome", gate("lint", "fail", 1))},
		{"record_gate_outcome with a hand-off", 4800, tool("record_gate_outcome", gate("lint", "fail", 2))},
	}
}
