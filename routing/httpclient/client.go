// Package httpclient is what the backends share of HTTP: one client an
// endpoint, bounded reading, and causes of failure in words.
package httpclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/fjbelchi/localmodel/routing/place"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// New makes the one HTTP client of an endpoint. It follows no redirect: a key
// or a ticket must not travel to a host nobody configured. The client of an
// address on this machine reaches nothing else, whatever a resolver says, and
// uses no web proxy.
func New(address string, connect time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		MaxIdleConns:        128,
		MaxIdleConnsPerHost: 128,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: max(connect, 5*time.Second),
		DisableCompression:  true,
	}
	if place.Loopback(address) {
		dialer.Control = onlyLoopback
		t.Proxy, t.DialContext = nil, dialLoopback(dialer)
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dialLoopback dials the name localhost without a resolver, which may ask a
// server elsewhere.
func dialLoopback(d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if _, err := netip.ParseAddr(host); err == nil {
			return d.DialContext(ctx, network, address)
		}
		conn, err := d.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		if conn, other := d.DialContext(ctx, network, net.JoinHostPort("::1", port)); other == nil {
			return conn, nil
		}
		return nil, err
	}
}

var errNotLoopback = errors.New("not an address of this machine")

// onlyLoopback refuses a connection before it is made.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !place.LoopbackHost(host) {
		return fmt.Errorf("%s: %w", policy.Shorten(address, 60), errNotLoopback)
	}
	return nil
}
