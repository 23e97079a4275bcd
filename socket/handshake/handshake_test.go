package handshake_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/handshake"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		target  string
		version phx.Version
		reason  string
		fault   bool
	}{
		{"/socket/websocket", phx.V1, "", false},
		{"/socket/websocket/", phx.V1, "", false},
		{"/socket/websocket?vsn=1.0.0", phx.V1, "", false},
		{"/socket/websocket?vsn=2.0.0&more=1", phx.V2, "", false},
		{"/socket/websocket?vsn=3.0.0", 0, "unsupported_vsn", true},
		{"/socket/websocket?vsn=2", 0, "unsupported_vsn", true},
		{"/socket/longpoll?vsn=2.0.0", 0, handshake.ReasonNotFound, false},
		{"/socket?vsn=3.0.0", 0, handshake.ReasonNotFound, false},
	} {
		version, refused := handshake.Check(httptest.NewRequest("GET", c.target, nil), nil)
		if refused == nil {
			refused = &handshake.Refusal{}
		}
		if version != c.version || refused.Reason != c.reason || refused.Fault != c.fault {
			t.Errorf("%s: version %v, %+v; want %v, %q", c.target, version, refused, c.version, c.reason)
		}
	}
	old := httptest.NewRequest("GET", "/socket/websocket", nil)
	old.ProtoMajor, old.ProtoMinor = 1, 0
	if _, refused := handshake.Check(old, nil); refused == nil || refused.Reason != "http_version" || !refused.Fault {
		t.Errorf("HTTP/1.0: %+v", refused)
	}
}

func TestCheck_Origins(t *testing.T) {
	for _, c := range []struct {
		origin  string
		allowed []string
		ok      bool
	}{
		{"", nil, true}, // no browser
		{"https://sensors.example.org", nil, true},
		{"http://SENSORS.example.org", nil, true},
		{"https://sensors.example.org:8443", nil, false},
		{"https://example.org", nil, false},
		{"null", nil, false},
		{"https://", []string{"https://"}, false},
		{"https://a.example.com", []string{"*"}, true},
		{"null", []string{"*"}, false},
		{"https://app.example.com", []string{"https://other.example.com", "https://app.example.com"}, true},
		{"https://app.example.com", []string{"https://APP.example.com/"}, true},
		{"https://app.example.com", []string{"app.example.com"}, true},
		{"https://app.example.com", []string{"//app.example.com"}, true},
		{"http://app.example.com", []string{"https://app.example.com"}, false},
		{"https://app.example.com:8443", []string{"https://app.example.com"}, false},
		{"https://app.example.com:8443", []string{"https://app.example.com:8443"}, true},
		{"https://a.example.com", []string{"https://*.example.com"}, true},
		{"https://a.b.EXAMPLE.com", []string{"*.example.com"}, true},
		{"https://example.com", []string{"https://*.example.com"}, false},
		{"https://evilexample.com", []string{"https://*.example.com"}, false},
		{"https://evilexample.com", []string{"https://*example.com"}, false},
		{"https://a.example.com.evil.org", []string{"https://*.example.com"}, false},
	} {
		r := httptest.NewRequest("GET", "http://sensors.example.org/socket/websocket", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		_, refused := handshake.Check(r, c.allowed)
		if ok := refused == nil; ok != c.ok {
			t.Errorf("%q with %q: allowed is %v", c.origin, c.allowed, ok)
		}
		if refused != nil && (refused.Reason != handshake.ReasonOrigin || refused.Fault) {
			t.Errorf("%q: %+v", c.origin, refused)
		}
	}
}

func TestCredentials(t *testing.T) {
	token := func(e *base64.Encoding, text string) string {
		return "base64url.bearer.phx." + e.EncodeToString([]byte(text))
	}
	for name, c := range map[string]struct {
		query  string
		header http.Header
		want   []string
	}{
		"none":               {"", nil, nil},
		"empty ones":         {"token=", http.Header{"Authorization": {"Bearer "}, "Cookie": {"sensocto_token="}, "Sec-Websocket-Protocol": {"base64url.bearer.phx."}}, nil},
		"each place":         {"token=c", http.Header{"Authorization": {"bearer  b "}, "Cookie": {"x=y; sensocto_token=d"}, "Sec-Websocket-Protocol": {"phoenix, " + token(base64.RawURLEncoding, "a")}}, []string{"a", "b", "c", "d"}},
		"another scheme":     {"", http.Header{"Authorization": {"Basic b"}}, nil},
		"either alphabet":    {"", http.Header{"Sec-Websocket-Protocol": {token(base64.URLEncoding, "a?>"), token(base64.StdEncoding, "b?>~")}}, []string{"a?>", "b?>~"}},
		"what is no base64":  {"token=c", http.Header{"Sec-Websocket-Protocol": {"base64url.bearer.phx.!"}}, []string{"c"}},
		"no more than four":  {"token=c", http.Header{"Sec-Websocket-Protocol": {strings.Repeat(token(base64.RawURLEncoding, "a")+",", 1000)}}, []string{"a", "a", "a", "a"}},
		"the first in query": {"token=c&token=e", nil, []string{"c"}},
	} {
		r := httptest.NewRequest("GET", "/socket/websocket?"+c.query, nil)
		for key, values := range c.header {
			r.Header[key] = values
		}
		if got := handshake.Credentials(r); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRefusal_Answer(t *testing.T) {
	for _, c := range []struct {
		refusal *handshake.Refusal
		header  string // and its value
		body    string
	}{
		{handshake.Unavailable("full", "come back"), "Retry-After: 10", `{"detail":"come back","reason":"full","status":503,"title":"Service Unavailable"}`},
		{&handshake.Refusal{Status: 400, Reason: "r", Detail: "d"}, "Sec-Websocket-Version: 13", `{"detail":"d","reason":"r","status":400,"title":"Bad Request"}`},
		{&handshake.Refusal{Status: 426, Reason: "r"}, "Sec-Websocket-Version: 13", `{"detail":"","reason":"r","status":426,"title":"Upgrade Required"}`},
		{&handshake.Refusal{Status: 403, Reason: "r"}, "", `{"detail":"","reason":"r","status":403,"title":"Forbidden"}`},
	} {
		w := httptest.NewRecorder()
		c.refusal.Answer(w)
		if w.Code != c.refusal.Status || w.Body.String() != c.body+"\n" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		var more []string
		for _, key := range []string{"Retry-After", "Sec-Websocket-Version"} {
			if v := w.Header().Get(key); v != "" {
				more = append(more, key+": "+v)
			}
		}
		if got := strings.Join(more, ", "); got != c.header {
			t.Errorf("%d: %q, want %q", w.Code, got, c.header)
		}
	}
}
