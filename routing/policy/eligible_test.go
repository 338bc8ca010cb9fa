package policy

import (
	"strings"
	"testing"
)

func admitted() Facts {
	return Facts{ID: "FEAT-1", Complexity: "low", WaveKnown: true, Wave: []string{"FEAT-1"}, Guard: Verdict{Admit: true, Why: "guard closed: no history yet"}}
}

func TestEligible(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Facts)
		ok     bool
		rule   string
		why    string
	}{
		{"plain", func(*Facts) {}, true, "eligible", "eligible"},
		{"medium", func(f *Facts) { f.Complexity = "medium" }, true, "eligible", "eligible"},
		{"high", func(f *Facts) { f.Complexity = "high" }, false, "complexity", "complexity high"},
		{"tag", func(f *Facts) { f.Tags = []string{"ui", "Security"} }, false, "tags", "tag SECURITY"},
		{"tag in other case", func(f *Facts) { f.Tags = []string{"arch"} }, false, "tags", "tag ARCH"},
		{"tag with spaces", func(f *Facts) { f.Tags = []string{" sec "} }, false, "tags", "tag SEC"},
		{"tag that only begins so", func(f *Facts) { f.Tags = []string{"architecture", "secure", "sector"} }, true, "eligible", "eligible"},
		{"3 files", func(f *Facts) { f.Files = []string{"a", "b", "c"} }, true, "eligible", "eligible"},
		{"4 files", func(f *Facts) { f.Files = []string{"a", "b", "c", "d"} }, false, "files", "4 files > 3"},
		{"4 names of 3 files", func(f *Facts) { f.Files = []string{"a", "b", "c", "a"} }, true, "eligible", "eligible"},
		{"no file, complexity stated", func(f *Facts) { f.Files = nil }, true, "eligible", "eligible"},
		{"size unknown", func(f *Facts) { f.SizeUnknown = true }, false, "files", "size unknown, names no files: add Affected Files"},
		{"size unknown to all but a model", func(f *Facts) { f.SizeUnknown, f.Sure = true, true }, true, "eligible", "eligible"},
		{"a file of the text", func(f *Facts) { f.Files, f.FilesFromText = []string{"a"}, true }, true, "eligible", "eligible; 1 file from text"},
		{"4 files of the text", func(f *Facts) { f.Files, f.FilesFromText = []string{"a", "b", "c", "d"}, true }, false, "files", "4 files from text > 3"},
		{"depends inside the wave", func(f *Facts) { f.DependsOn, f.Wave = []string{"BUG-2"}, []string{"FEAT-1", "BUG-2"} }, false, "dependencies", "depends on BUG-2 of this wave"},
		{"in other case", func(f *Facts) { f.DependsOn, f.Wave = []string{"bug-2"}, []string{"BUG-2"} }, false, "dependencies", "depends on bug-2 of this wave"},
		{"outside the wave", func(f *Facts) { f.DependsOn, f.Wave = []string{"BUG-2"}, []string{"FEAT-1", "BUG-22"} }, true, "eligible", "eligible"},
		{"empty wave", func(f *Facts) { f.DependsOn, f.Wave = []string{"BUG-2"}, nil }, true, "eligible", "eligible"},
		{"unknown wave", func(f *Facts) { f.DependsOn, f.Wave, f.WaveKnown = []string{"BUG-2"}, []string{"BUG-2"}, false }, true, "eligible", "eligible"},
		{"on itself", func(f *Facts) { f.DependsOn = []string{"feat-1"} }, true, "eligible", "eligible"},
		{"escalated", func(f *Facts) { f.Escalated = "lint" }, false, "escalated", "escalated at lint; cloud until a commit passes"},
		{"guard open", func(f *Facts) { f.Guard = Verdict{Why: "open for low", Short: "guard open"} }, false, "guard", "open for low"},
		{"probe", func(f *Facts) { f.Guard = Verdict{Admit: true, Probe: true, Why: "probe for low"} }, true, "eligible", "eligible; probe for low"},
		{"the first rule that refuses decides", func(f *Facts) {
			f.Complexity, f.Tags, f.Files = "high", []string{"SEC"}, []string{"a", "b", "c", "d"}
		}, false, "complexity", "complexity high"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := admitted()
			c.change(&f)
			ok, deciding, all := Eligible(f)
			if ok != c.ok || deciding.Name != c.rule || deciding.Why != c.why {
				t.Errorf("%t by %s: %q, want %t by %s: %q", ok, deciding.Name, deciding.Why, c.ok, c.rule, c.why)
			}
			if len(all) != 6 {
				t.Fatalf("%d rules", len(all))
			}
			refused := 0
			for _, r := range all {
				if r.Why == "" {
					t.Errorf("rule %s has no reason", r.Name)
				}
				if !r.OK {
					refused++
				}
				if len(r.Short) > 32 || (!r.OK && r.Short == "") {
					t.Errorf("rule %s: short reason %q", r.Name, r.Short)
				}
			}
			if (refused == 0) != ok {
				t.Errorf("%d rules refuse, yet eligible is %t", refused, ok)
			}
		})
	}
}

// Of a long id the part is kept by which it differs from its neighbours.
func TestEligible_ShortOfALongID(t *testing.T) {
	for id, want := range map[string]string{
		"FEAT-2":               "needs FEAT-2",
		"005-mail/WP01":        "needs 005-mail/WP01",
		"004-tide-alerts/T002": "needs T002",
		"A-LONG-ID-OF-A-TASK":  "needs A-LONG-ID-OF-...",
	} {
		f := admitted()
		f.DependsOn, f.Wave = []string{id}, []string{id}
		if _, deciding, _ := Eligible(f); deciding.Short != want {
			t.Errorf("%s: got %q, want %q", id, deciding.Short, want)
		}
	}
}

// Reasons are printable ASCII and short, whatever a ticket contains.
func TestReasonsAreASCII(t *testing.T) {
	id := strings.Repeat("ü\x1b[31m\n", 60)
	f := admitted()
	f.DependsOn, f.Wave = []string{id}, []string{id}
	_, deciding, _ := Eligible(f)
	if deciding.Name != "dependencies" || len(deciding.Why) > 70 || len(deciding.Short) > 22 {
		t.Errorf("%+v", deciding)
	}
	for _, r := range deciding.Why + deciding.Short {
		if r < ' ' || r > '~' {
			t.Errorf("%q in %q", r, deciding.Why)
		}
	}
}
