package settings

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/fjbelchi/localmodel/internal/plain"
	"github.com/fjbelchi/localmodel/internal/secrets"
	"github.com/fjbelchi/localmodel/statestore/journal"
)

// parser reads a value. want says what it should be where it cannot be used.
// note reports what is wrong with a value that can be used in part.
type parser func(value string, note func(string)) (v any, want string)

func text(most int) parser {
	return func(value string, _ func(string)) (any, string) {
		if len(value) > most || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, fmt.Sprintf("one line of at most %d bytes", most)
		}
		return value, ""
	}
}

// statePath is where the journal is: a file of the user's, or a server.
func statePath(value string, note func(string)) (any, string) {
	if v, want := text(4096)(value, note); want != "" {
		return v, want
	}
	if !filepath.IsAbs(value) && !strings.HasPrefix(value, "~/") && !journal.IsPostgres(value) {
		return nil, "an absolute path or postgres://..."
	}
	return value, ""
}

// label is a name that is shown to people.
func label(most int) parser {
	return func(value string, _ func(string)) (any, string) {
		if len(value) > most || plain.Line(value) != value {
			return nil, fmt.Sprintf("a name of at most %d bytes without control characters", most)
		}
		return value, ""
	}
}

func choice(legal ...string) parser {
	return func(value string, _ func(string)) (any, string) {
		if value = strings.ToLower(value); slices.Contains(legal, value) {
			return value, ""
		}
		return nil, "one of " + strings.Join(legal, ", ")
	}
}

// Switch is a setting of two words.
type Switch struct {
	On   bool
	word string
}

func (s Switch) String() string { return s.word }

// flag is a choice of two, that may be said in other words too.
func flag(off, on string) parser {
	return func(value string, _ func(string)) (any, string) {
		switch strings.ToLower(value) {
		case off, "0", "off", "no", "false", "never", "none":
			return Switch{false, off}, ""
		case on, "1", "on", "yes", "true", "allow":
			return Switch{true, on}, ""
		}
		return nil, fmt.Sprintf("one of %s, %s", on, off)
	}
}

func whole(least, most int) parser {
	return func(value string, _ func(string)) (any, string) {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return nil, fmt.Sprintf("a whole number from %d to %d", least, most)
		}
		return n, ""
	}
}

func between(least, most float64) parser {
	return func(value string, _ func(string)) (any, string) {
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || !(f >= least && f <= most) { // NaN is neither
			return nil, fmt.Sprintf("a number from %g to %g", least, most)
		}
		return f, ""
	}
}

func parseDuration(value string) (time.Duration, bool) {
	if s, err := strconv.ParseFloat(value, 64); err == nil {
		return time.Duration(s * float64(time.Second)), math.Abs(s) < 1e9
	}
	d, err := time.ParseDuration(value)
	return d, err == nil
}

func duration(value string, _ func(string)) (any, string) {
	d, ok := parseDuration(value)
	if !ok || d <= 0 {
		return nil, seconds
	}
	return d, ""
}

// KeepAlive is how long Ollama keeps a model. For 0 it is unloaded at once, below
// 0 it stays for good.
type KeepAlive struct {
	Server bool // the server's own setting counts
	For    time.Duration
}

func keepAlive(value string, _ func(string)) (any, string) {
	if strings.EqualFold(value, "server") {
		return KeepAlive{Server: true}, ""
	}
	d, ok := parseDuration(value)
	if !ok {
		return nil, seconds + ", seconds, 0, -1, or server"
	}
	return KeepAlive{For: max(d, -time.Second)}, ""
}

func tiers(value string, note func(string)) (any, string) {
	out := []string{}
	for _, t := range strings.Split(value, ",") {
		switch t = strings.ToLower(strings.TrimSpace(t)); {
		case t == "" || t == "none" || slices.Contains(out, t): // cmd cannot set an empty variable
		case t == "cheap" || t == "balanced":
			out = append(out, t)
		default:
			note(fmt.Sprintf("names the tier %s; it knows cheap and balanced, so this one is left out", quote(t)))
		}
	}
	return out, ""
}

// address is an http(s) address. The key takes the place of a name and password,
// which would show in every message.
func address(value string, _ func(string)) (any, string) {
	v := strings.TrimSuffix(strings.TrimRight(value, "/"), "/v1")
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || plain.Line(v) != v || strings.ContainsAny(v, " \\") {
		return nil, "an http(s) address without a password"
	}
	return v, ""
}

// ollamaHost follows Ollama's own rules: scheme, host and port may each be left
// out, and an address to listen on everywhere is called on the loopback.
func ollamaHost(value string, note func(string)) (any, string) {
	value = strings.Trim(value, `"' `)
	scheme, rest, found := strings.Cut(value, "://")
	port := "11434"
	switch {
	case !found:
		scheme, rest = "http", value
	case scheme == "http":
		port = "80"
	case scheme == "https":
		port = "443"
	}
	rest, path, _ := strings.Cut(rest, "/")
	host, p, err := net.SplitHostPort(rest)
	if err != nil {
		host, p = strings.Trim(rest, "[]"), port
	}
	if strings.Contains(rest, "@") {
		return nil, "an address without a user name and password; a key goes into OLLAMA_API_KEY"
	}
	if scheme != "http" && scheme != "https" || strings.ContainsAny(host+path, " \t@?#\\") || plain.Line(value) != value {
		return nil, "an address such as 127.0.0.1:11434"
	}
	if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
		note("has no usable port; " + port + " is used, as Ollama does")
		p = port
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() && ip.To4() != nil {
		host = "127.0.0.1"
	} else if ip != nil && ip.IsUnspecified() {
		host = "::1"
	}
	u := scheme + "://" + net.JoinHostPort(host, p)
	if path = strings.Trim(path, "/"); path != "" {
		u += "/" + path
	}
	return u, ""
}

// quote quotes a value for a message without what may be a secret: a key that
// is in the wrong variable, a password or a parameter in an address.
func quote(value string) string {
	if strings.Contains(value, "sk-") || strings.ContainsAny(value, "@?=") || secrets.Address(value) != plain.Line(value) {
		return "(a value not shown here)"
	}
	if r := []rune(value); len(r) > 60 {
		value = string(r[:60]) + "..."
	}
	return strconv.Quote(value)
}

func show(v any) string {
	switch v := v.(type) {
	case []string:
		return cmp.Or(strings.Join(v, ","), "none")
	case KeepAlive:
		if v.Server {
			return "server"
		}
		if v.For < 0 {
			return "-1"
		}
		return show(v.For)
	case time.Duration:
		s := v.String()
		for _, zero := range []string{"m0s", "h0m"} {
			if strings.HasSuffix(s, zero) {
				s = s[:len(s)-2]
			}
		}
		return s
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
