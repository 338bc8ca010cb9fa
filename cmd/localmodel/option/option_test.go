package option

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
	"time"
)

func TestSince(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"2026-11-01": "2026-11-01T00:00:00Z", "12h": "2026-11-24T00:00:00Z", "30d": "2026-10-25T12:00:00Z", "2w": "2026-11-10T12:00:00Z"} {
		s := Since{Now: func() time.Time { return now }}
		if err := s.Set(text); err != nil || s.At.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", text, s.At, err)
		}
	}
	for _, text := range []string{"", "d", "-3d", "3y", "2026-13-01"} {
		if err := new(Since).Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestParseTakesFlagsAnywhere(t *testing.T) {
	var out bytes.Buffer
	fs := Flags(&out, "eval", "DIR", "Says much.\n\nAnd more.")
	n := fs.Int("limit", 10, "take `N` tickets")
	rest, err := Parse(fs, []string{"dir", "--limit", "3"}, 1)
	if err != nil || *n != 3 || len(rest) != 1 || rest[0] != "dir" {
		t.Errorf("%v, %d, %v", rest, *n, err)
	}
	var misused *UsageError
	if _, err := Parse(fs, []string{"a", "b"}, 1); !errors.As(err, &misused) || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("too many: %v", err)
	}
	if _, err := Parse(fs, []string{"--limit", "many"}, 1); !errors.As(err, &misused) || !strings.Contains(err.Error(), "eval --help") {
		t.Errorf("a bad value: %v", err)
	}
	if _, err := Parse(fs, []string{"--help"}, 0); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "--limit N") || !strings.Contains(out.String(), "(default 10)") {
		t.Errorf("help: %v, %s", err, out.String())
	}
}
