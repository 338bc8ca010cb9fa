package ollama_test

import (
	"bufio"
	"io"
	"net"
	"sync"
	"testing"
)

// proxyTCP passes connections on whose first byte is wanted, and hangs up on
// all others.
func proxyTCP(t *testing.T, to string, wanted func(first byte) bool) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); group.Wait() })
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { passOn(c, to, wanted) })
		}
	})
	return l.Addr().String()
}

func passOn(c net.Conn, to string, wanted func(first byte) bool) {
	defer c.Close() //nolint:errcheck // a test's
	r := bufio.NewReader(c)
	first, err := r.Peek(1)
	if err != nil || !wanted(first[0]) {
		return
	}
	back, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer back.Close() //nolint:errcheck // a test's
	go func() {
		_, _ = io.Copy(back, r)
		_ = back.Close()
	}()
	_, _ = io.Copy(c, back)
}
