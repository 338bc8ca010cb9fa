package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/fjbelchi/localmodel/integration/bench/sample"
	"github.com/fjbelchi/localmodel/integration/testkit/mcpchild"
)

// processes is how many record side by side.
const processes = 8

// outcome is the arguments of the nth outcome of a writer; each is new.
func outcome(writer string, n int) string {
	return fmt.Sprintf(`{"ticket_id":"%s-%d","gate":"implement","outcome":"pass","event_id":"%s-%d:implement:1","quality_score":87,"evidence":"go test ./...: ok, 214 tests in 12 packages"}`,
		writer, n/5, writer, n)
}

// record measures an outcome, durable before its reply, beside appending the
// same bytes to a file and flushing it; and eight processes beside one.
func record(l *lab) ([]row, error) {
	project, err := l.project()
	if err != nil {
		return nil, err
	}
	raw, err := os.OpenFile(filepath.Join(project, "raw"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer raw.Close() //nolint:errcheck // thrown away
	writers := make([]*exec.Cmd, processes)
	for i := range writers {
		writers[i] = l.server(project)
	}
	return opened(writers, func(c []*mcpchild.Child) ([]row, error) { return l.compareRecords(c, raw) })
}

func (l *lab) compareRecords(writers []*mcpchild.Child, raw *os.File) ([]row, error) {
	var counts [processes]int
	next := func(i int) error {
		counts[i]++
		_, err := writers[i].Tool("record_gate_outcome", outcome(fmt.Sprintf("W%d", i), counts[i]))
		return err
	}
	bytes := []byte(outcome("W0", 1000) + "\n")
	write := func() error {
		if _, err := raw.Write(bytes); err != nil {
			return err
		}
		return datasync(raw)
	}
	for i := range writers { // warm
		if err := errors.Join(next(i), write()); err != nil {
			return nil, err
		}
	}
	sides, err := sample.Interleave(l.pick(10, 1), l.pick(100, 5), sample.Timed(func() error { return next(0) }), sample.Timed(write))
	if err != nil {
		return nil, err
	}
	n := l.pick(400, 16)
	rate := func(writers int) func() (float64, error) {
		return func() (float64, error) { return together(writers, n, next) }
	}
	all, err := faster(fmt.Sprintf("%d processes on one journal, beside one, records a second", processes), l.pick(6, 1), .5, rate(processes), rate(1))
	p99 := [2]float64{sides[0].At(.99), sides[1].At(.99)}
	return []row{
		atMost(fmt.Sprintf("record, durable, beside fdatasync of its %d bytes, p50", len(bytes)), sides[0], sides[1], .5, 3),
		{what: "the same, p99", ours: sample.Duration(p99[0]), bare: sample.Duration(p99[1]), ratio: sample.Times(p99[0] / p99[1])},
		all,
	}, err
}
