package socket

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto/phx"
)

// refusal is an answer instead of an upgrade.
type refusal struct {
	status int
	reason string // snake_case
	detail string
	fault  bool // of the peer: it counts against its address
}

// ServeHTTP upgrades a request to a connection, or refuses it with a reason.
// It returns at once: the connection lives outside of the HTTP server, which
// would hold buffers for it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	version, refused := s.check(r)
	if refused != nil {
		s.refuseUpgrade(w, r, refused)
		return
	}
	upgrader := websocket.Upgrader{
		ReadBufferSize:  1, // gorilla only shakes hands; the least it allows
		WriteBufferPool: discardPool{},
		Subprotocols:    []string{"phoenix"},
		CheckOrigin:     func(*http.Request) bool { return true }, // check did
		Error: func(w http.ResponseWriter, r *http.Request, status int, err error) {
			s.refuseUpgrade(w, r, &refusal{status: status, reason: "not_a_websocket", detail: err.Error()})
		},
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s.open(r, ws.NetConn(), version)
}

// discardPool lets gorilla keep no write buffer: frames are written without it.
type discardPool struct{}

func (discardPool) Get() any { return nil }
func (discardPool) Put(any)  {}

// open starts a connection.
func (s *Server) open(r *http.Request, nc net.Conn, version phx.Version) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		tcp.SetNoDelay(true)
	}
	c := &conn{srv: s, net: nc, id: s.connIDs.Add(1), address: s.addressOf(r), version: version}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.out = outbox{owner: c, conn: nc, srv: s, prompt: newPrompt(nc), last: -s.limits.Gather}
	c.in = frameReader{conn: nc, maxText: s.limits.TextBytes, maxBinary: s.limits.BinaryBytes, heard: &c.lastRead, now: s.now}
	c.limit.perSecond = s.limits.FramesPerSecond
	c.heard()
	c.introduce(r.Context(), credentials(r))
	if !s.add(c) {
		c.cancel()
		nc.Write(closeFrame(closeShutdown, "shutdown"))
		nc.Close()
		return
	}
	s.count.accepted.Add(1)
	go c.serve()
}

// check applies the rules of the upgrade.
func (s *Server) check(r *http.Request) (phx.Version, *refusal) {
	version, err := phx.ParseVersion(r.URL.Query().Get("vsn"))
	s.mu.Lock()
	open, stopped := len(s.conns), s.stopped
	s.mu.Unlock()
	switch {
	case !strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/websocket"):
		return 0, &refusal{http.StatusNotFound, "not_found", "the socket is at /socket/websocket", false}
	case stopped:
		return 0, &refusal{http.StatusServiceUnavailable, "shutdown", "the server is shutting down: come back later", false}
	case s.offenders.blocked(s.addressOf(r), s.now()) && !s.vouched(r):
		return 0, &refusal{http.StatusTooManyRequests, "too_many_refusals", "peers of this address were refused too often: wait a minute", false}
	case !s.originAllowed(r):
		// No fault of the address: any page that somebody visits could use up
		// the refusals of all that shares the address, loopback devices included.
		return 0, &refusal{http.StatusForbidden, "origin_not_allowed", "add the origin to the allowed origins of the server", false}
	case err != nil:
		return 0, &refusal{http.StatusForbidden, "unsupported_vsn", "vsn must be absent, 1.0.0 or 2.0.0", true}
	case open >= s.limits.Connections:
		return 0, &refusal{http.StatusServiceUnavailable, "too_many_connections", "the server has as many connections as it allows: come back later", false}
	}
	return version, nil
}

// vouched reports whether the request brings a valid credential: whoever has
// one does not pay for others who share the address.
func (s *Server) vouched(r *http.Request) bool {
	for _, credential := range credentials(r) {
		if _, err := s.auth.Authenticate(r.Context(), credential); err == nil {
			return true
		}
	}
	return false
}

// refuseUpgrade answers with a problem (RFC 9457) and its reason.
func (s *Server) refuseUpgrade(w http.ResponseWriter, r *http.Request, f *refusal) {
	s.count.refusedUpgrades.add(f.reason, 1)
	if f.fault {
		s.refuse(s.addressOf(r))
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	switch f.status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", "10")
	case http.StatusBadRequest, http.StatusUpgradeRequired:
		h.Set("Sec-Websocket-Version", "13")
	}
	w.WriteHeader(f.status)
	json.NewEncoder(w).Encode(map[string]any{
		"title": http.StatusText(f.status), "status": f.status, "reason": f.reason, "detail": f.detail,
	})
}

// refuse counts a refusal against an address.
func (s *Server) refuse(address string) { s.offenders.refuse(address, s.now()) }

// originAllowed checks what browsers, and only they, always send.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	for _, allowed := range s.origins {
		if allowed == "*" || matchOrigin(allowed, u) {
			return true
		}
	}
	return false
}

// matchOrigin compares an origin with an allowed one, of which the scheme may
// be missing, and whose host may begin with "*.".
func matchOrigin(allowed string, origin *url.URL) bool {
	scheme, host, ok := strings.Cut(strings.TrimSuffix(allowed, "/"), "://")
	if !ok {
		scheme, host = "", strings.TrimPrefix(strings.TrimSuffix(allowed, "/"), "//")
	}
	if scheme != "" && !strings.EqualFold(scheme, origin.Scheme) {
		return false
	}
	if suffix, ok := strings.CutPrefix(host, "*"); ok && strings.HasPrefix(suffix, ".") {
		return strings.HasSuffix(strings.ToLower(origin.Host), strings.ToLower(suffix))
	}
	return strings.EqualFold(host, origin.Host)
}
