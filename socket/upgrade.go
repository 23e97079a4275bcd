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
	"github.com/sensocto/sensocto/socket/ws"
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
	who, refused := s.admit(r)
	if refused != nil {
		s.refuseUpgrade(w, r, refused)
		return
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		if !who.known {
			s.anonymous.Remove(s.addressOf(r))
		}
		return
	}
	s.open(r, ws.NetConn(), version, who)
}

// admit finds out who connects, and whether one more connection is allowed. A
// client without a credential is admitted, as most send theirs with the join,
// within bounds that leave room for clients with a valid one.
func (s *Server) admit(r *http.Request) (who bound, refused *refusal) {
	who = s.introduced(r.Context(), credentials(r))
	s.mu.Lock()
	open := len(s.conns)
	s.mu.Unlock()
	most := s.limits.Connections
	if !who.known {
		most -= most / keptShare
	}
	switch {
	case open >= most:
		return who, &refusal{http.StatusServiceUnavailable, "too_many_connections",
			"the server has as many connections as it allows without a credential at the upgrade: bring one, or come back later", false}
	case who.known:
		return who, nil
	}
	if !s.anonymous.Add(s.addressOf(r)) {
		return who, &refusal{http.StatusServiceUnavailable, "too_many_anonymous",
			"as many connections wait for their first join as the server allows: join sooner, send the credential with the upgrade, or come back later", false}
	}
	return who, nil
}

// discardPool lets gorilla keep no write buffer: frames are written without it.
type discardPool struct{}

func (discardPool) Get() any { return nil }
func (discardPool) Put(any)  {}

// open starts a connection.
func (s *Server) open(r *http.Request, nc net.Conn, version phx.Version, who bound) {
	if wrapped, ok := nc.(interface{ Unwrapped() net.Conn }); ok { // the HTTP server is through with it
		nc = wrapped.Unwrapped()
	}
	if tcp, ok := nc.(interface{ SetNoDelay(bool) error }); ok {
		tcp.SetNoDelay(true)
	}
	c := &conn{srv: s, net: nc, id: s.connIDs.Add(1), address: s.addressOf(r), version: version, began: s.now()}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.out = s.outbound.NewOutbox(nc, version, c)
	c.in = ws.Reader{Conn: nc, MaxText: min(anonymousFrame, s.limits.TextBytes), MaxBinary: min(anonymousFrame, s.limits.BinaryBytes),
		Heard: &c.lastRead, Now: s.now, Budget: &s.unfinished}
	c.limit.PerSecond = s.limits.FramesPerSecond
	c.heard()
	c.who = who
	if c.anonymous.Store(!who.known); who.known {
		c.identified()
	}
	if !s.add(c) {
		if !who.known {
			s.anonymous.Remove(c.address)
		}
		c.cancel()
		nc.Write(ws.CloseFrame(ws.CloseShutdown, "shutdown"))
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
	stopped := s.stopped
	s.mu.Unlock()
	switch {
	case !strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/websocket"):
		return 0, &refusal{http.StatusNotFound, "not_found", "the socket is at /socket/websocket", false}
	case stopped:
		return 0, &refusal{http.StatusServiceUnavailable, "shutdown", "the server is shutting down: come back later", false}
	case !r.ProtoAtLeast(1, 1):
		return 0, &refusal{http.StatusUpgradeRequired, "http_version", "a WebSocket needs HTTP/1.1 (RFC 6455, 4.1)", true}
	case !s.originAllowed(r):
		// No fault of the address: any page that somebody visits could use up
		// the refusals of all that shares the address, loopback devices included.
		return 0, &refusal{http.StatusForbidden, "origin_not_allowed", "add the origin to the allowed origins of the server", false}
	case err != nil:
		return 0, &refusal{http.StatusForbidden, "unsupported_vsn", "vsn must be absent, 1.0.0 or 2.0.0", true}
	}
	return version, nil
}

// refuseUpgrade answers with a problem (RFC 9457) and its reason.
func (s *Server) refuseUpgrade(w http.ResponseWriter, r *http.Request, f *refusal) {
	s.count.refusedUpgrades.add(f.reason, 1)
	s.noteUpgrade(r, f)
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
func (s *Server) refuse(address string) { s.offenders.Refuse(address, s.now()) }

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
