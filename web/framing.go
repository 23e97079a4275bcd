package web

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// A request with both Content-Length and Transfer-Encoding may be two requests
// to a proxy in front and one to this server, or the other way round (RFC 9112,
// 6.3): it is refused. net/http drops the length before a handler sees it, so
// the bytes that come are looked at as well.

// maxHead bounds what is kept of the bytes of a request: its head, and what came
// before it in the same read.
const maxHead = 128 << 10

// headKey is where the connection of a request is in its context.
type headKey struct{}

// headConn keeps the first bytes that come after a request has ended.
type headConn struct {
	net.Conn
	mu   sync.Mutex // guards what follows
	kept []byte
	next bool // the last byte of kept was read alone: it begins the next request
	off  bool // it is no HTTP connection any more
}

// Read implements net.Conn.
func (c *headConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		c.answerPlain(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 {
		c.next = len(b) == 1 // as net/http does while a handler runs
	}
	if !c.off && len(c.kept) < maxHead {
		c.kept = append(c.kept, b[:min(n, maxHead-len(c.kept))]...)
	}
	return n, err
}

// nextRequest drops what is kept of the request that has ended.
func (c *headConn) nextRequest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next && len(c.kept) > 0 {
		c.kept = append([]byte(nil), c.kept[len(c.kept)-1])
		return
	}
	c.kept = nil
}

// stop keeps nothing any more: the connection becomes a WebSocket.
func (c *headConn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept, c.off = nil, true
}

// mayHaveLength reports whether the head of the request has a Content-Length, as
// far as that can be told: true where its head came together with the request
// before it.
func (c *headConn) mayHaveLength(r *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := bytes.TrimLeft(c.kept, "\r\n")
	if !bytes.HasPrefix(kept, []byte(r.Method+" "+r.RequestURI+" HTTP/")) {
		return true
	}
	head, _, _ := bytes.Cut(kept, []byte("\r\n\r\n"))
	for line := range bytes.Lines(head) {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(bytes.TrimSpace(name), []byte("Content-Length")) {
			return true
		}
	}
	return false
}

// strictFraming refuses a request with both ways to say how long its body is.
func (s *server) strictFraming(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(headKey{}).(*headConn)
		if c != nil && len(r.TransferEncoding) > 0 && c.mayHaveLength(r) {
			s.refuse(r, sensocto.SecurityMalformedInput, "two_lengths", "")
			w.Header().Set("Connection", "close")
			writeProblem(w, http.StatusBadRequest, "Content-Length and Transfer-Encoding exclude each other")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// overTLS reports whether a request came over TLS.
func overTLS(r *http.Request) bool {
	c, _ := r.Context().Value(headKey{}).(*headConn)
	if c == nil {
		return r.TLS != nil
	}
	_, is := c.Conn.(*tls.Conn)
	return is
}

// answerPlain answers a client that speaks plain HTTP to a port of TLS.
func (c *headConn) answerPlain(err error) {
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || record.Conn == nil || !looksLikeHTTP(record.RecordHeader[:]) {
		return
	}
	_ = record.Conn.SetWriteDeadline(time.Now().Add(plainAnswerTime))
	_, _ = io.WriteString(record.Conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThis port speaks TLS: use https.\n")
}

// plainAnswerTime is how long the answer to such a client may wait for it.
const plainAnswerTime = 5 * time.Second

// looksLikeHTTP reports whether five bytes begin a request.
func looksLikeHTTP(head []byte) bool {
	switch string(head) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	}
	return false
}

// Unwrapped returns the connection below, for whoever takes it over.
func (c *headConn) Unwrapped() net.Conn { return c.Conn }

// Heads returns a listener whose connections keep the heads of their requests.
// With TLS it lies above that: net/http then sees no TLS connection, and
// overTLS tells what it is.
func Heads(l net.Listener) net.Listener { return headListener{l} }

type headListener struct{ net.Listener }

// Accept implements net.Listener.
func (l headListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &headConn{Conn: c}, nil
}
