package statestore

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/fjbelchi/localmodel/routing/policy"
	"github.com/fjbelchi/localmodel/statestore/guard"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// children are the programs that this test binary can be, since goroutines
// alone show nothing of locks and of crashes.
var children = map[string]func() int{
	"recorder": recorder,
	"foreign":  foreign,
	"once":     once,
	"timed":    timed,
}

const argsEnv = "LOCALMODEL_TEST_ARGS"

type childArgs struct {
	Root, State string
	Project     string
	Name        string // goes into every event id
	Records     int
	Tickets     int
	Wait        time.Duration // BusyTimeout
}

func childStore() (childArgs, *Store) {
	var a childArgs
	if err := json.Unmarshal([]byte(os.Getenv(argsEnv)), &a); err != nil {
		panic(err)
	}
	return a, makeStore(journal.Options{Root: a.Root, State: a.State, Project: a.Project, BusyTimeout: a.Wait})
}

// child starts this test binary as another program.
func child(t testing.TB, program string, a childArgs) *exec.Cmd {
	t.Helper()
	args, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+program, argsEnv+"="+string(args))
	cmd.Stderr = os.Stderr
	return cmd
}

// recorder records outcomes and says, for each, that it sends it and that it
// was acknowledged. What was asked for is in the evidence, for a replay.
func recorder() int {
	a, s := childStore()
	r := rand.New(rand.NewPCG(uint64(len(a.Name)), uint64(time.Now().UnixNano())))
	for i := range a.Records {
		o := randomOutcome(r, a.Tickets)
		o.EventID = fmt.Sprintf("%s-%d", a.Name, i)
		o.Evidence = "route=" + string(o.Route)
		fmt.Println("send", o.EventID)
		if _, err := s.Record(context.Background(), o, countSettled); err != nil {
			fmt.Fprintln(os.Stderr, a.Name, err)
			return 1
		}
		fmt.Println("ack", o.EventID)
	}
	if err := s.Close(); err != nil { // the state file is left to the next process
		fmt.Fprintln(os.Stderr, a.Name, err)
	}
	return 0
}

// countSettled is a guard that counts closed attempts.
func countSettled(state []byte, _ Closed) ([]byte, error) {
	var n int
	_, _ = fmt.Sscan(string(state), &n)
	return fmt.Append(nil, n+1), nil
}

// once records one outcome and prints its answer, or the error.
func once() int {
	_, s := childStore()
	r, err := s.Record(context.Background(), Outcome{TicketID: "T", Gate: policy.Commit, Outcome: policy.Pass, Route: "local"}, nil)
	if err != nil {
		fmt.Println("error:", err)
		return 0
	}
	err = s.Close()
	fmt.Printf("recorded: %d, warnings %q, closed %v\n", r.Stats.SuccessCount, append(r.Warnings, s.Warnings()...), err)
	return 0
}

// foreign is a program that knows of no lock: it reads the state file, counts in
// a key of its own, and writes all of it back in place, until its input ends.
func foreign() int {
	a, _ := childStore()
	path := filepath.Join(a.Root, ".claude", "implementer-state.json")
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	lost := 0
	for n := 1; ; n++ {
		data, err := os.ReadFile(path)
		if err == nil && gjson.ValidBytes(data) {
			if last := gjson.GetBytes(data, "foreign.count").Int(); last != 0 && last < int64(n-1) {
				lost++
			}
			text, _ := sjson.Set(string(data), "foreign.count", n)
			_ = os.WriteFile(path, []byte(text), 0o600)
		} else if err == nil && len(data) > 0 {
			fmt.Println("unreadable", string(data))
		}
		select {
		case <-done:
			fmt.Println("last", n, "lost", lost)
			return 0
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// events collects what recorders said.
type events struct{ sent, acked map[string]bool }

func (e *events) read(t testing.TB, from io.Reader) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		var word, id string
		if n, _ := fmt.Sscan(lines.Text(), &word, &id); n != 2 {
			continue // torn by a kill
		}
		switch word {
		case "send":
			e.sent[id] = true
		case "ack":
			e.acked[id] = true
		}
	}
}

// check compares what recorders said with what the journal has, and its
// figures with a replay.
func (e *events) check(t testing.TB, o journal.Options) {
	t.Helper()
	s := newStore(t, o)
	// A server may still be at the commit of a process that was killed: a
	// transaction of our own comes after it.
	if err := s.Writable(context.Background()); err != nil {
		t.Fatal(err)
	}
	there := map[string]int{}
	model := naive{}
	rows, err := readOutcomes(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		there[r.EventID]++
		model.events = append(model.events, r)
	}
	for id := range e.acked {
		if there[id] == 0 {
			t.Errorf("%s was acknowledged and is not there", id)
		}
	}
	for id, n := range there {
		if n > 1 {
			t.Errorf("%s is there %d times", id, n)
		}
		if !e.sent[id] {
			t.Errorf("%s was never sent", id)
		}
	}
	want := model.stats()
	got := mustStats(t, s)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counters %+v, a replay gives %+v", got, want)
	}
	states, err := s.GuardStates(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n := string(states[guard.Key{Class: "medium"}]); n != fmt.Sprint(want.TotalAttempts) && want.TotalAttempts > 0 {
		t.Errorf("the guard counted %s closed attempts of %d", n, want.TotalAttempts)
	}
	// A start compares the file with the journal; one that was left empty takes
	// its time.
	wait(t, "the state file follows", func() bool { return s.Flush(context.Background()) == nil })
	if block, found := s.Written(context.Background()); !found || fmt.Sprint(block) != fmt.Sprint(want) {
		t.Errorf("the state file has %+v, want %+v", block, want)
	}
}
