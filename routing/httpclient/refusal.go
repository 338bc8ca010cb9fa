package httpclient

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// ErrorIn is the error in a body and its words, without the key that the server
// may have put into them; none where the body is not JSON.
func ErrorIn(body []byte, key string) (doc gjson.Result, text string) {
	if !ValidJSON(body) {
		return doc, ""
	}
	doc = gjson.GetBytes(body, "error")
	text = Flatten(doc)
	if len(key) >= 4 {
		text = strings.ReplaceAll(text, key, "[key]")
	}
	return doc, text
}

// Answers describes an answer that nothing else is known of.
func Answers(who string, status int, text string) string {
	if text = policy.Shorten(text, 140); text != "" {
		text = ": " + text
	}
	return fmt.Sprintf("%s answers %d%s", who, status, text)
}

// MaxRetryAfter bounds what a server may ask for.
const MaxRetryAfter = 24 * time.Hour

// RetryAfter is how long a server wants to be left alone: Retry-After in
// seconds or as a date; 0 = it does not say.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	wait := time.Duration(0)
	seconds, err := strconv.ParseFloat(text, 64)
	if err == nil && seconds > 0 && seconds < MaxRetryAfter.Seconds() {
		wait = time.Duration(seconds * float64(time.Second))
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now).Round(time.Second)
	}
	return min(max(wait, 0), MaxRetryAfter)
}
