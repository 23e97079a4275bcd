package socket

import (
	"context"
	"net"
	"net/http"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/handshake"
	"github.com/sensocto/sensocto/socket/ws"
)

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
			s.refuseUpgrade(w, r, &handshake.Refusal{Status: status, Reason: "not_a_websocket", Detail: err.Error()})
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
func (s *Server) admit(r *http.Request) (who bound, refused *handshake.Refusal) {
	who = s.introduced(r.Context(), handshake.Credentials(r))
	s.mu.Lock()
	open := len(s.conns)
	s.mu.Unlock()
	most := s.limits.Connections
	if !who.known {
		most -= most / keptShare
	}
	switch {
	case open >= most:
		return who, handshake.Unavailable("too_many_connections",
			"the server has as many connections as it allows without a credential at the upgrade: bring one, or come back later")
	case who.known:
		return who, nil
	}
	if !s.anonymous.Add(s.addressOf(r)) {
		return who, handshake.Unavailable("too_many_anonymous",
			"as many connections wait for their first join as the server allows: join sooner, send the credential with the upgrade, or come back later")
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
	c := &conn{srv: s, id: s.connIDs.Add(1), address: s.addressOf(r), version: version, began: s.now()}
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
		nc.Write(ws.CloseFrame(ws.CloseShutdown, reasonShutdown))
		nc.Close()
		return
	}
	s.count.accepted.Add(1)
	go c.serve()
}

// check applies the rules of the upgrade.
func (s *Server) check(r *http.Request) (phx.Version, *handshake.Refusal) {
	version, refused := handshake.Check(r, s.origins)
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	if stopped && (refused == nil || refused.Reason != handshake.ReasonNotFound) {
		refused = handshake.Unavailable(reasonShutdown, "the server is shutting down: come back later")
	}
	return version, refused
}

// reasonShutdown is why there are no new connections, and why the present ones end.
const reasonShutdown = "shutdown"

// refuseUpgrade answers a request that does not become a connection.
func (s *Server) refuseUpgrade(w http.ResponseWriter, r *http.Request, f *handshake.Refusal) {
	s.count.refusedUpgrades.add(f.Reason, 1)
	s.noteUpgrade(r, f)
	if f.Fault {
		s.refuse(s.addressOf(r))
	}
	f.Answer(w)
}

// refuse counts a refusal against an address.
func (s *Server) refuse(address string) { s.offenders.Refuse(address, s.now()) }
