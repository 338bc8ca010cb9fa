package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// contextPrice weighs what a client's model reads, and pays for. Tests in tools
// and in integration/e2e/transport hold each budget: bytes of the list, else
// characters.
func contextPrice(l *lab) ([]row, error) {
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
	tool := func(name, arguments string) func() (string, error) {
		return func() (string, error) {
			result, err := c.Tool(name, arguments)
			return result.Raw, err
		}
	}
	lint := func(n int) func() (string, error) {
		return tool("record_gate_outcome", fmt.Sprintf(`{"ticket_id":"FEAT-001","gate":"lint","outcome":"fail","route":"local",`+
			`"event_id":"FEAT-001:lint:%d","evidence":"go test ./...: FAIL cart TestTotal: got 9.99, want 10.00"}`, n))
	}
	var rows []row
	for _, p := range []struct {
		what string
		most int
		text func() (string, error)
	}{
		{"instructions", 1000, func() (string, error) {
			result, err := c.Ask(mcpchild.Legacy.First())
			return result.Get("instructions").Str, err
		}},
		{"tools/list", 6000, func() (string, error) {
			line, err := c.Raw("tools/list", "")
			return string(line), err
		}},
		{"check_local_health, everything down", 800, tool("check_local_health", "{}")},
		{"classify_ticket, one ticket", 800, tool("classify_ticket", `{"ticket_paths":["ticket.md"]}`)},
		{"plan_ticket, from the template", 6000, tool("plan_ticket", `{"ticket_path":"ticket.md"}`)},
		{"record_gate_outcome", 800, lint(1)},
		{"record_gate_outcome with a hand-off", 4800, lint(2)},
	} {
		text, err := p.text()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", p.what, err), c.Close())
		}
		n := utf8.RuneCountInString(text)
		rows = append(rows, row{what: p.what, ours: fmt.Sprintf("%d characters, about %d tokens", n, (n+3)/4),
			target: fmt.Sprintf("≤ %d", p.most), met: holds(n <= p.most)})
	}
	return rows, c.Close()
}
