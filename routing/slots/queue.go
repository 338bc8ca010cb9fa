package slots

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fjbelchi/localmodel/internal/lazy"
	"github.com/fjbelchi/localmodel/internal/rootfs"
)

const (
	queueDir  = "queue"
	maxQueued = 10_000 // more entries than that are not looked at
)

// place is a waiting call's place in the queue: a file whose name is the time it
// came, held locked while it waits. The lock of a process that died is free,
// and whoever is behind it then removes the file.
type place struct {
	queue *rootfs.Root
	name  string
	lock  *rootfs.Lock
	ahead atomic.Int64
}

var (
	queued    atomic.Int64 // makes the names of one process differ
	placeName = lazy.Regexp(`^\d{20}-\d+-\d+$`)
)

func (d *directory) enqueue(ctx context.Context) (*place, error) {
	p := &place{queue: d.queue}
	for range 100 {
		p.name = fmt.Sprintf("%020d-%d-%d", time.Now().UnixNano(), os.Getpid(), queued.Add(1))
		// Between its making and its locking another may have taken it for dead
		// and removed it: then it is locked by another, or no longer there.
		lock, err := p.queue.TryLock(ctx, p.name)
		if err == nil {
			p.lock = lock
			return p, nil
		}
		if !errors.Is(err, rootfs.ErrLocked) {
			return nil, err
		}
	}
	return nil, errors.New("no place in the queue")
}

// waiting lists the places in the queue, oldest first. What is no regular file
// of such a name is nobody's place: it blocks nobody.
func waiting(ctx context.Context, queue *rootfs.Root) ([]string, error) {
	entries, _, err := queue.List(ctx, ".", maxQueued)
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && placeName().MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// nobodyWaits spares a call the making of a file where there is no queue.
func (d *directory) nobodyWaits(ctx context.Context) bool {
	names, err := waiting(ctx, d.queue)
	return err == nil && len(names) == 0
}

// first reports whether nobody who lives is ahead. It counts those ahead, and
// removes the ones directly ahead that have died.
func (p *place) first(ctx context.Context) bool {
	names, err := waiting(ctx, p.queue)
	if err != nil {
		return true // a queue that cannot be read holds nobody up
	}
	ahead := 0
	for ahead < len(names) && names[ahead] < p.name {
		ahead++
	}
	for ahead > 0 && !young(names[ahead-1]) && removeDead(ctx, p.queue, names[ahead-1]) {
		ahead--
	}
	p.ahead.Store(int64(ahead))
	return ahead == 0
}

// young reports whether a place was made so lately that its owner may not have
// locked it yet.
func young(name string) bool {
	at, _, _ := strings.Cut(name, "-")
	nanos, err := strconv.ParseInt(at, 10, 64)
	age := time.Since(time.Unix(0, nanos))
	return err == nil && age >= 0 && age < slowestPoll
}

// removeDead removes a place that no process holds, and says whether it did.
func removeDead(ctx context.Context, queue *rootfs.Root, name string) bool {
	lock, err := queue.TryLock(ctx, name) // one whose owner has left is made anew, and removed
	dead := &place{queue: queue, name: name, lock: lock}
	return err == nil && dead.remove(ctx)
}

// leave gives the place up, also when the call's time is over.
func (p *place) leave() { p.remove(context.Background()) }

func (p *place) remove(ctx context.Context) (gone bool) {
	err := p.queue.Remove(ctx, p.name)
	p.lock.Unlock()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = p.queue.Remove(ctx, p.name) // some systems remove no open file
	}
	return err == nil || errors.Is(err, fs.ErrNotExist)
}

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
	port := cmp.Or(u.Port(), map[string]string{"https": "443"}[u.Scheme], "80")
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
