package call

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"

	"github.com/sensocto/sensocto"
)

var errNoTCP = errors.New("TCP is not relayed")

// generator opens the sockets of allocations.
type generator struct{ relay *Relay }

func (g generator) Validate() error { return nil }

func (g generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

func (g generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// attempts is how many ports are tried: whether one is free shows only then.
const attempts = 20

func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	o := g.relay.options
	host := o.Listen
	if h, _, err := net.SplitHostPort(o.Listen); err == nil {
		host = h
	}
	var conn net.PacketConn
	var err error
	for range attempts {
		port := int(o.MinPort) + rand.IntN(int(o.MaxPort)-int(o.MinPort)+1)
		if conn, err = net.ListenPacket(c.Network, net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	at := netip.AddrPortFrom(o.Public, conn.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	p := &relayed{known: make(map[netip.AddrPort]bool), PacketConn: conn, relay: g.relay, peerID: c.UserID, at: at, bytes: sensocto.NewTokenBucket(o.BytesPerSecond, o.BytesPerSecond, time.Now())}
	if !g.relay.calls.allocated(p) {
		g.relay.count.refused.Add(1)
		conn.Close()
		return nil, nil, errNoRoom
	}
	return p, net.UDPAddrFromAddrPort(at), nil
}

var errNoRoom = errors.New("the peer has left its call, or there are too many allocations")

// relayed is the socket of one allocation. It sends to other peers of the call
// alone, also where a permission would let it send to any port of an address: the
// services of this machine have the address of all relays.
type relayed struct {
	net.PacketConn
	relay  *Relay
	peerID string
	userID string         // set once it is allocated
	at     netip.AddrPort // where others reach it
	closed atomic.Bool

	mu    sync.Mutex // guards what follows
	bytes sensocto.TokenBucket
	known map[netip.AddrPort]bool // where it may send,
	asOf  uint64                  // after so many changes of the calls
}

// maxKnown bounds what an allocation remembers; a call has fewer relays.
const maxKnown = 64

// WriteTo drops what may not go to an address, or is too much.
func (p *relayed) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok || !p.reaches(unmapped(udp.AddrPort())) {
		p.relay.count.foreign.Add(1)
		return len(b), nil
	}
	if !p.spend(len(b)) {
		return len(b), nil
	}
	return p.PacketConn.WriteTo(b, to)
}

// reaches reports whether it may send to an address. The calls, whose lock all
// allocations share, are asked once after each change of theirs, not for each packet.
func (p *relayed) reaches(to netip.AddrPort) bool {
	now := p.relay.calls.changes.Load()
	p.mu.Lock()
	if p.asOf != now || len(p.known) >= maxKnown {
		clear(p.known)
		p.asOf = now
	}
	known := p.known[to]
	p.mu.Unlock()
	if known {
		return true
	}
	if !p.relay.calls.reaches(p, to) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asOf == now { // else what was asked may have changed
		p.known[to] = true
	}
	return true
}

// ReadFrom skips what is too much. Whom packets may come from is decided by the
// permissions of the allocation.
func (p *relayed) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := p.PacketConn.ReadFrom(b)
		if err != nil || p.spend(n) {
			return n, from, err
		}
	}
}

// spend counts bytes, and reports whether the peer may have them relayed.
func (p *relayed) spend(n int) bool {
	p.mu.Lock()
	enough := p.bytes.Take(float64(n), time.Now())
	p.mu.Unlock()
	if !enough {
		p.relay.count.tooMuch.Add(1)
		return false
	}
	p.relay.count.bytes.Add(uint64(n))
	return true
}

// Close may be called twice.
func (p *relayed) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.relay.calls.freed(p)
	return p.PacketConn.Close()
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
