package seclog

import (
	"net/netip"
	"time"

	"github.com/sensocto/sensocto"
)

// bucket limits the lines of something, and counts what got none.
type bucket struct {
	sensocto.TokenBucket
	suppressed uint64
}

func newBucket(burst float64, interval time.Duration, now time.Time) *bucket {
	return &bucket{TokenBucket: sensocto.NewTokenBucket(burst, 1/interval.Seconds(), now)}
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
