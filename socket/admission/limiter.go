// Package admission bounds what strangers can cost: connections that have not shown
// who they are, addresses whose peers are refused, frames of a connection, sums over
// all connections, reads at a time, and lines of the log. It decides and counts; only
// Turns.Take waits.
package admission

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// FrameLimit counts frames in windows of a second. It looks at the clock only
// when a window is full, so an allowed frame costs an addition; after a quiet
// time the first second may therefore have twice as many.
type FrameLimit struct {
	PerSecond, count int
	start            time.Duration
}

// Allow reports whether one more frame is allowed; now is called when the
// answer depends on it.
func (l *FrameLimit) Allow(now func() time.Duration) bool {
	if l.count++; l.count <= l.PerSecond {
		return true
	}
	t := now()
	if t-l.start < time.Second {
		return false
	}
	l.start, l.count = t, 1
	return true
}

// Offenders remembers addresses whose peers were refused: each refusal costs a
// point, points come back with time, and an address without points is turned
// away before the upgrade. Official clients come back after every refusal, so
// without it one broken client in a loop would keep the server busy.
type Offenders struct {
	Points   float64       // what an address has at first
	PerPoint time.Duration // how long it takes to get one back
	Max      int           // bound of the table; when full, one that has all its points again goes, or else any

	mu    sync.Mutex
	table map[netip.Prefix]*offender
}

type offender struct {
	points float64
	seen   time.Duration
}

// Refuse counts one refusal of the address.
func (t *Offenders) Refuse(address string, now time.Duration) {
	key := prefixOf(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.table[key]
	if o == nil {
		o = &offender{points: t.Points, seen: now}
		t.add(key, o, now)
	}
	t.refill(o, now)
	o.points = max(0, o.points-1)
}

// Blocked reports whether the address has to wait.
func (t *Offenders) Blocked(address string, now time.Duration) bool {
	key := prefixOf(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.table[key]
	if o == nil {
		return false
	}
	t.refill(o, now)
	return o.points < 1
}

func (t *Offenders) refill(o *offender, now time.Duration) {
	o.points = min(t.Points, o.points+float64(now-o.seen)/float64(t.PerPoint))
	o.seen = now
}

// add makes room first: entries that have all their points again go, and if
// there is none, any one.
func (t *Offenders) add(key netip.Prefix, o *offender, now time.Duration) {
	if t.table == nil {
		t.table = make(map[netip.Prefix]*offender)
	}
	if len(t.table) >= t.Max {
		t.forget(now)
	}
	for k := range t.table {
		if len(t.table) < t.Max {
			break
		}
		delete(t.table, k)
	}
	t.table[key] = o
}

// forget removes addresses that have all their points again.
func (t *Offenders) forget(now time.Duration) {
	for k, o := range t.table {
		if t.refill(o, now); o.points >= t.Points {
			delete(t.table, k)
		}
	}
}

// Sweep is forget for housekeeping.
func (t *Offenders) Sweep(now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(now)
}

// Size returns how many addresses are remembered.
func (t *Offenders) Size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.table)
}

// prefixOf returns what counts as one address: the whole of IPv4, the /64 of
// IPv6, within which a host may choose at will.
func prefixOf(address string) netip.Prefix {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}
