package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

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
func record(_ context.Context, l *lab) ([]row, error) {
	project, err := l.project()
	if err != nil {
		return nil, err
	}
	raw, err := os.OpenFile(filepath.Join(project, "raw"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer raw.Close() //nolint:errcheck // thrown away
	var writers [processes]*mcpchild.Child
	for i := range writers {
		if writers[i], err = mcpchild.Open(l.server(project)); err != nil {
			break
		}
	}
	var rows []row
	if err == nil {
		rows, err = l.compareRecords(writers, raw)
	}
	for _, w := range writers {
		if w != nil {
			err = errors.Join(err, w.Close())
		}
	}
	return rows, err
}

func (l *lab) compareRecords(writers [processes]*mcpchild.Child, raw *os.File) ([]row, error) {
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
	rows := []row{
		atMost(5, fmt.Sprintf("record, durable, beside fdatasync of its %d bytes, p50", len(bytes)), sample.Duration(sides[0].At(.5)), sample.Duration(sides[1].At(.5)), sample.Over(sides[0], sides[1], .5), 3),
		{line: 5, what: "the same, p99", ours: sample.Duration(sides[0].At(.99)), bare: sample.Duration(sides[1].At(.99)), ratio: sample.Ratio(sides[0].At(.99) / sides[1].At(.99)), met: noLimit},
	}
	n, rounds := l.pick(400, 16), l.pick(6, 1)
	var one, all, each []float64
	for range rounds {
		a, err := rate(n, 1, next)
		if err != nil {
			return rows, err
		}
		b, err := rate(n, processes, next)
		if err != nil {
			return rows, err
		}
		one, all, each = append(one, a), append(all, b), append(each, b/a)
	}
	return append(rows, atLeast(5, fmt.Sprintf("%d processes on one journal, beside one, records a second", processes),
		sample.Digits(sample.Median(all))+"/s", sample.Digits(sample.Median(one))+"/s", sample.SpreadOf(sample.Median(all)/sample.Median(one), each), .5)), nil
}

// rate is how many records a second the first of the writers make together.
func rate(n, writers int, next func(writer int) error) (float64, error) {
	var group sync.WaitGroup
	errs := make([]error, writers)
	began := time.Now()
	for i := range writers {
		group.Go(func() {
			for range n / writers {
				if errs[i] = next(i); errs[i] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return float64(n) / time.Since(began).Seconds(), errors.Join(errs...)
}
