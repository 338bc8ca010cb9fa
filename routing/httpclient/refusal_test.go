package httpclient

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter_SecondsAndDate(t *testing.T) {
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "1.5": 1500 * time.Millisecond, "-3": 0, "NaN": 0, "soon": 0, "1e300": 0,
		"Thu, 26 Nov 2026 10:01:30 GMT":    90 * time.Second,
		"Thursday, 26-Nov-26 10:00:05 GMT": 5 * time.Second,
		"Thu, 26 Nov 2026 09:00:00 GMT":    0,
		"Thu, 26 Nov 2099 09:00:00 GMT":    MaxRetryAfter,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
