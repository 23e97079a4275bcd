package web_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/web"
)

// operations are all operations that need a right, and which.
var operations = []struct {
	call
	scope sensocto.Scope
}{
	{call{method: "GET", path: "/api/v1/sensors"}, sensocto.ScopeView},
	{call{method: "GET", path: "/api/v1/sensors/nobody"}, sensocto.ScopeView},
	{call{method: "GET", path: "/api/v1/sensors/nobody/attributes/ecg/measurements"}, sensocto.ScopeView},
	{call{method: "GET", path: "/api/v1/sensors/nobody/attributes/ecg/measurements?limit=junk"}, sensocto.ScopeView},
	{call{method: "PATCH", path: "/api/v1/sensors/nobody", body: `{"sensor_name":"x"}`}, sensocto.ScopeAdmin},
	{call{method: "PATCH", path: "/api/v1/sensors/nobody", body: `junk`}, sensocto.ScopeAdmin},
	{call{method: "DELETE", path: "/api/v1/sensors/nobody"}, sensocto.ScopeAdmin},
	{call{method: "POST", path: "/api/v1/sensors/nobody/command", body: `{}`}, sensocto.ScopeAdmin},
	{call{method: "GET", path: "/api/v1/attention"}, sensocto.ScopeView},
	{call{method: "GET", path: "/readyz"}, sensocto.ScopeView},
	{call{method: "GET", path: "/metrics"}, sensocto.ScopeView},
	{call{method: "GET", path: "/api/openapi.json"}, sensocto.ScopeView},
}

func TestAuth_Matrix(t *testing.T) {
	w := newWorld(t, setup{})
	for _, op := range operations {
		t.Run(op.method+op.path, func(t *testing.T) {
			for token, scope := range map[string]sensocto.Scope{"": "", "sno_aaaaaaaa_x": "", w.viewer: sensocto.ScopeView, w.ingester: sensocto.ScopeIngest, w.admin: sensocto.ScopeAdmin} {
				c := op.call
				c.token = token
				answer := w.do(c)
				switch {
				case scope == "":
					checkProblem(t, answer, http.StatusUnauthorized)
					if !strings.HasPrefix(answer.Header().Get("WWW-Authenticate"), "Bearer ") {
						t.Error("no challenge")
					}
				case scope != op.scope && scope != sensocto.ScopeAdmin:
					checkProblem(t, answer, http.StatusForbidden)
				case answer.Code == http.StatusUnauthorized || answer.Code == http.StatusForbidden:
					t.Errorf("%s refused: %s", scope, answer.Body)
				}
			}
		})
	}
}

func TestAuth_Guests(t *testing.T) {
	w := newWorld(t, setup{guests: []sensocto.Scope{sensocto.ScopeView}, web: func(o *web.Options) { o.Hosts = []string{"sensors.example"} }})
	for _, op := range operations {
		answer := w.do(op.call)
		ofTheServer := op.path == "/readyz" || op.path == "/metrics" // about everybody's sensors
		if op.scope == sensocto.ScopeView && !ofTheServer && answer.Code == http.StatusUnauthorized {
			t.Errorf("%s refused: %s", op.path, answer.Body)
		}
		if op.scope == sensocto.ScopeAdmin || ofTheServer {
			checkProblem(t, answer, http.StatusUnauthorized)
		}
		c := op.call
		c.token = "sno_aaaaaaaa_x"
		checkProblem(t, w.do(c), http.StatusUnauthorized) // a bad token is no guest
	}
}

