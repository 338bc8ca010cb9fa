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
	if _, ok := Find("no such"); ok {
		t.Error("a model that is not in the table")
	}
}

// TestMemory computes the memory of a context from the published figures: layers
// * heads of keys and values * values of a head * 2 (key and value) * 2 bytes.
func TestMemory(t *testing.T) {
	for name, c := range map[string]struct {
		perToken int64
		context  int
	}{
		"qwen3-coder:30b":    {48 * 4 * 128 * 4, 262144},
		"qwen2.5-coder:32b":  {64 * 8 * (5120 / 40) * 4, 32768},
		"qwen2.5-coder:14b":  {48 * 8 * (5120 / 40) * 4, 32768},
		"qwen2.5-coder:7b":   {28 * 4 * (3584 / 28) * 4, 32768},
		"qwen2.5-coder:1.5b": {28 * 2 * (1536 / 12) * 4, 32768},
	} {
		m, ok := Find(name)
		if got := m.Memory(32768) - m.Download; !ok || got != c.perToken*32768 || m.Context != c.context {
			t.Errorf("%s: %d bytes for 32768 tokens, want %d; made for %d, want %d", name, got, c.perToken*32768, m.Context, c.context)
		}
	}
	if all := All(); len(all) != 5 {
		t.Errorf("%d models in the table, 5 compared here", len(all))
	}
}

// TestRecommend_NotBeyondTheModel holds that no more context is recommended
// than the model was made for.
func TestRecommend_NotBeyondTheModel(t *testing.T) {
	const gb = 1_000_000_000
	m, window, ok := Recommend(Room{Memory: 16 * gb}, 65536)
	if !ok || m.Name != "qwen2.5-coder:7b" || window != m.Context {
		t.Errorf("got %s with %d tokens", m.Name, window)
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
