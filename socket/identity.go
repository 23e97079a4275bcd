package socket

import (
	"cmp"
	"context"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/socket/ws"
)

// maxRefusals is after how many unauthorized joins a connection is closed, so
// that nobody tries out tokens at the speed of a socket.
const maxRefusals = 100

// introduced returns the identity of the first credential that is valid.
func (s *Server) introduced(ctx context.Context, credentials []string) bound {
	for _, credential := range credentials {
		if id, err := s.auth.Authenticate(ctx, credential); err == nil {
			return bound{identity: id, credential: credential, known: true}
		}
	}
	return bound{}
}

// authorize returns who joins, if that identity has the right and the
// connection is not somebody else already.
func (c *conn) authorize(ctx context.Context, p request.Params, scope sensocto.Scope) (bound, error) {
	c.mu.Lock()
	who := c.who
	c.mu.Unlock()
	credential := cmp.Or(p.Text("bearer_token"), p.Text("token"), who.credential)
	// A token may have been revoked since it was bound, so it is asked again.
	id, err := c.srv.auth.Authenticate(ctx, credential)
	switch {
	case err != nil:
		return bound{}, err
	case who.known && id.ID != who.identity.ID, !id.Can(scope), !mayClaim(p, id):
		return bound{}, &refusedIdentity{id}
	}
	return bound{identity: id, credential: credential, known: true}, nil
}

// refusedIdentity is sensocto.ErrUnauthorized for somebody who is known.
type refusedIdentity struct{ identity sensocto.Identity }

// Error implements error.
func (e *refusedIdentity) Error() string { return sensocto.ErrUnauthorized.Error() }

// Unwrap is for errors.Is and errors.As.
func (e *refusedIdentity) Unwrap() error { return sensocto.ErrUnauthorized }

// mayClaim reports whether the payload's user_id, if there is one, is true: a
// person's own, or, without a person, the credential's.
func mayClaim(p request.Params, id sensocto.Identity) bool {
	return !p.Has("user_id") || p.Text("user_id") == cmp.Or(id.UserID, id.ID)
}

// refused counts an unauthorized join against the address, and ends a connection
// that does not stop, or whose address was refused too often. A valid credential
// is never judged by others that share the address: it is not refused.
func (c *conn) refused() {
	c.mu.Lock()
	c.refusals++
	enough := c.refusals >= maxRefusals
	c.mu.Unlock()
	blocked := c.srv.offenders.Blocked(c.address, c.srv.now())
	c.srv.refuse(c.address)
	switch {
	case blocked:
		c.noteLimit("too_many_refusals")
		c.close(ws.ClosePolicy, "too_many_refusals")
	case enough:
		c.noteLimit("too_many_refusals")
		c.close(ws.ClosePolicy, "unauthorized")
	}
}