func TestAuth_WhereATokenMayBe(t *testing.T) {
	w := newWorld(t, setup{})
	for name, c := range map[string]call{
		"header":                {header: map[string]string{"Authorization": "bearer  " + w.viewer}},
		"query":                 {path: "/api/v1/sensors?token=" + w.viewer},
		"cookie":                {header: map[string]string{"Cookie": web.SessionCookie + "=" + w.viewer}},
		"beside another scheme": {header: map[string]string{"Authorization": "Basic eDp5", "Cookie": web.SessionCookie + "=" + w.viewer}},
		"beside an empty one":   {header: map[string]string{"Authorization": "Bearer ", "Cookie": web.SessionCookie + "=" + w.viewer}},
	} {
		if c.path == "" {
			c.path = "/api/v1/sensors"
		}
		if answer := w.do(c); answer.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	checkProblem(t, w.do(call{path: "/api/v1/sensors?token=" + w.viewer, token: "sno_aaaaaaaa_x"}), http.StatusUnauthorized)
	if log := w.log.String(); strings.Contains(log, w.viewer[13:]) || !strings.Contains(log, "path=/api/v1/sensors ") {
		t.Error("the request log lacks the path, or has the token")
	}
}

func TestAuth_RevocationCountsAtOnce(t *testing.T) {
	w := newWorld(t, setup{})
	w.get(t, "/api/v1/sensors")
	if err := w.accounts.Revoke(t.Context(), "view"); err != nil {
		t.Fatal(err)
	}
	checkProblem(t, w.do(call{path: "/api/v1/sensors", token: w.viewer}), http.StatusUnauthorized)
}

// On loopback the operator needs no token, but nobody else is taken for him.
func TestAuth_Loopback(t *testing.T) {
	w := newWorld(t, setup{})
	open := []string{"/readyz", "/metrics", "/api/openapi.json"}
	for name, tt := range map[string]struct {
		peer, host string
		header     map[string]string
		open       bool
	}{
		"IPv4":                  {"127.0.0.1:5", "127.0.0.1:4000", nil, true},
		"another IPv4":          {"127.8.8.8:5", "127.0.0.1:4000", nil, true},
		"IPv6":                  {"[::1]:5", "[::1]:4000", nil, true},
		"IPv4 in IPv6":          {"[::ffff:127.0.0.1]:5", "localhost", nil, true},
		"name":                  {"127.0.0.1:5", "LOCALHOST:4000", nil, true},
		"from elsewhere":        {"192.0.2.1:5", "localhost:4000", nil, false},
		"unknown peer":          {"@", "localhost:4000", nil, false},
		"DNS rebinding":         {"127.0.0.1:5", "evil.example:4000", nil, false},
		"rebinding, alike":      {"127.0.0.1:5", "localhost.evil.example", nil, false},
		"rebinding, alike IP":   {"127.0.0.1:5", "127.0.0.1.evil.example", nil, false},
		"no host":               {"127.0.0.1:5", " ", nil, false},
		"through a proxy":       {"127.0.0.1:5", "127.0.0.1:4000", map[string]string{"X-Forwarded-For": "192.0.2.1"}, false},
		"through another proxy": {"127.0.0.1:5", "127.0.0.1:4000", map[string]string{"Forwarded": "for=192.0.2.1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range open {
				answer := w.do(call{path: path, peer: tt.peer, host: tt.host, header: tt.header})
				if !tt.open {
					checkProblem(t, answer, http.StatusUnauthorized)
				} else if answer.Code != http.StatusOK {
					t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
				}
			}
			checkProblem(t, w.do(call{path: "/api/v1/sensors", peer: tt.peer, host: tt.host}), http.StatusUnauthorized)
			if answer := w.do(call{path: "/healthz", peer: tt.peer, host: tt.host, header: tt.header}); answer.Code != http.StatusOK {
				t.Errorf("/healthz: %d", answer.Code) // tells nobody anything
			}
		})
	}
}

// A page whose name resolves to 127.0.0.1 is not a guest of the server there.
func TestAuth_GuestsOverLoopbackMustNameTheServer(t *testing.T) {
	w := newWorld(t, setup{guests: []sensocto.Scope{sensocto.ScopeView}, web: func(o *web.Options) { o.Hosts = []string{"Lab.example"} }})
	for host, want := range map[string]int{"localhost:4000": 200, "127.0.0.1": 200, "lab.example:8080": 200, "evil.example": 401} {
		if answer := w.do(call{path: "/api/v1/sensors", peer: "127.0.0.1:5", host: host}); answer.Code != want {
			t.Errorf("%s: %d", host, answer.Code)
		}
	}
	if answer := w.do(call{path: "/api/v1/sensors", peer: "127.0.0.1:5", host: "evil.example", token: w.viewer}); answer.Code != 200 {
		t.Errorf("with a token: %d", answer.Code)
	}
	// Such a page is of the same origin, so it may send any header.
	pretended := call{path: "/api/v1/sensors", peer: "127.0.0.1:5", host: "evil.example", header: map[string]string{"X-Forwarded-For": "192.0.2.1"}}
	if answer := w.do(pretended); answer.Code != 401 {
		t.Errorf("pretending to be a proxy: %d", answer.Code)
	}
}

// The socket takes guests too, and the Origin of such a page is its Host.
func TestAuth_GuestsOfTheSocketMustNameTheServer(t *testing.T) {
	socket := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	guests := []sensocto.Scope{sensocto.ScopeView}
	for _, tt := range []struct {
		name, host, origin string
		guests             []sensocto.Scope
		want               int
	}{
		{"its own page", "localhost:4000", "http://localhost:4000", guests, http.StatusTeapot},
		{"a device", "evil.example", "", guests, http.StatusTeapot},
		{"rebinding", "evil.example:4000", "http://evil.example:4000", guests, http.StatusForbidden},
		{"rebinding without guests", "evil.example:4000", "http://evil.example:4000", nil, http.StatusTeapot},
		{"a further name", "lab.example", "https://lab.example", guests, http.StatusTeapot},
		{"an allowed origin", "inner.example", "https://friend.example", guests, http.StatusTeapot},
	} {
		w := newWorld(t, setup{guests: tt.guests, web: func(o *web.Options) {
			o.Socket, o.Hosts, o.AllowedOrigins = socket, []string{"lab.example"}, []string{"https://friend.example"}
		}})
		c := call{path: "/socket/websocket", peer: "127.0.0.1:5", host: tt.host, header: map[string]string{}}
		if tt.origin != "" {
			c.header["Origin"] = tt.origin
		}
		if answer := w.do(c); answer.Code != tt.want {
			t.Errorf("%s: %d", tt.name, answer.Code)
		}
	}
}

