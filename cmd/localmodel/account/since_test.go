package account

import (
	"testing"
	"time"
)

func TestSince(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-11-01": "2026-11-01T00:00:00Z",
		"12h":        "2026-11-24T00:00:00Z",
		"30d":        "2026-10-25T12:00:00Z",
		"2w":         "2026-11-10T12:00:00Z",
	} {
		if got, err := Since(text, now); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-3d", "3y", "2026-13-01"} {
		if _, err := Since(text, now); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
