package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/integration/bench/journal"
	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// grown is a project with a history.
type grown struct {
	tickets, stateBytes int
	dir                 string
	server              *mcpchild.Child
	closed              int // tickets closed while measuring
}

func (g *grown) String() string {
	return fmt.Sprintf("%d tickets, state file of %.3g MB", g.tickets, float64(g.stateBytes)/1e6)
}

// growth measures what a history costs: the same figures with 10, 1,000 and
// 100,000 closed tickets, and with a state file of 5 kB and of 5 MB.
func growth(_ context.Context, l *lab) ([]row, error) {
	projects := []*grown{{tickets: 10, stateBytes: 5e3}, {tickets: 1000, stateBytes: 5e3}, {tickets: l.pick(100_000, 2000), stateBytes: 5e3},
		{tickets: l.pick(100_000, 2000), stateBytes: 5e6}}
	var err error
	for _, g := range projects {
		if g.dir, err = l.project(); err != nil {
			return nil, err
		}
		if err := l.grow(g); err != nil {
			return nil, fmt.Errorf("%s: %w", g, err)
		}
	}
	rows, err := l.startGrown(projects)
	if err != nil {
		return nil, err
	}
	for _, g := range projects {
		if g.server, err = mcpchild.Open(l.server(g.dir)); err != nil {
			break
		}
	}
	if err == nil {
		var more []row
		more, err = l.compareGrown(projects)
		rows = append(rows, more...)
	}
	for _, g := range projects {
		if g.server != nil {
			err = errors.Join(err, g.server.Close())
		}
	}
	if err == nil {
		var more []row
		more, err = l.statsGrown(projects)
		rows = append(rows, more...)
	}
	return rows, err
}

// grow fills the journal, writes the state file, and lets localmodel bring the
// two together.
func (l *lab) grow(g *grown) error {
	if err := journal.Fill(g.dir, g.tickets, func() (*mcpchild.Child, error) { return mcpchild.Open(l.server(g.dir)) }); err != nil {
		return err
	}
	state := filepath.Join(g.dir, ".claude", "implementer-state.json")
	data, err := os.ReadFile(state)
	if err != nil {
		return err
	}
	var tickets strings.Builder
	tickets.WriteString(`{"tickets":{`)
	for i := 0; tickets.Len()+len(data) < g.stateBytes-200; i++ {
		if i > 0 {
			tickets.WriteByte(',')
		}
		fmt.Fprintf(&tickets, "\n    \"FEAT-%06d\": {\"status\": \"completed\", \"gates\": [\"plan\", \"implement\", \"lint\", \"review\", \"commit\"], \"rounds\": %d}", i, i%4)
	}
	tickets.WriteString("\n  },")
	if err := os.WriteFile(state, append([]byte(tickets.String()), data[1:]...), 0o600); err != nil {
		return err
	}
	c, err := mcpchild.Open(l.server(g.dir))
	if err != nil {
		return err
	}
	health, err := c.Tool("check_local_health", "{}")
	if got := int(health.Get("stats.successCount").Int()); err == nil && got != g.tickets {
		err = fmt.Errorf("health counts %d tickets", got)
	}
	if err = errors.Join(err, c.Close()); err == nil && g.counted() != g.tickets {
		err = fmt.Errorf("the state file counts %d tickets", g.counted())
	}
	return err
}

// counted is how many closed tickets the state file has; -1 where it cannot be
// read.
func (g *grown) counted() int {
	data, err := os.ReadFile(filepath.Join(g.dir, ".claude", "implementer-state.json"))
	if err != nil {
		return -1
	}
	return int(gjson.GetBytes(data, "stats.localModelStats.successCount").Int())
}

func (l *lab) startGrown(projects []*grown) ([]row, error) {
	things := make([]sample.Once, len(projects))
	for i, g := range projects {
		things[i] = first(func() *exec.Cmd { return l.server(g.dir) }, mcpchild.Legacy)
	}
	sides, err := sample.Interleave(l.pick(10, 1), l.pick(5, 2), things...)
	if err != nil {
		return nil, err
	}
	return []row{l.grownRow("start to first answer", projects, sides)}, nil
}

// grownRow is a figure at the largest history beside that at the smallest.
func (l *lab) grownRow(what string, projects []*grown, sides []sample.Side) row {
	last := len(sides) - 1
	var all []string
	for i, g := range projects {
		all = append(all, fmt.Sprintf("%s with %s", sample.Duration(sides[i].At(.5)), g))
	}
	l.note("Growth, %s: %s.", what, strings.Join(all, "; "))
	return atMost(6, what+", "+projects[last].String()+", beside "+projects[0].String(),
		sample.Duration(sides[last].At(.5)), sample.Duration(sides[0].At(.5)), sample.Over(sides[last], sides[0], .5), 1.2)
}

