package ticket

import "testing"

func TestIsReverse(t *testing.T) {
	for line, want := range map[string]bool{
		"Blocks FEAT-1":          true,
		"**Blocks**: FEAT-1":     true,
		"[blocking](FEAT-1.md)":  true,
		"Required by FEAT-1":     true,
		"Blocked tickets: A-1":   true,
		"Blocks by FEAT-1":       false,
		"Blocked by FEAT-1":      false,
		"Depends on FEAT-1":      false,
		"FEAT-1 blocks this one": false,
	} {
		if got := isReverse(line); got != want {
			t.Errorf("%q: got %t, want %t", line, got, want)
		}
	}
}

func TestMarkdownLinkAt(t *testing.T) {
	for _, c := range []struct {
		text, label, target string
		size                int
	}{
		{"[FEAT-1](a.md)", "FEAT-1", "a.md", 14},
		{"[`FEAT-1`]( a.md ), x", "FEAT-1", "a.md", 18},
		{"[FEAT-1]", "", "", 0},
		{"[FEAT-1] (a.md)", "", "", 0},
		{"[FEAT-1](a.md", "", "", 0},
		{"[FEAT-1", "", "", 0},
	} {
		label, target, size := markdownLinkAt(c.text)
		if label != c.label || target != c.target || size != c.size {
			t.Errorf("%q: got %q %q %d, want %q %q %d", c.text, label, target, size, c.label, c.target, c.size)
		}
	}
}

func TestWordSize(t *testing.T) {
	for text, want := range map[string]int{
		"a_b-1 c": 5, "http://x.y/z?a=b&c%20~ d": 22, "naïve x": 6, ", a": 1, "a": 1,
	} {
		if got := wordSize(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestIsNumberDots(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "1": true, "1.2": true, ".1": false, "1.": false, ".": false, "1a": false,
	} {
		if got := isNumberDots(text); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
}

func TestHasHashID(t *testing.T) {
	for text, want := range map[string]bool{
		"a1": true, "a1f": true, "07c.3": true, "a12345": true, "a123456": false, "1": false, "abc": false, "A1f": false, "a1f.x": false, "a1f.": false,
	} {
		if got := hasHashID(text); got != want {
			t.Errorf("%q: got %t, want %t", text, got, want)
		}
	}
}

func TestCollector_Heading(t *testing.T) {
	for text, want := range map[string][2]string{
		"FEAT-1: Title":        {"FEAT-1", "Title"},
		"FEAT-1":               {"FEAT-1", ""},
		"Task: Title":          {"", "Title"},
		"Task: FEAT-1 - Title": {"FEAT-1", "Title"},
		"Task: FEAT-1":         {"", "FEAT-1"}, // no title would be left
		"Task:":                {"", "Task:"},
		"Note: Title":          {"", "Note: Title"},
		"Task Title":           {"", "Task Title"},
		"[H-3] Title":          {"", "[H-3] Title"},
	} {
		c := newCollector(&file{}, options{})
		c.heading(text)
		if c.t.ID != want[0] || c.t.Title != want[1] {
			t.Errorf("%q: got %q %q, want %q", text, c.t.ID, c.t.Title, want)
		}
	}
}
