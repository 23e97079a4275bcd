package socket

import (
	"errors"
	"net/http"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/handshake"
	"github.com/sensocto/sensocto/socket/ws"
)

// What is refused goes to the security log: rights, limits, pages of other sites,
// and what no client sends that speaks the protocol.

// note writes a refusal of this connection.
func (c *conn) note(r sensocto.Refusal) {
	c.mu.Lock()
	who := c.who
	c.mu.Unlock()
	if r.Address = c.address; r.Identity.ID == "" && who.known {
		r.Identity = who.identity
	}
	c.srv.security.Refused(r)
}

// noteRefusal notes an error that is the answer to a frame, if it is about a right
// or a limit.
func (c *conn) noteRefusal(err error, action, topic string) {
	event, ok := sensocto.SecurityEventOf(err)
	if !ok {
		return
	}
	r := sensocto.Refusal{Event: event, Reason: sensocto.ErrorReason(err), Action: action, Target: topic}
	if known, ok := errors.AsType[*refusedIdentity](err); ok {
		r.Identity = known.identity
	}
	c.note(r)
}

func (c *conn) noteLimit(reason string) {
	c.note(sensocto.Refusal{Event: sensocto.SecurityLimitReached, Reason: reason, Action: "websocket"})
}

// noteProtocolError notes what ends the connection.
func (c *conn) noteProtocolError(e *ws.Error) {
	if e.Code == ws.ClosePolicy {
		c.noteLimit(e.Reason)
		return
	}
	c.note(sensocto.Refusal{Event: sensocto.SecurityMalformedInput, Reason: e.Reason, Action: "websocket"})
}

// noteUpgrade notes a refused upgrade, unless the server is shutting down or the
// path is a wrong one.
func (s *Server) noteUpgrade(r *http.Request, f *handshake.Refusal) {
	refused := sensocto.Refusal{Reason: f.Reason, Address: s.addressOf(r), Action: "websocket upgrade"}
	switch f.Reason {
	case handshake.ReasonNotFound, reasonShutdown:
		return
	case handshake.ReasonOrigin:
		refused.Event, refused.Target = sensocto.SecurityCrossSiteRefused, r.Header.Get("Origin")
	case "too_many_connections", "too_many_anonymous":
		refused.Event = sensocto.SecurityLimitReached
	default:
		refused.Event = sensocto.SecurityMalformedInput
	}
	s.security.Refused(refused)
}