func TestAuth_OtherSitesChangeNothing(t *testing.T) {
	w := newWorld(t, setup{guests: []sensocto.Scope{sensocto.ScopeAdmin}})
	w.connect(t, "s1")
	for _, header := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}} {
		checkProblem(t, w.do(call{method: "DELETE", path: "/api/v1/sensors/s1", header: header}), http.StatusForbidden)
		// Nor do they make a guest's browser ask for anything, as by an image.
		answer := w.do(call{path: "/api/v1/sensors", header: header, host: "localhost"})
		checkProblem(t, answer, http.StatusForbidden)
		cookie := maps.Clone(header)
		cookie["Cookie"] = web.SessionCookie + "=" + w.admin
		checkProblem(t, w.do(call{path: "/api/v1/sensors", header: cookie, host: "localhost"}), http.StatusForbidden)
		if answer := w.do(call{path: "/api/v1/sensors", header: header, token: w.viewer}); answer.Code != http.StatusOK || answer.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("with a token: %d, may be read: %q", answer.Code, answer.Header().Get("Access-Control-Allow-Origin"))
		}
	}
	for _, header := range []map[string]string{{"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://localhost"}, nil} {
		if answer := w.do(call{path: "/api/v1/sensors", header: header, host: "localhost"}); answer.Code != http.StatusOK {
			t.Errorf("%v: %d", header, answer.Code)
		}
	}
}

func TestCORS_AllowedOrigins(t *testing.T) {
	const friend = "https://friend.example"
	w := newWorld(t, setup{web: func(o *web.Options) { o.AllowedOrigins = []string{friend} }})
	w.connect(t, "s1")
	preflight := w.do(call{method: "OPTIONS", path: "/api/v1/sensors", header: map[string]string{"Origin": friend, "Access-Control-Request-Method": "DELETE"}})
	if preflight.Code != http.StatusNoContent || !strings.Contains(preflight.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %d %v", preflight.Code, preflight.Header())
	}
	answer := w.do(call{method: "PATCH", path: "/api/v1/sensors/s1", body: `{"sensor_name":"x"}`, token: w.admin, header: map[string]string{"Origin": friend, "Sec-Fetch-Site": "cross-site"}})
	if answer.Code != http.StatusOK || answer.Header().Get("Access-Control-Allow-Origin") != friend || !slices.Contains(answer.Header().Values("Vary"), "Origin") {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	other := w.do(call{path: "/api/v1/sensors", token: w.viewer, header: map[string]string{"Origin": "https://evil.example"}})
	if other.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("another origin may read")
	}
}

// The challenge says what is wrong with a credential, and the scopes that it takes where these
// are the matter (RFC 6750); the server's own tokens are told that people are wanted.
func TestAuth_SaysWhatIsWrongWithACredential(t *testing.T) {
	p := newPeople(t)
	ada := p.signUp("ada")
	personal := func(scopes string) string {
		return decode[struct{ Token string }](t, ada.asks(201, "POST", "/tokens", `{"name":"`+strings.Trim(scopes, `"`)+`","scopes":[`+scopes+`]}`).Body).Token
	}
	ingest, view := personal(`"ingest"`), personal(`"view"`)
	const realm, invalid, lacks = `Bearer realm="sensocto"`, `, error="invalid_token"`, `, error="insufficient_scope"`
	for _, tc := range []struct {
		method, path, token string
		status              int
		challenge, reason   string
	}{
		{"GET", "/rooms", "", 401, realm, ""},
		{"GET", "/rooms", "sno_aaaaaaaa_x", 401, realm + invalid, ""},
		{"GET", "/rooms", p.admin, 401, realm, "account_needed"},
		{"GET", "/rooms", ingest, 403, realm + `, scope="view"` + lacks, ""},
		{"POST", "/rooms", view, 403, realm + `, scope="view ingest"` + lacks, ""},
		{"GET", "/sessions", view, 403, "", ""}, // no scope helps: it takes a session
		{"GET", "/p2p", "", 401, realm + `, scope="admin"`, ""},
		{"GET", "/p2p", view, 403, realm + `, scope="admin"` + lacks, ""},
		{"GET", "/sensors", ingest, 403, realm + `, scope="view"` + lacks, ""},
	} {
		answer := p.do(call{method: tc.method, path: "/api/v1" + tc.path, token: tc.token, body: `{"name":"x"}`})
		reason := decode[struct{ Reason string }](t, answer.Body).Reason
		if got := answer.Header().Get("WWW-Authenticate"); answer.Code != tc.status || got != tc.challenge || reason != tc.reason {
			t.Errorf("%s %s: %d %q %q, want %d %q %q", tc.method, tc.path, answer.Code, got, reason, tc.status, tc.challenge, tc.reason)
		}
	}
	readyz := p.do(call{path: "/readyz", token: view}) // which has the scope, and is not enough
	if got := readyz.Header().Get("WWW-Authenticate"); readyz.Code != 403 || got != realm+`, scope="admin"`+lacks {
		t.Errorf("%d %q", readyz.Code, got)
	}
}
