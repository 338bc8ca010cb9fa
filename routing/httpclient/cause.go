package httpclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// DialTimeout reports whether a connection could not be made in time.
func DialTimeout(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial" && op.Timeout()
}

// Cause describes a network failure without addresses and layers. fix is what to
// do about it; "" = this cause alone does not say.
func Cause(err error) (cause, fix string) {
	if cause, fix := tlsCause(err); cause != "" {
		return cause, fix
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsTimeout:
		return "host name not resolved in time", "check the host name and the network"
	case errors.As(err, &dns):
		return "host name not found", "check the host name in the address"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused", ""
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection broken off", ""
	}
	if failure, ok := errors.AsType[net.Error](err); ok && failure.Timeout() {
		return "time-out while connecting", ""
	}
	return "network failure", ""
}

// tlsCause is Cause of what goes wrong between two ends of TLS; "" = not that.
func tlsCause(err error) (cause, fix string) {
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case is[x509.UnknownAuthorityError](err):
		return "its certificate is signed by an authority this machine does not trust",
			"add that authority to the system's trust store, or name its file in SSL_CERT_FILE"
	case is[x509.HostnameError](err):
		return "its certificate is for another host name", "use the name that the certificate states in the address"
	case isInvalid && invalid.Reason == x509.Expired:
		return "its certificate has expired or is not yet valid", "renew the certificate, and check this machine's clock"
	case isInvalid, is[*tls.CertificateVerificationError](err):
		return "its certificate is not valid", "renew the server's certificate"
	case is[tls.RecordHeaderError](err), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it speaks plain HTTP on that port, not TLS", "write http:// in the address in place of https://"
	case is[tls.AlertError](err):
		return "TLS was refused", "check which certificate or TLS version the server asks for"
	}
	return "", ""
}

func is[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// PlainOnTLS reports whether an answer comes from a server that wanted TLS on
// its port: Go's and nginx's words for it are the only sign, both with 400.
func PlainOnTLS(status int, body []byte) bool {
	if status != http.StatusBadRequest {
		return false
	}
	text := string(body[:min(len(body), 2000)])
	return strings.Contains(text, "HTTP request to an HTTPS server") || strings.Contains(text, "HTTP request was sent to HTTPS port")
}

// FixTLS is what to do about PlainOnTLS.
const FixTLS = "write https:// in the address in place of http://"

// WebProxy names the web proxy of the environment that is between this
// machine and an address; "" = none.
func WebProxy(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	via, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil || via == nil {
		return ""
	}
	return via.Host
}

// BrokenOff describes a stream that ended before its time.
func BrokenOff(err error) *routing.Error {
	if size, ok := errors.AsType[SizeError](err); ok {
		return routing.Fail(routing.Unavailable, size.Error(), nil)
	}
	if errors.Is(err, io.EOF) {
		return routing.Fail(routing.Unavailable, "the stream ended before the answer was done", err)
	}
	cause, _ := Cause(err)
	return routing.Fail(routing.Unavailable, "the stream broke before the answer was done ("+cause+")", err)
}

// SaysTooLong recognises a context overflow by meaning: "exceeds the context
// length" (to 0.29), "exceeds the available context size", "longer than the
// context length currently available" (from 0.30). No version gives it a code.
func SaysTooLong(low string) bool {
	return strings.Contains(low, "context") && slices.ContainsFunc([]string{"exceed", "longer", "too long", "too large"},
		func(word string) bool { return strings.Contains(low, word) })
}

// Flatten gets the words out of an error that may be a string, an object, or a
// string of JSON with either inside.
func Flatten(v gjson.Result) string {
	for range 4 {
		switch {
		case v.IsObject() && v.Get("message").Exists():
			v = v.Get("message")
		case v.IsObject() && v.Get("error").Exists():
			v = v.Get("error")
		case v.Type == gjson.String && strings.HasPrefix(strings.TrimSpace(v.Str), "{") && judge.IsJSON([]byte(v.Str)):
			v = gjson.Parse(v.Str)
		default:
			return v.String()
		}
	}
	return v.String()
}

// ThroughProxy reports whether a failure happened at a web proxy on the way.
func ThroughProxy(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "proxyconnect"
}

// WantsTLS reports whether a server that broke a plain request off speaks TLS:
// not all of them say so in plain text. It opens one connection to the same
// address and sends nothing beyond the handshake.
func WantsTLS(ctx context.Context, address string, err error) bool {
	u, parsed := url.Parse(address)
	broken := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		strings.Contains(err.Error(), "malformed HTTP response")
	if parsed != nil || u.Scheme != "http" || !broken || WebProxy(address) != "" {
		return false
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer stop()
	plain := net.Dialer{}
	if place.Loopback(address) {
		plain.Control = onlyLoopback
	}
	dialer := tls.Dialer{NetDialer: &plain, Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // nothing is sent
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// ErrorIn is the error in a body and its words, without the key that the server
// may have put into them; none where the body is not JSON.
func ErrorIn(body []byte, key string) (doc gjson.Result, text string) {
	if !judge.IsJSON(body) {
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
