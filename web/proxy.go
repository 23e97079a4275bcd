package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// behindProxies gives each request that a trusted proxy passes on the address of
// its client, so that limits and logs are about whoever asked. It is in front of
// everything: behind it, RemoteAddr is the client.
func (s *server) behindProxies(next http.Handler) http.Handler {
	if len(s.TrustedProxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client, ok := s.clientAddress(r); ok {
			r = r.Clone(r.Context())
			r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
		}
		next.ServeHTTP(w, r)
	})
}

// clientAddress returns for whom a trusted proxy passes the request on: the last
// address of X-Forwarded-For that is no trusted proxy itself. What stands before
// it came from the client and proves nothing.
func (s *server) clientAddress(r *http.Request) (netip.Addr, bool) {
	peer, ok := addressOf(r.RemoteAddr)
	if !ok || !s.trusted(peer) {
		return netip.Addr{}, false
	}
	client, known := peer, false
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		address, ok := addressOf(strings.TrimSpace(hop))
		if !ok {
			break
		}
		client, known = address, true
		if !s.trusted(address) {
			break
		}
	}
	return client, known
}

func (s *server) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// addressOf reads an address with or without a port.
func addressOf(text string) (netip.Addr, bool) {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone(""), err == nil
}
