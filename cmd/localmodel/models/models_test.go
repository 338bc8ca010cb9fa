package models

import (
	"strings"
	"testing"
)

func TestAll(t *testing.T) {
	all := All()
	if len(all) < 4 {
		t.Fatalf("%d models", len(all))
	}
	for _, m := range all {
		if m.Name == "" || m.GoodFor == "" || m.Licence == "" || len(m.Sources) < 2 {
			t.Errorf("a cell is empty: %+v", m)
		}
		for _, s := range m.Sources {
			if !strings.HasPrefix(s, "https://") {
				t.Errorf("%s: source %q", m.Name, s)
			}
		}
		if got := m.Memory(32768); got <= m.Download {
			t.Errorf("%s: memory %d with context, download %d", m.Name, got, m.Download)
		}
	}
	// 48 layers of 4 heads of 128 values, for key and value, 2 bytes each.
	if m, ok := Find("qwen3-coder:30b"); !ok || m.Memory(32768)-m.Download != 3221225472 {
		t.Errorf("got %+v, %v", m, ok)
	}
}

func TestRecommend(t *testing.T) {
	const gb = 1_000_000_000
	for name, c := range map[string]struct {
		room   Room
		model  string
		window int
	}{
		"64 GB":                     {Room{Memory: 64 * gb}, "qwen3-coder:30b", 32768},
		"32 GB":                     {Room{Memory: 32 * gb}, "qwen3-coder:30b", 32768},
		"24 GB card":                {Room{Memory: 32 * gb, GPU: 24 * gb}, "qwen3-coder:30b", 32768},
		"16 GB":                     {Room{Memory: 16 * gb}, "qwen2.5-coder:7b", 32768},
		"16 GB card":                {Room{Memory: 16 * gb, GPU: 16 * gb}, "qwen2.5-coder:14b", 32768},
		"8 GB gives up some window": {Room{Memory: 8 * gb}, "qwen2.5-coder:7b", 16384},
		"4 GB":                      {Room{Memory: 4 * gb}, "qwen2.5-coder:1.5b", 32768},
		"1 GB":                      {Room{Memory: 1 * gb}, "", 0},
		"not known":                 {Room{}, "qwen2.5-coder:7b", 16384},
	} {
		m, window, ok := Recommend(c.room, 32768)
		if m.Name != c.model || window != c.window || ok != (c.model != "") {
			t.Errorf("%s: got %q with %d tokens, want %q with %d", name, m.Name, window, c.model, c.window)
		}
	}
}
