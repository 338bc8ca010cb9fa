package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// draftHistory settles drafts one after another: a = applied, d = not.
func draftHistory(t *testing.T, uses string) []byte {
	t.Helper()
	var state []byte
	for i, use := range uses {
		var err error
		if state, err = SettleDraft(fmt.Sprintf("T-%d", i), state, use == 'a'); err != nil {
			t.Fatal(err)
		}
	}
	return state
}

func TestSettleDraft_SwitchesOff(t *testing.T) {
	for uses, want := range map[string]string{
		"":                                   "",
		"ddddddddd":                          "", // nine say nothing yet
		"dddddddddd":                         "0 of the last 10",
		"aaaaaadddd":                         "", // 60 % is not under 60 %
		"aaaaaddddd":                         "5 of the last 10",
		"aaaaaaaaaaaaaaaaaaaadddddddd":       "", // 12 of the last 20
		"aaaaaaaaaaaaaaaaaaaaddddddddd":      "11 of the last 20",
		"aaaaaaaaaaaaaaaaaaaadddddddddaaaaa": "11 of the last 20", // what was begun before changes nothing
	} {
		got := Guard{Mode: Adaptive}.LookDraft("low", draftHistory(t, uses))
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", uses, got, want)
		}
		if off := (Guard{Mode: Always}).LookDraft("low", draftHistory(t, uses)); off != "" {
			t.Errorf("LOCALMODEL_GUARD=always: %q", off)
		}
	}
}

// TestAdmitDraft_Probes follows a class from the first refusal to drafting
// again: the tenth ticket is a probe, a bad one doubles the wait, two good ones
// in a row switch drafting on.
func TestAdmitDraft_Probes(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	state, n := draftHistory(t, "dddddddddd"), 0
	next := func() (ticket string, v Verdict) {
		n++
		ticket = fmt.Sprintf("N-%d", n)
		v, state, _, _ = Guard{Mode: Adaptive}.AdmitDraft("low", ticket, state, nil, now)
		return ticket, v
	}
	untilProbe := func() (ticket string, refused int) {
		for ; refused < 100; refused++ {
			if ticket, v := next(); v.Admit {
				if !v.Probe || !strings.Contains(v.Why, "0 of the last 10") {
					t.Fatalf("admitted without being a probe: %+v", v)
				}
				return ticket, refused
			}
		}
		t.Fatal("no probe in 100 tickets")
		return "", 0
	}
	settle := func(ticket string, applied bool) {
		var err error
		if state, err = SettleDraft(ticket, state, applied); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		refused int
		applied bool
	}{{9, false}, {19, false}, {39, false}, {39, true}, {0, false}, {19, true}, {0, true}} {
		ticket, refused := untilProbe()
		if refused != step.refused {
			t.Fatalf("%s is a probe after %d refusals, want %d", ticket, refused, step.refused)
		}
		if _, v := next(); v.Admit || !strings.Contains(v.Why, ticket) {
			t.Fatalf("beside the probe: %+v, want it to wait for %s", v, ticket)
		}
		settle("somebody else's", true)
		settle(ticket, step.applied)
	}
	if _, v := next(); !v.Admit || v.Probe {
		t.Errorf("after two good probes: %+v, want drafting on", v)
	}
}

// TestAdmitDraft_AskedAgain holds that a ticket gets one answer and counts once,
// that a probe nobody reports on is given up, and that damage stops nothing.
func TestAdmitDraft_AskedAgain(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	g := Guard{Mode: Adaptive}
	first, state, memo, _ := g.AdmitDraft("low", "A", draftHistory(t, "dddddddddd"), nil, now)
	again, same, _, _ := g.AdmitDraft("low", "A", state, memo, now.Add(time.Hour))
	if first != again || string(same) != string(state) {
		t.Errorf("asked again: %+v, then %+v", first, again)
	}
	for i := range 9 {
		_, state, _, _ = g.AdmitDraft("low", fmt.Sprint(i), state, nil, now)
	}
	if r := ParseDraftRecord(state); r.Probe == "" {
		t.Fatalf("no probe: %+v", r)
	}
	for range 10 {
		_, state, _, _ = g.AdmitDraft("low", "late", state, nil, now.Add(25*time.Hour))
	}
	if r := ParseDraftRecord(state); r.Probe != "late" {
		t.Errorf("a probe of yesterday is not given up: %+v", r)
	}
	for _, damaged := range []string{"[", `{"off":true}`, `{"waited":-1}`, `{"recent":"` + strings.Repeat("a", 99) + `"}`} {
		if v, _, _, err := g.AdmitDraft("low", "A", []byte(damaged), []byte("["), now); err != nil || !v.Admit {
			t.Errorf("%s: %+v, %v", damaged, v, err)
		}
	}
}
