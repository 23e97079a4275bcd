package seclog

import (
	"net/netip"
	"time"

	"github.com/sensocto/sensocto"
)

// bucket is a token bucket, and counts what it did not allow.
type bucket struct {
	tokens, capacity float64
	interval         time.Duration // after which a token comes back
	seen             time.Time
	suppressed       uint64
}

func newBucket(capacity float64, interval time.Duration, now time.Time) *bucket {
	return &bucket{tokens: capacity, capacity: capacity, interval: interval, seen: now}
}

// allow takes a token, and reports whether there was one.
func (b *bucket) allow(now time.Time) bool {
	if b.refill(now); b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *bucket) refill(now time.Time) {
	b.tokens = min(b.capacity, b.tokens+float64(now.Sub(b.seen))/float64(b.interval))
	b.seen = now
}

// full reports whether nothing is remembered of the past.
func (b *bucket) full(now time.Time) bool {
	b.refill(now)
	return b.tokens >= b.capacity
}

// network returns what counts as one address: the whole of IPv4, the /64 of IPv6,
// within which a host may choose at will.
func network(address string) string {
	host := sensocto.HostOf(address)
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "" // all that is no address shares a bucket
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	p, _ := ip.Prefix(64)
	return p.String()
}
