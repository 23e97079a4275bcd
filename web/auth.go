package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

// credential returns what the request brings (protocol section 2): the header
// goes before the query, the query before the cookie. An empty one is none.
func credential(r *http.Request) string {
	if token := explicitCredential(r); token != "" {
		return token
	}
	if c, err := r.Cookie(SessionCookie); err == nil {
		return c.Value
	}
	return ""
}

// explicitCredential is credential without the cookie, which a browser sends
// whether a page wants it or not. Another Authorization scheme is some proxy's
// business, not ours.
func explicitCredential(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); token != "" && strings.EqualFold(scheme, "Bearer") {
		return token
	}
	if token := r.URL.Query().Get("token"); token != "" {
		return token
	}
	return ""
}

// authorize answers 401 or 403, and reports false, unless the request has the
// right.
func (s *server) authorize(w http.ResponseWriter, r *http.Request, scope sensocto.Scope) bool {
	_, ok := s.authorized(w, r, scope, has(scope))
	return ok
}

// has lets in who has the scope.
func has(scope sensocto.Scope) func(sensocto.Identity) bool {
	return func(id sensocto.Identity) bool { return id.Can(scope) }
}

// mayOwn lets in administrators, and people: what is theirs is decided sensor by
// sensor (see may).
func mayOwn(id sensocto.Identity) bool {
	return id.Can(sensocto.ScopeAdmin) || id.UserID != "" && id.Can(sensocto.ScopeView)
}

// authorized is authorize, and returns who asks. lets decides whom it lets in;
// the scope is what an answer says is missing.
func (s *server) authorized(w http.ResponseWriter, r *http.Request, scope sensocto.Scope, lets func(sensocto.Identity) bool) (sensocto.Identity, bool) {
	token := credential(r)
	if explicitCredential(r) == "" && s.crossSite(r) {
		refusedAs(r.Context(), sensocto.SecurityCrossSiteRefused, "other_site")
		writeProblem(w, http.StatusForbidden, "a page of another site asks for this: it has to bring a token, and be of an origin in allowed_origins")
		return sensocto.Identity{}, false
	}
	if token == "" && s.rebound(r) {
		refusedAs(r.Context(), sensocto.SecurityCrossSiteRefused, "unknown_host")
		s.challenge(w, http.StatusUnauthorized, "", scope, "without a token this server answers only to its own names, not to "+truncate(r.Host, 100)+": the operator adds names to hosts")
		return sensocto.Identity{}, false
	}
	id, err := s.Auth.Authenticate(r.Context(), token)
	noteAsker(r, id, token != "")
	switch {
	case err == nil && lets(id):
		return id, true
	case err == nil && token != "":
		s.lacks(w, id, scope)
	case err == nil || errors.Is(err, sensocto.ErrUnauthorized) && token == "":
		// A guest without the right gets 401 too: a token would help.
		s.challenge(w, http.StatusUnauthorized, "", scope, "send a token: Authorization: Bearer …; the server's operator makes one with 'sensocto token create'")
	case errors.Is(err, sensocto.ErrUnauthorized):
		s.challenge(w, http.StatusUnauthorized, "invalid_token", scope, "the token is not valid, or was revoked")
	default:
		s.Log.Error("cannot check a token", "err", err)
		writeProblem(w, http.StatusServiceUnavailable, "the token cannot be checked now: try again later")
	}
	return sensocto.Identity{}, false
}

// lacks answers a valid credential that does not have the right. One that has the scope would
// have to be the server's own, or an administrator's.
func (s *server) lacks(w http.ResponseWriter, id sensocto.Identity, scope sensocto.Scope) {
	if id.Can(scope) {
		scope = sensocto.ScopeAdmin
	}
	detail := "the token does not have the scope " + string(scope)
	if id.Kind == sensocto.KindSession && scope == sensocto.ScopeAdmin {
		detail = "this is for administrators of the server"
	}
	s.challenge(w, http.StatusForbidden, "insufficient_scope", scope, detail)
}

// crossSite reports whether a browser sends the request for a page of another
// site, as an image for instance: its user's being a guest, or signed in, is
// not for that page to use. Browsers say so in Sec-Fetch-Site; an origin that is
// allowed says who it is.
func (s *server) crossSite(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if slices.Contains(s.AllowedOrigins, origin) {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "cross-site", "same-site":
		return true
	}
	u, err := url.Parse(origin) // of an older browser
	return origin != "" && (err != nil || !strings.EqualFold(u.Host, r.Host))
}

