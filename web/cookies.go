package web

import (
	"net/http"
	"strings"
)

const (
	// SessionCookie is the cookie that may carry a token instead of the header.
	SessionCookie = "sensocto_token"
	// oidcCookie binds a sign-in with the issuer to the browser that began it.
	oidcCookie        = "sensocto_oidc"
	oidcCookieSeconds = 5 * 60
	// hostPrefix is how cookies begin where people come by TLS: a browser takes them
	// from this very host alone, over TLS, so that no neighbour under the same domain
	// and nobody on the network can give it another session. Over plain HTTP browsers
	// refuse the prefix.
	hostPrefix = "__Host-"
)

// cookie returns a cookie for whoever asks; an empty value removes it. Scripts
// cannot read it, and other sites' forms do not send it (SameSite=Lax).
func (s *server) cookie(ctx *FromClient, name, value string) http.Cookie {
	c := http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if ctx.secure || s.behindTLS(ctx.host) {
		c.Name, c.Secure = hostPrefix+name, true
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// byTLS reports whether a browser speaks TLS to the server, or to a proxy in front
// of it.
func (s *server) byTLS(r *http.Request) bool { return overTLS(r) || s.behindTLS(r.Host) }

// behindTLS reports whether people reach the server by TLS under a name, as its url
// says: then a proxy may speak plain HTTP to it.
func (s *server) behindTLS(host string) bool {
	return s.Accounts != nil && strings.EqualFold(s.Accounts.Ways().Origin, "https://"+host)
}

// plainCookies gives the server's cookies their plain names, by which all handlers
// know them, the socket's included. By TLS only those with the prefix count.
func (s *server) plainCookies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header["Cookie"] == nil || !s.byTLS(r) {
			next.ServeHTTP(w, r)
			return
		}
		var kept []string
		for _, name := range []string{SessionCookie, oidcCookie} {
			if c, err := r.Cookie(hostPrefix + name); err == nil {
				kept = append(kept, name+"="+c.Value)
			}
		}
		r = r.Clone(r.Context())
		r.Header.Del("Cookie")
		if len(kept) > 0 {
			r.Header.Set("Cookie", strings.Join(kept, "; "))
		}
		next.ServeHTTP(w, r)
	})
}
