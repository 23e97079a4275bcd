package call

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	// connectionsOfOne is how many TCP connections one address has to the TURN server at
	// most. Eight peers behind one NAT take 112 (seven links each, two networks), and as
	// many again while they restart.
	connectionsOfOne = 256
	// unusedTimeout is how long a TCP connection may be open without an allocation.
	unusedTimeout = 10 * time.Second
	// maxPause is the longest pause after an error of accept, such as a lack of descriptors.
	maxPause = time.Second
)

// listener bounds the TCP connections of the TURN server: how many there are of one
// address and in all, and how long they go without an allocation. With one, they end
// when it does: it has to be refreshed.
type listener struct {
	net.Listener
	most    int
	unused  time.Duration
	count   *relayCounters
	log     *slog.Logger
	closing chan struct{}

	mu    sync.Mutex // guards what follows
	conns map[tuple]*tcpConn
	of    map[netip.Prefix]int // connections of an address
}

// tuple is what tells a connection from others.
type tuple struct{ remote, local string }

func newListener(l net.Listener, most int, count *relayCounters, log *slog.Logger) *listener {
	return &listener{
		Listener: l, most: most, unused: unusedTimeout, count: count, log: log, closing: make(chan struct{}),
		conns: make(map[tuple]*tcpConn), of: make(map[netip.Prefix]int),
	}
}

// Accept implements net.Listener. It returns an error only after Close: the server
// would not accept again.
func (l *listener) Accept() (net.Conn, error) {
	pause := 5 * time.Millisecond
	for {
		nc, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			l.count.acceptErrors.Add(1)
			l.log.Warn("the TURN server cannot accept a TCP connection and tries again", "error", err, "pause", pause)
			if !l.sleep(pause) {
				return nil, net.ErrClosed
			}
			pause = min(2*pause, maxPause)
			continue
		}
		pause = 5 * time.Millisecond
		if c := l.admit(nc); c != nil {
			return c, nil
		}
		nc.Close()
	}
}

// sleep reports false where Close was called meanwhile.
func (l *listener) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.closing:
		return false
	case <-timer.C:
		return true
	}
}

// admit counts a connection, and returns nil where there are too many.
func (l *listener) admit(nc net.Conn) *tcpConn {
	c := &tcpConn{Conn: nc, l: l, tuple: tuple{nc.RemoteAddr().String(), nc.LocalAddr().String()}, from: prefixOf(nc.RemoteAddr())}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.conns == nil: // closed
		return nil
	case len(l.conns) >= l.most:
		l.count.refusedInAll.Add(1)
		return nil
	case l.of[c.from] >= min(connectionsOfOne, max(1, l.most/2)):
		l.count.refusedOfOne.Add(1)
		return nil
	}
	l.conns[c.tuple] = c
	l.of[c.from]++
	l.count.connections.Add(1)
	c.SetReadDeadline(time.Now().Add(l.unused))
	return c
}

// use notes an allocation of a connection, or with -1 its end. Other addresses are
// those of UDP.
func (l *listener) use(from, to net.Addr, change int) {
	if _, isTCP := from.(*net.TCPAddr); !isTCP {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.conns[tuple{from.String(), to.String()}]
	if c == nil {
		return
	}
	c.allocations += change
	deadline := time.Time{}
	if c.allocations <= 0 {
		deadline = time.Now().Add(l.unused)
	}
	c.SetReadDeadline(deadline)
}

// Close implements net.Listener. It closes the connections as well.
func (l *listener) Close() error {
	l.mu.Lock()
	conns := l.conns
	if conns != nil {
		close(l.closing)
	}
	l.conns = nil
	l.mu.Unlock()
	for _, c := range conns {
		c.Conn.Close()
	}
	return l.Listener.Close()
}

// tcpConn is a connection that counts until it is closed.
type tcpConn struct {
	net.Conn
	l     *listener
	tuple tuple
	from  netip.Prefix
	once  sync.Once

	allocations int // guarded by the listener's mu
}

// Read implements net.Conn.
func (c *tcpConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.l.count.unused.Add(1)
	}
	return n, err
}

// Close implements net.Conn.
func (c *tcpConn) Close() error {
	c.once.Do(func() {
		c.l.mu.Lock()
		defer c.l.mu.Unlock()
		delete(c.l.conns, c.tuple)
		if c.l.of[c.from]--; c.l.of[c.from] == 0 {
			delete(c.l.of, c.from)
		}
		c.l.count.connections.Add(-1)
	})
	return c.Conn.Close()
}

// prefixOf returns what counts as one address: the whole of IPv4, the /64 of IPv6.
func prefixOf(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}
