package handshake

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// sessionCookie is the cookie that may carry a token.
const sessionCookie = "sensocto_token"

// tokenProtocol is the beginning of the subprotocol in which official clients
// carry their authToken.
const tokenProtocol = "base64url.bearer.phx."

// maxCredentials bounds what one upgrade may bring: each is a look-up, and one
// header has place for thousands.
const maxCredentials = 4

// Credentials returns what an upgrade request brings, explicit ones first: a
// browser sends the cookie whether the page wants it or not.
func Credentials(r *http.Request) []string {
	var found []string
	add := func(credential string) {
		if credential != "" && len(found) < maxCredentials {
			found = append(found, strings.Clone(credential))
		}
	}
	for _, p := range subprotocols(r) {
		if text, ok := strings.CutPrefix(p, tokenProtocol); ok {
			add(decodeToken(text))
		}
	}
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		add(strings.TrimSpace(token))
	}
	add(r.URL.Query().Get("token"))
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		add(cookie.Value)
	}
	return found
}

// decodeToken reads base64 without padding in either alphabet: the official
// client says base64url and sends what btoa makes.
func decodeToken(text string) string {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	token, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(token)
}

func subprotocols(r *http.Request) []string {
	var list []string
	for _, line := range r.Header["Sec-Websocket-Protocol"] {
		for p := range strings.SplitSeq(line, ",") {
			list = append(list, strings.TrimSpace(p))
		}
	}
	return list
}