func (l *lab) compareGrown(projects []*grown) ([]row, error) {
	var rows []row
	var lag []sample.Side
	for _, figure := range []struct {
		what  string
		times int
		call  func(g *grown) (time.Duration, error)
	}{
		{"record", l.pick(10, 2), recordGrown},
		{"classify", l.pick(40, 2), func(g *grown) (time.Duration, error) {
			return sample.Timed(func() error { _, err := g.server.Tool("classify_ticket", journal.Stated("NEW-1")); return err })()
		}},
		{"health", l.pick(40, 2), func(g *grown) (time.Duration, error) {
			return sample.Timed(func() error { _, err := g.server.Tool("check_local_health", "{}"); return err })()
		}},
		{"state file follows a record", l.pick(3, 1), lagGrown},
	} {
		things := make([]sample.Once, len(projects))
		for i, g := range projects {
			things[i] = func() (time.Duration, error) { return figure.call(g) }
		}
		if _, err := sample.Interleave(1, 1, things...); err != nil { // warm
			return rows, err
		}
		sides, err := sample.Interleave(l.pick(10, 1), figure.times, things...)
		if err != nil {
			return rows, err
		}
		if figure.what == "state file follows a record" {
			lag = sides
			continue
		}
		rows = append(rows, l.grownRow(figure.what, projects, sides))
	}
	last := len(projects) - 1
	return append(rows, row{line: 6, what: "state file follows a record, 5 kB, p90", ours: sample.Duration(lag[0].At(.9)), target: "≤ 200 ms", met: holds(lag[0].At(.9) <= .2)},
		row{line: 6, what: "the same, 5 MB", ours: sample.Duration(lag[last].At(.9)), bare: sample.Duration(lag[0].At(.9)), ratio: sample.Ratio(lag[last].At(.9) / lag[0].At(.9))}), nil
}

// recordGrown measures the record of an outcome that closes a ticket, and waits
// until the state file has followed: that must not run into the next one.
func recordGrown(g *grown) (time.Duration, error) {
	took, _, err := g.close()
	return took, err
}

// lagGrown measures how far the state file lags behind such a record.
func lagGrown(g *grown) (time.Duration, error) {
	_, lag, err := g.close()
	return lag, err
}

func (g *grown) close() (took, lag time.Duration, err error) {
	state := filepath.Join(g.dir, ".claude", "implementer-state.json")
	before, err := os.Stat(state)
	if err != nil {
		return 0, 0, err
	}
	g.closed++
	began := time.Now()
	if _, err := g.server.Tool("record_gate_outcome", fmt.Sprintf(`{"ticket_id":"NEW-%d","gate":"commit","outcome":"pass","route":"local","event_id":"NEW-%d:commit:1"}`, g.closed, g.closed)); err != nil {
		return 0, 0, err
	}
	replied := time.Now()
	for limit := replied.Add(time.Minute); ; time.Sleep(time.Millisecond) {
		after, err := os.Stat(state)
		if err == nil && !os.SameFile(before, after) { // renamed into place
			lag = time.Since(replied)
			break
		}
		if time.Now().After(limit) {
			return 0, 0, errors.New("the state file did not follow within a minute")
		}
	}
	if got, want := g.counted(), g.tickets+g.closed; got != want {
		return 0, 0, fmt.Errorf("the state file counts %d closed tickets, not %d", got, want)
	}
	return replied.Sub(began), lag, nil
}

// statsGrown measures the command that reads the history.
func (l *lab) statsGrown(projects []*grown) ([]row, error) {
	things := make([]sample.Once, len(projects))
	for i, g := range projects {
		things[i] = sample.Timed(func() error {
			cmd := l.server(g.dir)
			cmd.Args = append(cmd.Args, "stats")
			out, err := cmd.CombinedOutput()
			if err != nil && strings.Contains(string(out), "no command") {
				return absentError{errors.New("localmodel has no command stats yet")}
			}
			if err != nil {
				err = fmt.Errorf("localmodel stats: %w\n%s", err, out)
			}
			return err
		})
	}
	sides, err := sample.Interleave(l.pick(5, 1), l.pick(2, 1), things...)
	var absent absentError
	if errors.As(err, &absent) {
		return []row{{line: 6, what: "stats", ours: absent.Error(), target: "≤ 300 ms", met: skipped}}, nil
	}
	if err != nil {
		return nil, err
	}
	last := len(sides) - 1
	return []row{{line: 6, what: "stats, " + projects[last].String(), ours: sample.Duration(sides[last].At(.5)), bare: sample.Duration(sides[0].At(.5)),
		ratio: sample.Ratio(sides[last].At(.5) / sides[0].At(.5)), target: "≤ 300 ms", met: holds(sides[last].At(.5) <= .3)}}, nil
}
