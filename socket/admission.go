package socket

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of a connection that has not shown yet who it is: no credential came
// with its upgrade, and it has joined nothing.
const (
	// anonymousFrame bounds its messages: a join with its token and a hundred
	// attributes fits.
	anonymousFrame = 16 << 10
	// keptShare is the part of Limits.Connections, as 1/n, that is kept for
	// clients with a valid credential in the upgrade.
	keptShare = 8
)

// anonymous counts the connections without an identity, in all and by address,
// so that strangers cannot take every connection there may be.
type anonymous struct {
	most, mostOfOne int

	mu        sync.Mutex // guards what follows
	all       int
	addresses map[netip.Prefix]int
}

// add counts one more, and reports whether that is allowed.
func (a *anonymous) add(address string) (ok bool) {
	key := prefixOf(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all >= a.most || a.addresses[key] >= a.mostOfOne {
		return false
	}
	if a.addresses == nil {
		a.addresses = make(map[netip.Prefix]int)
	}
	a.all++
	a.addresses[key]++
	return true
}

func (a *anonymous) remove(address string) {
	key := prefixOf(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all--
	if a.addresses[key]--; a.addresses[key] == 0 {
		delete(a.addresses, key)
	}
}

func (a *anonymous) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all
}

// budget bounds a sum over all connections: bytes of unfinished messages, or
// sensors that are watched. It never blocks.
type budget struct {
	max  int64
	used atomic.Int64
}

// Reserve reports whether n more fit, and counts them if they do.
func (b *budget) Reserve(n int64) bool {
	if b.used.Add(n) <= b.max {
		return true
	}
	b.used.Add(-n)
	return false
}

func (b *budget) Release(n int64) { b.used.Add(-n) }

// identified lifts the bounds of a connection that has shown who it is. The
// reader calls it, before anybody else knows the connection or while it joins.
func (c *conn) identified() {
	if c.anonymous.CompareAndSwap(true, false) {
		c.srv.anonymous.remove(c.address)
	}
	c.in.MaxText, c.in.MaxBinary = c.srv.limits.TextBytes, c.srv.limits.BinaryBytes
}

// overdue reports whether a connection has been anonymous for too long.
func (c *conn) overdue(now time.Duration) bool {
	return c.anonymous.Load() && now-c.began > c.srv.limits.JoinTimeout
}

// reserveWatch counts one more sensor that the connection watches, and reports
// whether that is allowed.
func (c *conn) reserveWatch() bool {
	switch {
	case c.watched.Add(1) > int64(c.srv.limits.Watched):
	case c.srv.watched.Reserve(1):
		return true
	}
	c.watched.Add(-1)
	c.srv.count.refusedWatches.Add(1)
	return false
}

func (c *conn) releaseWatch() {
	c.watched.Add(-1)
	c.srv.watched.Release(1)
}
