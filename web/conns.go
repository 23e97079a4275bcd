package web

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Conns bounds the connections of a server, so that they cannot take the file
// descriptors that storing needs. At the bound, the connection that has been
// without a request for longest is closed for a new one: an idle connection, or
// one whose request has not come whole. Where all have a request in progress, a
// new one waits for a moment and is refused then. WebSockets are counted and
// never closed for others: package socket has bounds of its own for them.
type Conns struct {
	most             int
	refused, evicted atomic.Uint64

	freed chan struct{} // one slot: a connection may have ended, or its request

	mu      sync.Mutex // guards what follows
	open    int
	waiting *list.List // of *conn without a request in progress, the longest first
}

// NewConns returns a bound of so many connections.
func NewConns(most int) *Conns {
	return &Conns{most: max(1, most), waiting: list.New(), freed: make(chan struct{}, 1)}
}

// Listener returns l with the bound. Its connections are TCP, whatever TLS comes
// on top.
func (c *Conns) Listener(l net.Listener) net.Listener { return &boundListener{l, c} }

type boundListener struct {
	net.Listener
	conns *Conns
}

// Accept implements net.Listener.
func (l *boundListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := nc.(*net.TCPConn)
		if !ok {
			return nc, nil
		}
		if l.conns.await() {
			return l.conns.add(tcp), nil
		}
		l.conns.refused.Add(1)
		nc.Close()
	}
}

// conn is a connection that counts until it is closed. It stays a TCP connection
// for whoever asks: package socket does.
type conn struct {
	*net.TCPConn
	conns  *Conns
	closed atomic.Bool

	// Guarded by the mu of conns.
	waiting   *list.Element // in the list; nil while it is busy, or a WebSocket
	webSocket bool
}

// admit counts one more connection, and closes another for it if need be. It
// reports false where all have a request in progress.
func (c *Conns) admit() bool {
	c.mu.Lock()
	if c.open < c.most {
		c.open++
		c.mu.Unlock()
		return true
	}
	front := c.waiting.Front()
	if front == nil {
		c.mu.Unlock()
		return false
	}
	victim := front.Value.(*conn)
	c.waiting.Remove(front)
	victim.waiting = nil
	c.open++ // Close of the victim counts one less
	c.mu.Unlock()
	c.evicted.Add(1)
	victim.Close()
	return true
}

// acceptTimeout is how long a new connection waits while all others have a
// request in progress: most requests take less.
const acceptTimeout = 250 * time.Millisecond

// await is admit, again and again for acceptTimeout.
func (c *Conns) await() bool {
	if c.admit() {
		return true
	}
	timer := time.NewTimer(acceptTimeout)
	defer timer.Stop()
	for {
		select {
		case <-c.freed: // perhaps long ago
			if c.admit() {
				return true
			}
		case <-timer.C:
			return c.admit()
		}
	}
}

func (c *Conns) signal() {
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

func (c *Conns) add(tcp *net.TCPConn) *conn {
	nc := &conn{TCPConn: tcp, conns: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	nc.waiting = c.waiting.PushBack(nc)
	return nc
}

// Close implements net.Conn.
func (nc *conn) Close() error {
	if nc.closed.Swap(true) {
		return net.ErrClosed
	}
	c := nc.conns
	c.mu.Lock()
	c.open--
	if nc.waiting != nil {
		c.waiting.Remove(nc.waiting)
		nc.waiting = nil
	}
	c.mu.Unlock()
	c.signal()
	return nc.TCPConn.Close()
}

// busy notes that a request is in progress, or, with false, that the connection
// waits for the next.
func (nc *conn) busy(is bool) {
	c := nc.conns
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case is && nc.waiting != nil:
		c.waiting.Remove(nc.waiting)
		nc.waiting = nil
	case !is && nc.waiting == nil && !nc.webSocket && !nc.closed.Load():
		nc.waiting = c.waiting.PushBack(nc)
		c.signal()
	}
}

// hijacked notes that the connection is a WebSocket.
func (nc *conn) hijacked() {
	nc.conns.mu.Lock()
	nc.webSocket = true
	nc.conns.mu.Unlock()
	nc.busy(true)
}

// connKey is where the connection of a request is in its context.
type connKey struct{}

// Attach has a server tell which of its connections have a request in progress.
func (c *Conns) Attach(server *http.Server) {
	server.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		if head, ok := nc.(*headConn); ok {
			ctx = context.WithValue(ctx, headKey{}, head)
		}
		return context.WithValue(ctx, connKey{}, bound(nc))
	}
	server.ConnState = func(nc net.Conn, state http.ConnState) {
		head, _ := nc.(*headConn)
		inner := bound(nc)
		switch state {
		case http.StateIdle:
			if head != nil {
				head.nextRequest()
			}
			if inner != nil {
				inner.busy(false)
			}
		case http.StateHijacked:
			if head != nil {
				head.stop()
			}
			if inner != nil {
				inner.hijacked()
			}
		}
	}
	handler := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if inner, _ := r.Context().Value(connKey{}).(*conn); inner != nil {
			inner.busy(true)
		}
		handler.ServeHTTP(w, r)
	})
}

// bound returns the connection that counts, below TLS and what watches heads.
func bound(nc net.Conn) *conn {
	switch c := nc.(type) {
	case *conn:
		return c
	case *headConn:
		return bound(c.Conn)
	case *tls.Conn:
		return bound(c.NetConn())
	}
	return nil
}

// Metrics implements sensocto.MetricSource.
func (c *Conns) Metrics(emit func(sensocto.Metric)) {
	c.mu.Lock()
	open, waiting := c.open, c.waiting.Len()
	c.mu.Unlock()
	gauge := func(name, help string, v int) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: float64(v)})
	}
	gauge("connections", "Open TCP connections, WebSockets included.", open)
	gauge("connections_waiting", "Of them, those without a request in progress.", waiting)
	gauge("connections_max", "Most that may be open: what the limit on file descriptors leaves.", c.most)
	counter := func(name, help string, v uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(v)})
	}
	counter("connections_evicted_total", "Connections without a request in progress that made room for others.", c.evicted.Load())
	counter("connections_refused_total", "Connections that were turned away because all others were busy.", c.refused.Load())
}
