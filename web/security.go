package web

import (
	"cmp"
	"context"
	"net/http"

	"github.com/sensocto/sensocto"
)

// askedKey is where a request's asked is in its context.
type askedKey struct{}

// asked is who asks for what, as the layers further in find out, for the security
// log.
type asked struct {
	known      bool // the operation is not for anybody
	credential bool // there was one
	identity   sensocto.Identity
	target     string // the id in the path
	event      sensocto.SecurityEvent
	reason     string
}

// noteAsker notes who asks for an operation that is not for anybody. The identity
// is the zero value for a credential that is not valid.
func noteAsker(r *http.Request, id sensocto.Identity, credential bool) {
	if a, ok := r.Context().Value(askedKey{}).(*asked); ok {
		a.known, a.credential, a.identity, a.target = true, credential, id, r.PathValue("id")
	}
}

// refusedAs notes why a request is refused where its status does not tell.
func refusedAs(ctx context.Context, event sensocto.SecurityEvent, reason string) {
	if a, ok := ctx.Value(askedKey{}).(*asked); ok {
		a.event, a.reason = event, reason
	}
}

// noteRefusal writes a request that was refused into the security log. A 401
// without a credential, with which every page begins, is no refusal; one with a
// valid credential is a wrong password, which package account has noted.
func (s *server) noteRefusal(r *http.Request, status int, a *asked) {
	event, reason := a.event, a.reason
	switch {
	case event != "":
	case a.known && status == http.StatusForbidden:
		event, reason = sensocto.SecurityRightRefused, "no_right"
	case a.credential && a.identity.ID == "" && status == http.StatusUnauthorized:
		event, reason = sensocto.SecurityRightRefused, "invalid_credential"
	case status == http.StatusTooManyRequests:
		event, reason = sensocto.SecurityLimitReached, string(sensocto.CodeRateLimited)
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity:
		event, reason = sensocto.SecurityMalformedInput, http.StatusText(status)
	default:
		return
	}
	_, pattern := s.mux.Handler(r) // the path itself may hold a join code
	target := a.target
	if event == sensocto.SecurityCrossSiteRefused {
		target = cmp.Or(r.Header.Get("Origin"), r.Host)
	}
	s.Security.Refused(sensocto.Refusal{Event: event, Reason: reason, Identity: a.identity, Address: r.RemoteAddr, Action: cmp.Or(pattern, r.Method), Target: target})
}

// refuse writes a refusal of a request that reaches no operation.
func (s *server) refuse(r *http.Request, event sensocto.SecurityEvent, reason, target string) {
	s.Security.Refused(sensocto.Refusal{Event: event, Reason: reason, Address: r.RemoteAddr, Action: r.Method, Target: target})
}
