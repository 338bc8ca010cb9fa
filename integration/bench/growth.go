package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidwall/gjson"

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

// stateFile is the projection of the project's journal.
func (g *grown) stateFile() string { return filepath.Join(g.dir, ".claude", "implementer-state.json") }

// growth measures what a history costs: the same figures with 10, 1,000 and
// 100,000 closed tickets, and with a state file of 5 kB and of 5 MB.
func growth(l *lab) ([]row, error) {
	most := l.pick(100_000, 2000)
	projects := []*grown{{tickets: 10, stateBytes: 5e3}, {tickets: 1000, stateBytes: 5e3},
		{tickets: most, stateBytes: 5e3}, {tickets: most, stateBytes: 5e6}}
	var commands []*exec.Cmd
	for _, g := range projects {
		var err error
		if g.dir, err = l.project(); err != nil {
			return nil, err
		}
		if err := l.grow(g); err != nil {
			return nil, fmt.Errorf("%s: %w", g, err)
		}
		commands = append(commands, l.server(g.dir))
	}
	starts, err := l.grownRow("start to first answer", projects, 5, func(g *grown) (time.Duration, error) {
		return first(func() *exec.Cmd { return l.server(g.dir) }, mcpchild.Legacy)()
	})
	if err != nil {
		return nil, err
	}
	rows, err := opened(commands, func(c []*mcpchild.Child) ([]row, error) {
		for i, g := range projects {
			g.server = c[i]
		}
		return l.compareGrown(projects)
	})
	if err != nil {
		return nil, err
	}
	stats, err := l.statsGrown(projects)
	return append(append([]row{starts}, rows...), stats...), err
}

// grow fills the journal, writes the state file, and lets localmodel bring the
// two together.
func (l *lab) grow(g *grown) error {
	if err := l.fill(g.dir, g.tickets); err != nil {
		return err
	}
	data, err := os.ReadFile(g.stateFile())
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
	if err := os.WriteFile(g.stateFile(), append([]byte(tickets.String()), data[1:]...), 0o600); err != nil {
		return err
	}
	_, err = opened([]*exec.Cmd{l.server(g.dir)}, func(c []*mcpchild.Child) ([]row, error) {
		health, err := c[0].Tool("check_local_health", "{}")
		if got := int(health.Get("stats.successCount").Int()); err == nil && got != g.tickets {
			err = fmt.Errorf("health counts %d tickets", got)
		}
		return nil, err
	})
	if err == nil && g.counted() != g.tickets {
		err = fmt.Errorf("the state file counts %d tickets", g.counted())
	}
	return err
}

// counted is how many closed tickets the state file has; -1 where it cannot be
// read.
func (g *grown) counted() int {
	data, err := os.ReadFile(g.stateFile())
	if err != nil {
		return -1
	}
	return int(gjson.GetBytes(data, "stats.localModelStats.successCount").Int())
}

// sides measures one figure of all the projects.
func sides(projects []*grown, rounds, runs int, figure func(*grown) (time.Duration, error)) ([]sample.Side, error) {
	things := make([]sample.Once, len(projects))
	for i, g := range projects {
		things[i] = func() (time.Duration, error) { return figure(g) }
	}
	return sample.Interleave(rounds, runs, things...)
}

// grownRow is a figure at the largest history beside that at the smallest.
func (l *lab) grownRow(what string, projects []*grown, runs int, figure func(*grown) (time.Duration, error)) (row, error) {
	sides, err := sides(projects, l.pick(10, 1), l.pick(runs, 2), figure)
	if err != nil {
		return row{}, err
	}
	last := len(sides) - 1
	var all []string
	for i, g := range projects {
		all = append(all, fmt.Sprintf("%s with %s", sample.Duration(sides[i].At(.5)), g))
	}
	l.note("Growth, %s: %s.", what, strings.Join(all, "; "))
	return atMost(what+", "+projects[last].String()+", beside "+projects[0].String(), sides[last], sides[0], .5, 1.2), nil
}

func (l *lab) compareGrown(projects []*grown) ([]row, error) {
	var rows []row
	for _, figure := range []struct {
		what string
		runs int
		call func(g *grown) (time.Duration, error)
	}{
		{"record", 10, func(g *grown) (time.Duration, error) { took, _, err := g.close(); return took, err }},
		{"classify", 40, func(g *grown) (time.Duration, error) {
			return sample.Timed(func() error { _, err := g.server.Tool("classify_ticket", statedTicket("NEW-1")); return err })()
		}},
		{"health", 40, func(g *grown) (time.Duration, error) {
			return sample.Timed(func() error { _, err := g.server.Tool("check_local_health", "{}"); return err })()
		}},
	} {
		for _, g := range projects { // warm
			if _, err := figure.call(g); err != nil {
				return nil, err
			}
		}
		r, err := l.grownRow(figure.what, projects, figure.runs, figure.call)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	sides, err := sides(projects, l.pick(10, 1), l.pick(3, 1), func(g *grown) (time.Duration, error) {
		_, lag, err := g.close()
		return lag, err
	})
	if err != nil {
		return nil, err
	}
	small, large := sides[0].At(.9), sides[len(sides)-1].At(.9)
	return append(rows,
		row{what: "state file follows a record, 5 kB, p90", ours: sample.Duration(small), target: "≤ 200 ms", met: holds(small <= .2)},
		row{what: "the same, 5 MB", ours: sample.Duration(large), bare: sample.Duration(small), ratio: sample.Times(large / small)}), nil
}

// close records an outcome that closes a ticket. It returns what the record took,
// and by how much the state file lagged behind it: that must not run into the
// next one.
func (g *grown) close() (took, lag time.Duration, err error) {
	before, err := os.Stat(g.stateFile())
	if err != nil {
		return 0, 0, err
	}
	g.closed++
	began := time.Now()
	if _, err := g.server.Tool("record_gate_outcome", fmt.Sprintf(`{"ticket_id":"NEW-%[1]d","gate":"commit","outcome":"pass","route":"local","event_id":"NEW-%[1]d:commit:1"}`, g.closed)); err != nil {
		return 0, 0, err
	}
	replied := time.Now()
	for {
		after, err := os.Stat(g.stateFile())
		if err == nil && !os.SameFile(before, after) { // renamed into place
			break
		}
		if time.Since(replied) > time.Minute {
			return 0, 0, errors.New("the state file did not follow within a minute")
		}
		time.Sleep(time.Millisecond)
	}
	lag = time.Since(replied)
	if got, want := g.counted(), g.tickets+g.closed; got != want {
		return 0, 0, fmt.Errorf("the state file counts %d closed tickets, not %d", got, want)
	}
	return replied.Sub(began), lag, nil
}

// statsGrown measures the command that reads the history.
func (l *lab) statsGrown(projects []*grown) ([]row, error) {
	sides, err := sides(projects, l.pick(5, 1), l.pick(2, 1), func(g *grown) (time.Duration, error) {
		cmd := l.server(g.dir)
		cmd.Args = append(cmd.Args, "stats")
		began := time.Now()
		out, err := cmd.CombinedOutput()
		took := time.Since(began)
		if err != nil {
			err = fmt.Errorf("localmodel stats: %w\n%s", err, out)
		}
		return took, err
	})
	if err != nil {
		return nil, err
	}
	last := len(sides) - 1
	small, large := sides[0].At(.5), sides[last].At(.5)
	return []row{{what: "stats, " + projects[last].String(), ours: sample.Duration(large), bare: sample.Duration(small),
		ratio: sample.Times(large / small), target: "≤ 300 ms", met: holds(large <= .3)}}, nil
}
