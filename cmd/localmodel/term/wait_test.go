package term

import (
	"strings"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	for _, c := range []struct {
		name, end string
		want      int // lines
	}{{"a pipe", "\n", 2}, {"a terminal", "", 0}} {
		s := &screen{columns: 40}
		tick := make(chan time.Time)
		wait(s, "the model with a name of many words is loading", c.end, tick, func() {
			tick <- time.Time{}
			tick <- time.Time{}
		})
		checkWidth(t, strings.ReplaceAll(s.String(), "\r\x1b[K", "\n"), 40)
		if n := strings.Count(s.String(), "\n"); n != c.want || !strings.Contains(s.String(), "the model with a name") {
			t.Errorf("%s: %q", c.name, s.String())
		}
		if c.end == "" && !strings.HasSuffix(s.String(), "\r\x1b[K") {
			t.Errorf("%s: the line is left: %q", c.name, s.String())
		}
	}
}
