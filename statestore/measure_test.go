package statestore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit/pgtest"
	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/calls"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
	"github.com/fjbelchi/localmodel/statestore/sqldb"
)

// needMeasure skips a measurement, whose figures a busy machine would make
// false, unless it was asked for.
func needMeasure(t *testing.T) {
	t.Helper()
	if os.Getenv("LOCALMODEL_MEASURE") == "" {
		t.Skip("a measurement: LOCALMODEL_MEASURE=1 runs it")
	}
}

func median(d []time.Duration) time.Duration { return percentile(d, 50) }

func percentile(d []time.Duration, p int) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[min(len(d)*p/100, len(d)-1)]
}

// eachDurableStore is eachStore with a server whose commits wait for the disk.
func eachDurableStore(t *testing.T, fn func(t *testing.T, o journal.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, journal.Options{Root: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) {
		fn(t, journal.Options{Root: t.TempDir(), State: pgtest.New(t, "fsync=on").Schema(t)})
	})
}

// recorded measures one durable record of a ticket's gates, all five of which
// come in turn.
func recorded(t testing.TB, s *Store, i int) time.Duration {
	gate := policy.Gates()[i%gates]
	id := fmt.Sprint("M-", i/gates)
	o := Outcome{TicketID: id, Gate: gate, Outcome: policy.Pass, Route: "local", EventID: fmt.Sprintf("%s:%s:1", id, gate), Evidence: strings.Repeat("e", 200)}
	start := time.Now()
	if _, err := s.Record(context.Background(), o, countSettled); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}

