package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

// SessionCookie is the cookie that may carry a token instead of the header.
const SessionCookie = "sensocto_token"

// credential returns what the request brings (protocol section 2): the header
// goes before the query, the query before the cookie. An empty one is none.
// Another Authorization scheme is some proxy's business, not ours.
func credential(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); token != "" && strings.EqualFold(scheme, "Bearer") {
		return token
	}
	if token := r.URL.Query().Get("token"); token != "" {
		return token
	}
	if c, err := r.Cookie(SessionCookie); err == nil {
		return c.Value
	}
	return ""
}

// authorize answers 401 or 403, and reports false, unless the request has the
// right.
func (s *server) authorize(w http.ResponseWriter, r *http.Request, scope sensocto.Scope) bool {
	token := credential(r)
	if token == "" && s.rebound(r) {
		s.challenge(w, http.StatusUnauthorized, "", scope, "without a token this server answers only to its own names, not to "+r.Host)
		return false
	}
	id, err := s.Auth.Authenticate(r.Context(), token)
	switch {
	case err == nil && id.Can(scope):
		return true
	case err == nil && token != "":
		s.challenge(w, http.StatusForbidden, "insufficient_scope", scope, "the token does not have the right "+string(scope))
	case err == nil || errors.Is(err, sensocto.ErrUnauthorized) && token == "":
		// A guest without the right gets 401 too: a token would help.
		s.challenge(w, http.StatusUnauthorized, "", scope, "send a token: Authorization: Bearer …; the server's operator makes one with 'sensocto token create'")
	case errors.Is(err, sensocto.ErrUnauthorized):
		s.challenge(w, http.StatusUnauthorized, "invalid_token", scope, "the token is not valid, or was revoked")
	default:
		s.Log.Error("cannot check a token", "err", err)
		writeProblem(w, http.StatusServiceUnavailable, "the token cannot be checked now: try again later")
	}
	return false
}

func (s *server) challenge(w http.ResponseWriter, status int, reason string, scope sensocto.Scope, detail string) {
	challenge := `Bearer realm="sensocto", scope="` + string(scope) + `"`
	if reason != "" {
		challenge += `, error="` + reason + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	writeProblem(w, status, detail)
}

// require is authorize for operations of the API.
func (s *server) require(scope sensocto.Scope) huma.Middlewares {
	return huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		if r, w := humago.Unwrap(ctx); s.authorize(w, r, scope) {
			next(ctx)
		}
	}}
}

// operatorOnly lets whoever sits at the machine in without a token, and others
// with the right to view.
func (s *server) operatorOnly(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if localhost(r) || s.authorize(w, r, sensocto.ScopeView) {
			h(w, r)
		}
	}
}

// localhost reports whether the request was made on this machine, for this
// machine. A loopback peer alone does not say so: a web page anywhere can make
// its host name resolve to 127.0.0.1 and have the visitor's browser ask (then
// the Host header gives it away), and a proxy on this machine passes on what
// comes from elsewhere (then it usually says so).
func localhost(r *http.Request) bool {
	return overLoopback(r) && loopbackName(hostname(r.Host))
}

func overLoopback(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return loopbackPeer(r)
}

func loopbackPeer(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopbackAddress(host)
}

// rebound reports whether the request may be of a page whose name resolves to
// this machine. What a proxy would add proves nothing: for its browser such a
// page is of our origin, and may send any header.
func (s *server) rebound(r *http.Request) bool { return loopbackPeer(r) && !s.calledByItsName(r) }

// reboundGuest is rebound for the socket, where a guest says nothing at first:
// it asks about browsers alone, which always send an Origin there.
func (s *server) reboundGuest(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(s.AllowedOrigins, origin) || !s.rebound(r) {
		return false
	}
	_, err := s.Auth.Authenticate(r.Context(), "")
	return err == nil
}

// calledByItsName reports whether the Host header names this server.
func (s *server) calledByItsName(r *http.Request) bool {
	name := hostname(r.Host)
	return loopbackName(name) || slices.ContainsFunc(s.Hosts, func(h string) bool { return hostname(h) == name })
}

func loopbackName(host string) bool { return host == "localhost" || loopbackAddress(host) }

func loopbackAddress(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
