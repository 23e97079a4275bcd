// Package handshake reads the request that asks for a WebSocket: whether it may become
// one, in which version of the protocol, and which credentials it brings. It looks
// nothing up and knows no connection.
package handshake

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/sensocto/sensocto/phx"
)

// Refusal is an answer instead of an upgrade.
type Refusal struct {
	Status int
	Reason string // snake_case
	Detail string
	Fault  bool // of the peer: it counts against its address
}

// Unavailable returns the Refusal of a request that may come again later.
func Unavailable(reason, detail string) *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: reason, Detail: detail}
}

// Answer answers with a problem (RFC 9457) and its reason.
func (f *Refusal) Answer(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	switch f.Status {
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "10")
	case http.StatusBadRequest, http.StatusUpgradeRequired:
		h.Set("Sec-Websocket-Version", "13")
	}
	w.WriteHeader(f.Status)
	json.NewEncoder(w).Encode(map[string]any{
		"title": http.StatusText(f.Status), "status": f.Status, "reason": f.Reason, "detail": f.Detail,
	})
}

// Reasons that Check gives and others look for.
const (
	ReasonNotFound = "not_found"          // the path is not the socket's
	ReasonOrigin   = "origin_not_allowed" // the page is of another site
)

// Check applies the rules of the upgrade. The origins are those that browsers may
// connect from, besides the host that serves them.
func Check(r *http.Request, origins []string) (phx.Version, *Refusal) {
	version, err := phx.ParseVersion(r.URL.Query().Get("vsn"))
	switch {
	case !strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/websocket"):
		return 0, &Refusal{http.StatusNotFound, ReasonNotFound, "the socket is at /socket/websocket", false}
	case !r.ProtoAtLeast(1, 1):
		return 0, &Refusal{http.StatusUpgradeRequired, "http_version", "a WebSocket needs HTTP/1.1 (RFC 6455, 4.1)", true}
	case !originAllowed(r, origins):
		// No fault of the address: any page that somebody visits could use up
		// the refusals of all that shares the address, loopback devices included.
		return 0, &Refusal{http.StatusForbidden, ReasonOrigin, "add the origin to the allowed origins of the server", false}
	case err != nil:
		return 0, &Refusal{http.StatusForbidden, "unsupported_vsn", "vsn must be absent, 1.0.0 or 2.0.0", true}
	}
	return version, nil
}

// originAllowed checks what browsers, and only they, always send.
func originAllowed(r *http.Request, origins []string) bool {
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
	for _, allowed := range origins {
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
