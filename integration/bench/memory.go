package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
)

const (
	idleMost  = 20e6 // bytes
	idleAfter = time.Second
	usedMost  = 40e6
	settle    = 30 * time.Second // the runtime gives memory back in the background
)

// memory measures what a server holds: idle, used, and after a large ticket;
// and that nothing is left behind.
func memory(l *lab) ([]row, error) {
	if _, err := process.ReadUsage(os.Getpid()); err != nil {
		return nil, absentError{err}
	}
	project, err := l.project()
	if err != nil {
		return nil, err
	}
	return opened([]*exec.Cmd{l.server(project), l.bareServer()}, func(c []*mcpchild.Child) ([]row, error) {
		return l.hold(project, c[0], c[1])
	})
}

func (l *lab) hold(project string, ours, bare *mcpchild.Child) ([]row, error) {
	usage := func() (a, b process.Usage, err error) {
		if a, err = process.ReadUsage(ours.PID()); err == nil {
			b, err = process.ReadUsage(bare.PID())
		}
		return a, b, err
	}
	time.Sleep(idleAfter) // what the start left is given back meanwhile
	idle, bareIdle, err := usage()
	if err != nil {
		return nil, err
	}
	calls := l.pick(10_000, 200)
	// One call of each kind first: what it opens stays open.
	if err := l.mixed(ours, bare, 100); err != nil {
		return nil, err
	}
	before, _, err := usage()
	if err != nil {
		return nil, err
	}
	if err := l.mixed(ours, bare, calls); err != nil {
		return nil, err
	}
	used, bareUsed, err := usage()
	if err != nil {
		return nil, err
	}
	large, under, err := l.large(project, ours)
	if err != nil {
		return nil, err
	}
	after, left, err := leftOpen(ours.PID(), before)
	if err != nil {
		return nil, err
	}
	limit := func(what string, u, bare process.Usage, most float64) row {
		r := row{what: what, ours: sample.Megabytes(u.RSS), target: "≤ " + sample.Megabytes(int(most)), met: holds(float64(u.RSS) <= most)}
		if bare.RSS > 0 {
			r.bare, r.ratio = sample.Megabytes(bare.RSS), sample.Times(float64(u.RSS)/float64(bare.RSS))
		}
		return r
	}
	size := kilobytes(l.largeTicket())
	rows := []row{
		limit("memory, idle", idle, bareIdle, idleMost),
		limit(fmt.Sprintf("memory after %d calls", calls), used, bareUsed, usedMost),
		limit("memory after a "+size+" ticket, at most "+settle.String()+" later", after, process.Usage{}, usedMost),
		{what: "files left open and processes spawned by those calls", ours: fmt.Sprintf("%d, %d", left, after.Spawned),
			target: "0, 0", met: holds(left <= 0 && after.Spawned == 0)},
	}
	l.note("Memory, idle: %s of it are the process's own, the rest are pages of the program's file, which servers share; those that only the start needed are unmapped, and in memory for as long as the kernel keeps the file there. Bare mcp-go %s.", sample.Megabytes(idle.Own), sample.Megabytes(bareIdle.Own))
	l.note("Memory: %s at the answer to the %s ticket, under %s again %s later; peak %s.", sample.Megabytes(large), size, sample.Megabytes(usedMost), under.Round(100*time.Millisecond), sample.Megabytes(after.PeakRSS))
	return rows, nil
}

// leftOpen counts the files that a server has open beside those it had before, once
// the state file that it writes in the background is written.
func leftOpen(pid int, before process.Usage) (after process.Usage, left int, err error) {
	for range 20 {
		if after, err = process.ReadUsage(pid); err != nil {
			return after, 0, err
		}
		if left = others(after.Files) - others(before.Files); left <= 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return after, left, nil
}

// others counts open files but for the journal's: it has up to four
// connections, opened when first needed.
func others(files []string) int {
	n := 0
	for _, f := range files {
		if !strings.Contains(filepath.Base(f), "journal.db") {
			n++
		}
	}
	return n
}

// mixed makes n calls of both servers: mostly classifications, now and then an
// outcome and a look at the health.
func (l *lab) mixed(ours, bare *mcpchild.Child, n int) error {
	for i := range n {
		var err error
		switch {
		case i%100 == 50:
			_, err = ours.Tool("check_local_health", "{}")
		case i%10 == 5:
			_, err = ours.Tool("record_gate_outcome", fmt.Sprintf(`{"ticket_id":"M-%d","gate":"implement","outcome":"pass","evidence":"go test ./...: ok"}`, i))
		default:
			_, err = ours.Tool("classify_ticket", statedTicket(fmt.Sprintf("M-%d", i%500)))
		}
		if err == nil {
			_, err = bare.Tool("one", "{}")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// largeTicket is the size of a large ticket, in bytes; a quick run's takes no
// memory whose return it would have to wait for.
func (l *lab) largeTicket() int { return l.pick(largest, 100_000) }

// large classifies a large ticket, and waits for the memory to be given back.
func (l *lab) large(project string, ours *mcpchild.Child) (rss int, under time.Duration, err error) {
	const name = "large.md"
	if err := os.WriteFile(filepath.Join(project, name), ticketOf(l.largeTicket()), 0o600); err != nil {
		return 0, 0, err
	}
	if _, err := ours.Tool("classify_ticket", `{"ticket_paths":["`+name+`"]}`); err != nil {
		return 0, 0, err
	}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		u, err := process.ReadUsage(ours.PID())
		if err != nil {
			return 0, 0, err
		}
		rss = max(rss, u.RSS)
		if under = time.Since(began); u.RSS <= usedMost || under > settle {
			return rss, under, nil
		}
	}
}

// ticketOf is a ticket of about so many bytes: front matter, a table of files,
// criteria and prose, all of which grow.
func ticketOf(bytes int) []byte {
	var head, files, criteria, prose strings.Builder
	head.WriteString("---\nid: FEAT-001\ntype: feature\ncomplexity: low\ntags: [api, cart]\naffected_files:\n")
	for i := 0; head.Len()+files.Len()+criteria.Len()+prose.Len() < bytes-200; i++ {
		if i < 500 {
			fmt.Fprintf(&head, "  - src/cart/part_%03d.go\n", i%3)
		}
		fmt.Fprintf(&files, "| src/cart/part_%03d.go | modify | round the total of line %d |\n", i%3, i)
		if i%8 == 0 && i < 4000 {
			fmt.Fprintf(&criteria, "- [ ] AC-%d: the total of order %d is rounded half up, to the cent\n", i/8+1, i)
		}
		fmt.Fprintf(&prose, "Line %d of the description says *what* happens in `cart.Total`, and why it matters to order %d.\n", i, i)
	}
	return []byte(head.String() + "---\n# Totals are rounded\n\n## Description\n\n" + prose.String() +
		"\n## Affected Files\n\n| File | Action | Description |\n|---|---|---|\n" + files.String() +
		"\n## Acceptance Criteria\n\n" + criteria.String())
}