// seed closes n tickets as they are, many in one transaction.
func seed(t testing.TB, s *Store, n int) {
	t.Helper()
	for at := 0; at < n; at += 1000 {
		if err := s.Write(context.Background(), func(ctx context.Context, tx sqldb.Q, p *journal.Project) error {
			for i := at; i < min(at+1000, n); i++ {
				if err := seedTicket(ctx, tx, s, p, fmt.Sprint("S-", i)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		seedCalls(t, s, at, min(at+1000, n))
	}
}

// seedCalls writes a call for each of the tickets that were seeded.
func seedCalls(t testing.TB, s *Store, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		call := calls.Call{At: s.Now(), Purpose: "plan", TicketID: fmt.Sprint("S-", i), Tier: "local", Model: "qwen3-coder:30b",
			TokensIn: 2000, TokensOut: 400, Result: "ok"}
		if err := s.Calls.Add(context.Background(), call); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Calls.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func seedTicket(ctx context.Context, tx sqldb.Q, s *Store, p *journal.Project, id string) error {
	plan := Plan{TicketID: id, ByLocal: true, Key: guard.Key{Class: "low", Digest: "d"}, Text: strings.Repeat("p", 1000), Model: "qwen3-coder:30b"}
	if _, _, err := recordPlan(ctx, tx, p, plan, s.Now()); err != nil {
		return err
	}
	for _, gate := range policy.Gates() {
		o := Outcome{TicketID: id, Gate: gate, Outcome: policy.Pass, EventID: fmt.Sprintf("%s:%s:1", id, gate), Evidence: "ok"}
		t := &recording{ctx: ctx, tx: tx, s: s, o: o, now: s.Now(), step: countSettled}
		if err := t.run(); err != nil {
			return err
		}
	}
	return nil
}

// A durable record beside what the disk asks for the least that is durable: a
// line appended and flushed. Both in turn, so that they see the same machine.
func TestMeasureRecord(t *testing.T) {
	needMeasure(t)
	o := journal.Options{Root: t.TempDir()}
	s := newStore(t, o)
	file, err := os.Create(filepath.Join(t.TempDir(), "raw"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	line := bytes.Repeat([]byte("x"), 400)
	var raw, durable []time.Duration
	for i := range 1000 {
		start := time.Now()
		if _, err := file.Write(line); err != nil {
			t.Fatal(err)
		}
		if err := fdatasync(file); err != nil {
			t.Fatal(err)
		}
		raw = append(raw, time.Since(start))
		durable = append(durable, recorded(t, s, i))
	}
	before := processorTime(t)
	for i := range 1000 {
		recorded(t, s, 1000+i)
	}
	t.Logf("processor time of a durable record, its flush and the state file's writing included: %s", (processorTime(t)-before)/1000)
	t.Logf("raw append and fdatasync: median %s, p99 %s; durable record: median %s, p99 %s; %.2f times",
		median(raw), percentile(raw, 99), median(durable), percentile(durable, 99), float64(median(durable))/float64(median(raw)))

	start := time.Now()
	first := makeStore(journal.Options{Root: t.TempDir()})
	if _, err := first.Stats(context.Background()); err != nil {
		t.Fatal(err)
	}
	made := time.Since(start)
	again := makeStore(o)
	start = time.Now()
	if _, err := again.Stats(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Logf("first use of a new journal %s, of one that is there %s", made, time.Since(start))
	first.Close() //nolint:errcheck // only read
	again.Close() //nolint:errcheck // only read
}

// What a report asks for after many tickets.
func TestMeasureStats(t *testing.T) {
	needMeasure(t)
	many := 100_000
	if n := os.Getenv("LOCALMODEL_TICKETS"); n != "" {
		if _, err := fmt.Sscan(n, &many); err != nil {
			t.Fatal(err)
		}
	}
	s := newStore(t, journal.Options{Root: t.TempDir()})
	seed(t, s, many)
	ctx := context.Background()
	var all []time.Duration
	for range 20 {
		start := time.Now()
		_, stats := s.Stats(ctx)
		_, usage := s.Calls.Usage(ctx, time.Time{})
		_, figures := s.Figures(ctx, time.Time{})
		_, open := s.OpenAttempts(ctx)
		if err := errors.Join(stats, usage, figures, open); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(start))
	}
	t.Logf("figures of %d tickets: median %s, slowest %s", many, median(all), percentile(all, 100))
}

// How long after its reply an outcome is in the state file.
func TestMeasureLag(t *testing.T) {
	needMeasure(t)
	s := newStore(t, journal.Options{Root: t.TempDir()})
	var lags []time.Duration
	for i := 1; i <= 50; i++ {
		record(t, s, out("T commit pass local"))
		start := time.Now()
		for block, _ := s.Written(context.Background()); block.TotalAttempts != i; block, _ = s.Written(context.Background()) {
			time.Sleep(time.Millisecond)
		}
		lags = append(lags, time.Since(start))
	}
	t.Logf("the state file follows after %s (median), %s (slowest of %d)", median(lags), percentile(lags, 100), len(lags))
}

// Eight processes together beside one.
func TestMeasureEightProcesses(t *testing.T) {
	needMeasure(t)
	eachDurableStore(t, func(t *testing.T, o journal.Options) {
		for _, processes := range []int{1, 8} {
			const records = 400
			outputs := make([]bytes.Buffer, processes)
			var wg sync.WaitGroup
			start := time.Now()
			for i := range processes {
				cmd := child(t, "timed", childArgs{Root: o.Root, State: o.State, Name: fmt.Sprint(processes, "p", i), Records: records})
				cmd.Stdout = &outputs[i]
				wg.Go(func() {
					if err := cmd.Run(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			took := time.Since(start)
			var all []time.Duration
			for i := range outputs {
				for lines := bufio.NewScanner(&outputs[i]); lines.Scan(); {
					var us int
					if _, err := fmt.Sscan(lines.Text(), &us); err != nil {
						t.Fatal(err)
					}
					all = append(all, time.Duration(us)*time.Microsecond)
				}
			}
			t.Logf("%d processes: %.0f records a second, median %s, p99 %s, slowest %s", processes, float64(len(all))/took.Seconds(),
				median(all), percentile(all, 99), percentile(all, 100))
		}
	})
}

// timed prints the microseconds of each record.
func timed() int {
	a, s := childStore()
	for i := range a.Records {
		start := time.Now()
		o := Outcome{TicketID: fmt.Sprint(a.Name, i/5), Gate: policy.Gates()[i%gates], Outcome: policy.Pass, Route: "local", EventID: fmt.Sprint(a.Name, i)}
		if _, err := s.Record(context.Background(), o, countSettled); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(time.Since(start).Microseconds())
	}
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A record after 100,000 closed tickets beside one after 10, in turn, and while
// all of them are being deleted; what they take on disk.
func TestMeasureGrowth(t *testing.T) {
	needMeasure(t)
	eachDurableStore(t, func(t *testing.T, o journal.Options) {
		many := 100_000
		if o.State != "" {
			many = 10_000 // a server takes its time to be filled
		}
		past := func() time.Time { return time.Now().AddDate(-2, 0, 0) }
		big, small := o, o
		small.Root = t.TempDir()
		if o.State != "" {
			small.State = pgtest.New(t, "fsync=on").Schema(t)
		}
		big.Now, small.Now = past, past
		b, s := newStore(t, big), newStore(t, small)
		start := time.Now()
		seed(t, s, 10)
		seed(t, b, many)
		t.Logf("seeded in %s", time.Since(start).Round(time.Second))
		size(t, b, fmt.Sprintf("%d closed tickets", many))
		var few, lots []time.Duration
		for i := range 1000 {
			few = append(few, recorded(t, s, i))
			lots = append(lots, recorded(t, b, i))
		}
		ratio := float64(median(lots)) / float64(median(few))
		t.Logf("durable record: after 10 median %s, p99 %s; after %d median %s, p99 %s; %.2f times",
			median(few), percentile(few, 99), many, median(lots), percentile(lots, 99), ratio)
		if ratio > 1.2 {
			t.Errorf("growth %.2f, want at most 1.2", ratio)
		}

		big.Now = time.Now // now they are old
		f := newStore(t, big)
		var pieces, during []time.Duration
		for i, more := 0, true; more; i++ {
			start := time.Now()
			var err error
			if more, err = f.Retain(context.Background()); err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, time.Since(start))
			if i < 500 {
				during = append(during, recorded(t, f, 2000+i))
			}
		}
		t.Logf("deleted in %d pieces, median %s, p99 %s; records in between: median %s, p99 %s", len(pieces), median(pieces), percentile(pieces, 99),
			median(during), percentile(during, 99))
		size(t, f, "after deleting them")
	})
}

func size(t *testing.T, s *Store, what string) {
	t.Helper()
	if s.Postgres() {
		var bytes int64
		query(t, s, &bytes, `SELECT SUM(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = 'r'`)
		t.Logf("%s: %.1f MB", what, float64(bytes)/1e6)
		return
	}
	var pages, free, each int64
	query(t, s, &pages, `PRAGMA page_count`)
	query(t, s, &free, `PRAGMA freelist_count`)
	query(t, s, &each, `PRAGMA page_size`)
	t.Logf("%s: %.1f MB, of which %.1f MB are free for new rows", what, float64(pages*each)/1e6, float64(free*each)/1e6)
}

func BenchmarkRecord(b *testing.B) {
	s := newStore(b, journal.Options{Root: b.TempDir()})
	i := 0
	for b.Loop() {
		recorded(b, s, i)
		i++
	}
}

func BenchmarkRawAppend(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	line := bytes.Repeat([]byte("x"), 400)
	for b.Loop() {
		if _, err := file.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := fdatasync(file); err != nil {
			b.Fatal(err)
		}
	}
}
