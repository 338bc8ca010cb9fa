package statestore

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/statestore/journal"
)

const theirFile = `{
  "version": "6.0",
  "team": {"keep": [1, 2, 12345678901234567890], "name": "Ánä"},
  "stats": {
    "totalCommits": 41
  }
}
`

func writeState(t testing.TB, root, content string) (path string) {
	t.Helper()
	path = filepath.Join(root, ".claude", "implementer-state.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Eight processes record at once while a ninth rewrites the state file without
// any lock: nothing is lost or doubled, the figures are those of a replay, and
// the ninth's keys are there.
func TestEightProcesses(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		const processes = 8
		records := 40
		if full {
			records = 2000
		}
		path := writeState(t, o.Root, theirFile)
		ninth := child(t, "foreign", childArgs{Root: o.Root})
		stop, err := ninth.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		ninth.Stdout = &said
		if err := ninth.Start(); err != nil {
			t.Fatal(err)
		}

		e := events{sent: map[string]bool{}, acked: map[string]bool{}}
		outputs := make([]bytes.Buffer, processes)
		var wg sync.WaitGroup
		start := time.Now()
		for i := range processes {
			cmd := child(t, "recorder", childArgs{Root: o.Root, State: o.State, Name: fmt.Sprint("p", i), Records: records, Tickets: 30})
			cmd.Stdout = &outputs[i]
			wg.Go(func() {
				if err := cmd.Run(); err != nil {
					t.Errorf("recorder %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		took := time.Since(start)
		stop.Close()
		if err := ninth.Wait(); err != nil {
			t.Errorf("the ninth: %v", err)
		}
		for i := range outputs {
			e.read(t, &outputs[i])
		}
		if len(e.acked) != processes*records {
			t.Errorf("%d acknowledged, want %d", len(e.acked), processes*records)
		}
		e.check(t, o)
		t.Logf("%d records by %d processes in %s (%.0f a second); the ninth: %s", len(e.acked), processes, took.Round(time.Millisecond),
			float64(len(e.acked))/took.Seconds(), strings.TrimSpace(said.String()))
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := gjson.GetBytes(data, "team").Raw; got != `{"keep": [1, 2, 12345678901234567890], "name": "Ánä"}` {
			t.Errorf("the others' key became %s", got)
		}
		if gjson.GetBytes(data, "stats.totalCommits").Int() != 41 || gjson.GetBytes(data, "foreign.count").Int() == 0 || strings.Contains(said.String(), "unreadable") {
			t.Errorf("the ninth said %q, the file has %s", said.String(), data)
		}
	})
}

// Processes are killed at random moments of their records: what was
// acknowledged is there once, what was never sent is not, and no file is ever
// unreadable.
func TestKilled(t *testing.T) {
	eachStore(t, func(t *testing.T, o journal.Options) {
		kills := 30
		if full {
			kills = 2000
		}
		if n := os.Getenv("LOCALMODEL_KILLS"); n != "" {
			if _, err := fmt.Sscan(n, &kills); err != nil {
				t.Fatal(err)
			}
		}
		path := writeState(t, o.Root, theirFile)
		e := events{sent: map[string]bool{}, acked: map[string]bool{}}
		const together = 2
		for i := 0; i < kills; i += together {
			outputs := make([]bytes.Buffer, together)
			var wg sync.WaitGroup
			for j := range together {
				cmd := child(t, "recorder", childArgs{Root: o.Root, State: o.State, Name: fmt.Sprintf("k%d", i+j), Records: 1 << 30, Tickets: 30})
				from, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				wg.Go(func() {
					// A process takes its time to start: one is killed some time after
					// it sends its first record, the next after that was acknowledged.
					lines := bufio.NewReader(from)
					for range 1 + j {
						line, err := lines.ReadString('\n')
						if err != nil {
							t.Errorf("a recorder said nothing: %v", err)
						}
						outputs[j].WriteString(line)
					}
					time.AfterFunc(time.Duration(rand.IntN(30_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
					_, _ = outputs[j].ReadFrom(lines)
					if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
						t.Errorf("not killed: %v", err)
					}
				})
			}
			wg.Wait()
			for j := range outputs {
				e.read(t, &outputs[j])
			}
			if data, err := os.ReadFile(path); err != nil || !gjson.ValidBytes(data) || gjson.GetBytes(data, "stats.totalCommits").Int() != 41 {
				t.Fatalf("after %d kills the state file has %q, %v", i, data, err)
			}
		}
		if len(e.acked) == 0 {
			t.Error("no record was acknowledged, so nothing was shown")
		}
		e.check(t, o)
		t.Logf("%d kills, %d sent, %d acknowledged", kills, len(e.sent), len(e.acked))
		if o.State == "" {
			var verdict string
			if query(t, newStore(t, o), &verdict, `PRAGMA integrity_check`); verdict != "ok" {
				t.Errorf("integrity_check: %s", verdict)
			}
		}
		left, err := filepath.Glob(path + ".tmp-*")
		if len(left) != 0 || err != nil {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}
