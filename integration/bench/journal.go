package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/fjbelchi/localmodel/integration/bench/journal"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// journalOf is where a project's runs have their journal.
func journalOf(project string) string { return filepath.Join(project, "state", "journal.db") }

// fill makes a project's journal hold n closed tickets, spread over the last 80
// days.
func (l *lab) fill(project string, n int) error {
	if err := l.writeTemplate(project); err != nil {
		return err
	}
	return journal.Copy(journalOf(project), n-1)
}

// writeTemplate takes one ticket through all its gates.
func (l *lab) writeTemplate(project string) error {
	c, err := mcpchild.Open(l.server(project))
	if err != nil {
		return err
	}
	_, err = c.Tool("classify_ticket", statedTicket(journal.Template))
	for _, gate := range []string{"plan", "implement", "lint", "review", "commit"} {
		if err == nil {
			_, err = c.Tool("record_gate_outcome", fmt.Sprintf(`{"ticket_id":%q,"gate":%q,"outcome":"pass","route":"local",`+
				`"event_id":"%s:%s:1","quality_score":87,"evidence":"go test ./...: ok"}`, journal.Template, gate, journal.Template, gate))
		}
	}
	return errors.Join(err, c.Close())
}

// statedTicket is the arguments for a ticket that needs no model.
func statedTicket(id string) string {
	return fmt.Sprintf(`{"ticket":"---\nid: %s\ntype: bug\ncomplexity: low\naffected_files: [a.go]\n---\n# Fix it\n"}`, id)
}
