package slots

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// lookupTime bounds the look-up of a server's name: without an answer the name
// itself is what the slots are kept under.
const lookupTime = time.Second

// canonical is the address that all spellings of one server share: names are
// looked up, and every address of this machine is its loopback.
func canonical(ctx context.Context, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return address
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(host(ctx, strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))), port)
}

func host(ctx context.Context, name string) string {
	const loopback = "127.0.0.1"
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return loopback
	}
	addresses := []string{name}
	if net.ParseIP(name) == nil {
		limited, stop := context.WithTimeout(ctx, lookupTime)
		defer stop()
		found, err := net.DefaultResolver.LookupHost(limited, name)
		if err != nil || len(found) == 0 {
			return name
		}
		addresses = found
	}
	if slices.ContainsFunc(addresses, ofThisMachine) {
		return loopback
	}
	slices.Sort(addresses)
	return addresses[0]
}

// ofThisMachine reports whether an IP address is one of this machine's.
func ofThisMachine(address string) bool {
	ip := net.ParseIP(address)
	if ip == nil {
		return false
	}
	if ip.IsLoopback() || ip.IsUnspecified() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip)
	})
}
