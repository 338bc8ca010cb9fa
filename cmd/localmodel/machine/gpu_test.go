package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLargest(t *testing.T) {
	for text, want := range map[string]int64{
		"24564\n8192\n":           24564 << 20,
		"[N/A]\n":                 0,
		"":                        0,
		"-1\n99999999999999999\n": 0,
	} {
		if got := largest(text, 1<<20); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestAMD(t *testing.T) {
	dir := t.TempDir()
	for card, text := range map[string]string{"card0": "536870912\n", "card1": "17163091968\n"} {
		device := filepath.Join(dir, card, "device")
		if err := os.MkdirAll(device, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(device, "mem_info_vram_total"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := amd(dir); got != 17163091968 {
		t.Errorf("got %d", got)
	}
	if got := amd(t.TempDir()); got != 0 {
		t.Errorf("without a card: %d", got)
	}
}

func TestFree(t *testing.T) {
	dir := t.TempDir()
	there := Free(dir)
	missing := Free(filepath.Join(dir, "not", "there"))
	if there <= 0 || missing <= 0 {
		t.Errorf("got %d, and %d for a directory that is not there yet", there, missing)
	}
}