func (s *server) challenge(w http.ResponseWriter, status int, reason string, scope sensocto.Scope, detail string) {
	w.Header().Set("WWW-Authenticate", challengeOf(reason, scope))
	writeProblem(w, status, detail)
}

// challengeOf is a challenge of RFC 6750: what is wrong with the credential, and the scopes
// that it takes, where these are the matter.
func challengeOf(reason string, scope sensocto.Scope) string {
	challenge := `Bearer realm="sensocto"`
	if scope != "" {
		challenge += `, scope="` + string(scope) + `"`
	}
	if reason != "" {
		challenge += `, error="` + reason + `"`
	}
	return challenge
}

// require is authorize for operations of the API.
func (s *server) require(scope sensocto.Scope, lets func(sensocto.Identity) bool) huma.Middlewares {
	return huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		id, ok := s.authorized(w, r, scope, lets)
		if !ok {
			return
		}
		ctx = asCaller(ctx, id)
		if !unbounded(r.URL.Path) {
			next(ctx)
			return
		}
		work, end := s.longRequests.watch(ctx.Context(), id, s.stillMay(ctx), http.NewResponseController(w))
		defer end()
		if _, ok := s.authorized(w, r, scope, lets); !ok { // it may have been revoked in between
			return
		}
		next(huma.WithContext(ctx, work))
	}}
}

// stillMay returns what tells whether a long request may go on when rights have
// changed.
func (s *server) stillMay(ctx huma.Context) func() bool {
	sensorID, id := ctx.Param("id"), identityOf(ctx.Context())
	has := toExport
	if ctx.Method() != http.MethodGet {
		has = toIngest
	}
	if strings.HasPrefix(ctx.Operation().Path, "/api/v1/rooms/") {
		return func() bool {
			rights, err := s.Rights.RoomRights(context.Background(), id, sensocto.Room{ID: sensorID})
			return err == nil && rights.Enter
		}
	}
	return func() bool {
		if sensorID == "" {
			return true
		}
		rights, err := s.Rights.Sensor(context.Background(), id, sensorID)
		return err == nil && has(rights)
	}
}

// seesServer lets in who may see how the server does: the operator's tokens that
// may view, and administrators. What it shows is about everybody's sensors.
func seesServer(id sensocto.Identity) bool {
	return id.Operator() && id.Can(sensocto.ScopeView) || id.Can(sensocto.ScopeAdmin)
}

// viewersOnly lets whoever sits at the machine in without a token, and others with
// the right to view.
func (s *server) viewersOnly(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if localhost(r) || s.authorize(w, r, sensocto.ScopeView) {
			h(w, r)
		}
	}
}

// operatorOnly is viewersOnly for what only those see who may see how the server
// does.
func (s *server) operatorOnly(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if localhost(r) {
			h(w, r)
		} else if _, ok := s.authorized(w, r, sensocto.ScopeView, seesServer); ok {
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

func overLoopback(r *http.Request) bool { return !forwarded(r) && loopbackPeer(r) }

// forwarded reports whether a proxy says that it passes the request on.
func forwarded(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return true
		}
	}
	return false
}

// metricsOnly is operatorOnly for the metrics. Where these have an address of
// their own, or others are known to come by proxies or names, being local proves
// nothing: a token is needed here.
func (s *server) metricsOnly(h http.HandlerFunc) http.HandlerFunc {
	if !s.MetricsElsewhere && len(s.TrustedProxies) == 0 && len(s.Hosts) == 0 {
		return s.operatorOnly(h)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := s.authorized(w, r, sensocto.ScopeView, seesServer); ok {
			h(w, r)
		}
	}
}

func loopbackPeer(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && loopbackAddress(host)
}

// rebound reports whether the request may be of a page whose name resolves to
// this machine, from this machine or from the local network. What a proxy would
// add proves nothing: for its browser such a page is of our origin, and may send
// any header.
func (s *server) rebound(r *http.Request) bool { return !s.calledByItsName(r) }

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

// calledByItsName reports whether the Host header names this server. An address
// is no name that somebody could make resolve to it.
func (s *server) calledByItsName(r *http.Request) bool {
	name := hostname(r.Host)
	_, err := netip.ParseAddr(name)
	return err == nil || loopbackName(name) || slices.ContainsFunc(s.Hosts, func(h string) bool { return hostname(h) == name })
}

func loopbackName(host string) bool { return host == "localhost" || loopbackAddress(host) }

func loopbackAddress(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
