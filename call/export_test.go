package call

import (
	"log/slog"
	"net"
	"time"
)

// MayReach is mayReach for tests: most addresses cannot be reached from here.
func (r *Relay) MayReach(ip net.IP) bool { return r.mayReach(nil, ip) }

// SetUnusedTimeout sets how long connections may be open without an allocation.
func (r *Relay) SetUnusedTimeout(d time.Duration) {
	r.tcp.mu.Lock()
	defer r.tcp.mu.Unlock()
	r.tcp.unused = d
}

// Bounded returns l with the bounds of the TURN server.
func Bounded(l net.Listener) net.Listener {
	return newListener(l, 10, new(relayCounters), slog.New(slog.DiscardHandler))
}
