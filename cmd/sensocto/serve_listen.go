package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/sensocto/sensocto/web"
)

// listen opens a listener; an error says what to do. 0.0.0.0 means every IPv4
// address, and none of IPv6.
func listen(key, address string) (net.Listener, error) {
	network := "tcp"
	if host, _, err := net.SplitHostPort(address); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
			network = "tcp4"
		}
	}
	l, err := net.Listen(network, address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w\nAnother program listens on %s: stop it, or choose another address with --%s (port 0 picks a free one)", err, address, flagOf(key))
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w\nPorts below 1024 need a right that this user lacks: choose another with --%s", err, flagOf(key))
	}
	return l, err
}

// flagOf returns the flag of a configuration key.
func flagOf(key string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(key) }

// reachable returns how a listener is reached from this machine.
func reachable(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	switch {
	case err != nil:
		return a.String()
	case at.Addr() == netip.IPv4Unspecified():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port()).String()
	case at.Addr() == netip.IPv6Unspecified():
		return netip.AddrPortFrom(netip.IPv6Loopback(), at.Port()).String()
	}
	return a.String()
}

// reservedDescriptors are those that connections do not get: for the journal,
// the database, and what else is opened while the server runs.
const reservedDescriptors = 256

// maxConnections returns how many connections the limit on file descriptors
// leaves. Where little is allowed, storing gets at most half.
func maxConnections() int {
	limit, err := maxDescriptors()
	if err != nil || limit > 1<<30 {
		return 1 << 20
	}
	n := int(limit)
	return n - min(reservedDescriptors, n/2)
}

// turnSockets returns how many TCP connections, and as many allocations, the TURN server
// has at most: an eighth each of what maxConnections leaves. 0 where it is off.
func (c Config) turnSockets() int {
	if c.TURNListen == "" {
		return 0
	}
	return max(1, min(4096, maxConnections()/8))
}

// connections returns how many connections there are at most but those of TURN.
func (c Config) connections() int { return max(1, maxConnections()-2*c.turnSockets()) }

// entrance puts the layers on a listener: the bound on connections, TLS, and
// what refuses requests that others may read otherwise.
func entrance(l net.Listener, conns *web.Conns, t *tls.Config) net.Listener {
	l = conns.Listener(l)
	if t != nil {
		l = tls.NewListener(l, t)
	}
	return web.Heads(l)
}

// baseURL is the address under which people reach the server. On the loopback
// interface that is localhost: browsers make passkeys for names alone.
func (c Config) baseURL() string {
	if c.URL != "" {
		return strings.TrimRight(c.URL, "/")
	}
	scheme := "http"
	switch {
	case len(c.ACMEDomains) > 0:
		return "https://" + c.ACMEDomains[0]
	case c.TLSCert != "":
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return scheme + "://" + c.Listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
