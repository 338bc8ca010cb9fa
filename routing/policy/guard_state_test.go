package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGuardModes(t *testing.T) {
	open, _ := json.Marshal(settled(Guard{}, GuardState{}, "FFFFFF"))
	for _, c := range []struct {
		mode   GuardMode
		state  []byte
		totals Totals
		admit  bool
		why    string
	}{
		{Always, open, Totals{10, 10}, true, "guard off: LOCALMODEL_GUARD=always"},
		{Never, nil, Totals{}, false, "LOCALMODEL_GUARD=never"},
		{Fixed, open, Totals{0, 0}, true, "fixed rule: 0 of 0 escalated"},
		{Fixed, nil, Totals{1, 1}, false, "fixed rule: 1 of 1 escalated, 1.00 >= .30"},
		{Fixed, nil, Totals{3, 1}, false, "fixed rule: 1 of 3 escalated, .33 >= .30"},
		{Fixed, nil, Totals{4, 1}, true, "fixed rule: 1 of 4 escalated"},
		{Fixed, nil, Totals{10, 3}, false, "fixed rule: 3 of 10 escalated, .30 >= .30"},
		{Fixed, nil, Totals{100, 30}, false, "fixed rule: 30 of 100 escalated, .30 >= .30"},
		{Fixed, nil, Totals{100, 29}, true, "fixed rule: 29 of 100 escalated"},
		{Adaptive, open, Totals{100, 0}, false, ""},
		{Adaptive, nil, Totals{1, 1}, true, "guard closed: no history yet"},
	} {
		g := Guard{Mode: c.mode}
		v, state, memo, err := g.Admit("low", "A", c.state, nil, c.totals, anyDay)
		if err != nil || v.Admit != c.admit || (c.why != "" && v.Why != c.why) {
			t.Errorf("%s %+v: %+v (%v), want %t %q", c.mode, c.totals, v, err, c.admit, c.why)
		}
		if c.mode != Adaptive && (string(state) != string(c.state) || memo != nil) {
			t.Errorf("%s counts: %s %s", c.mode, state, memo)
		}
		if !v.Admit && (v.Short == "" || len(v.Short) > 22) {
			t.Errorf("%s: short reason %q", c.mode, v.Short)
		}
		if look := g.Look("low", ParseGuardState(c.state), c.totals, anyDay); look.Admit != c.admit {
			t.Errorf("%s: Look says %t, Admit %t", c.mode, look.Admit, c.admit)
		}
	}
}

func TestGuardDamagedState(t *testing.T) {
	g := Guard{Mode: Adaptive}
	for _, state := range []string{"", "null", "{", "[]", `"x"`, "7", `{"k":"a"}`, `{"k":-1,"n":3}`, `{"k":5,"n":3}`, `{"k":1,"n":1e999}`,
		`{"open":true}`, `{"open":true,"k":1,"n":2}`, `{"open":true,"k":1,"n":2,"interval":-3}`, `{"waited":-1}`, `{"run":-9}`, `{"k":1,"n":3,"probe":7}`, `{"open":true,"interval":5}`, "\x00\xff", `{"probe_at":"yesterday"}`} {
		if s := ParseGuardState([]byte(state)); !cmp.Equal(s, GuardState{}) {
			t.Errorf("%q was read as %+v", state, s)
		}
		v, _, _, err := g.Admit("low", "A", []byte(state), []byte(state), Totals{}, anyDay)
		if err != nil || !v.Admit {
			t.Errorf("%q: %+v, %v", state, v, err)
		}
		after, err := g.Settle("A", []byte(state), true, anyDay)
		if s := ParseGuardState(after); err != nil || s.K != 1 || s.N != 1 || s.Run != 1 {
			t.Errorf("%q settled to %s, %v", state, after, err)
		}
	}
	// A damaged memo counts the ticket once more, and no more.
	d := newDay(t, "FFF")
	d.memos["A"] = []byte("{{{")
	d.ask("A")
	if d.ask("A"); ParseGuardState(d.state).Waited != 1 {
		t.Errorf("waited %d", ParseGuardState(d.state).Waited)
	}
	// Unknown fields of a later version do no harm.
	if s := ParseGuardState([]byte(`{"k":1,"n":4,"later":[1]}`)); s.K != 1 || s.N != 4 {
		t.Errorf("%+v", s)
	}
}

// TestGuardJSON: Admit and Settle, on stored JSON, are count and settle, which
// the simulation runs. And whatever happens the state stays sound.
func TestGuardJSON(t *testing.T) {
	g := Guard{Mode: Adaptive}
	most := 1/(1-math.Exp2(-1/tuned.halfLife)) + 1e-9
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same every time, on purpose
		var stored []byte
		var plain GuardState
		for i := range 300 {
			id := fmt.Sprint("T-", i)
			v, state, _, err := g.Admit("low", id, stored, nil, Totals{}, anyDay)
			if err != nil {
				t.Fatal(err)
			}
			stored = state
			counted := plain
			if want := g.admit("low", id, &plain, anyDay); v != want {
				t.Fatalf("ticket %d: Admit says %+v, admit %+v", i, v, want)
			}
			if admit, probe := counted.count(id, anyDay); admit != v.Admit || probe != v.Probe {
				t.Fatalf("ticket %d: Admit says %+v, count %t, %t", i, v, admit, probe)
			}
			if v.Admit {
				failed := rng.Float64() < .1*float64(seed%7)
				if stored, err = g.Settle(id, stored, failed, anyDay); err != nil {
					t.Fatal(err)
				}
				g.settle(id, &plain, failed)
			}
			got := ParseGuardState(stored)
			if plain != got {
				diff := cmp.Diff(plain, got)
				t.Fatalf("ticket %d (-plain +stored)\n%s", i, diff)
			}
			if got.K < 0 || got.K > got.N || got.N > most {
				t.Fatalf("ticket %d: %g of %g", i, got.K, got.N)
			}
			if got.Open && (got.K/got.N < defaultThreshold || got.Interval < tuned.first || got.Interval > tuned.most) {
				t.Fatalf("ticket %d: open as %+v", i, got)
			}
			if !v.Admit && len(v.Short) > 22 {
				t.Fatalf("short reason %q", v.Short)
			}
		}
	}
}
