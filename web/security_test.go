package web_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/seclog"
	"github.com/sensocto/sensocto/web"
)

// newLogged is people with a security log, which lines reads.
func newLogged(t *testing.T) (p *people, lines func() string) {
	var out bytes.Buffer
	log := seclog.New(slog.New(slog.NewTextHandler(&out, nil)))
	p = newPeopleWith(t, func(o *web.Options) { o.Security = log }, func(o *account.Options) { o.Security = log })
	return p, func() string {
		defer out.Reset()
		return out.String()
	}
}

func wantLine(t *testing.T, lines string, parts ...string) {
	t.Helper()
	if strings.Count(lines, "\n") != 1 {
		t.Errorf("not one line:\n%s", lines)
	}
	for _, part := range parts {
		if !strings.Contains(lines, part) {
			t.Errorf("no %s in %s", part, lines)
		}
	}
}

func TestSecurityLog_HasWhatIsRefused(t *testing.T) {
	p, lines := newLogged(t)
	ada, eve := p.signUp("ada"), p.signUp("eve")
	p.owners["strap"] = ada.id
	p.connect(t, "strap")
	if got := lines(); got != "" {
		t.Errorf("what was allowed is in the log: %s", got)
	}

	signIn := func(email, password string) {
		p.do(call{method: "POST", path: "/api/v1/session", body: `{"email":"` + email + `","password":"` + password + `"}`})
	}
	signIn("ada@example.org", "a wrong password")
	wantLine(t, lines(), "event=sign_in_refused", "reason=wrong_credentials", "user="+ada.id, "address=192.0.2.1 ", "action=password")
	signIn("my-secret@example.org", "a wrong password")
	if got := lines(); strings.Contains(got, "secret") || strings.Contains(got, "wrong password") || strings.Contains(got, "user=") || !strings.Contains(got, "event=sign_in_refused") {
		t.Errorf("an unknown address: %s", got)
	}
	ada.asks(401, "PATCH", "/users/me", `{"password":"five loud geese fly","current_password":"wrong"}`)
	wantLine(t, lines(), "event=sign_in_refused", "user="+ada.id, `action="current password"`)

	eve.asks(403, "GET", "/users", "")
	wantLine(t, lines(), "event=right_refused", "reason=no_right", "user="+eve.id, "credential=", "address=192.0.2.1 ", `action="GET /api/v1/users"`)
	p.do(call{path: "/api/v1/sensors", token: "sno_aaaaaaaa_guessed"})
	if got := lines(); !strings.Contains(got, "reason=invalid_credential") || strings.Contains(got, "guessed") {
		t.Errorf("a guessed token: %s", got)
	}
	p.do(call{path: "/api/v1/users/me"}) // as every page begins
	if got := lines(); got != "" {
		t.Errorf("a request without a credential: %s", got)
	}

	ada.asks(403, "PATCH", "/users/me", `{"name":"x"}`, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	wantLine(t, lines(), "level=WARN", "event=cross_site_refused", `target=https://evil.example`, `action="PATCH /api/v1/users/me"`)

	ada.asks(422, "PATCH", "/users/me", `{"name":""}`)
	wantLine(t, lines(), "event=malformed_input", "user="+ada.id, `action="PATCH /api/v1/users/me"`)

	for range 12 {
		p.do(call{method: "POST", path: "/api/v1/session", peer: "198.51.100.1:1", body: `{"email":"ada@example.org","password":"wrong"}`})
	}
	if got := lines(); !strings.Contains(got, "level=WARN msg=refused event=limit_reached reason=rate_limited address=198.51.100.1 action=\"POST /api/v1/session\"") {
		t.Errorf("a limit: %s", got)
	}
}

// That a sensor is hidden shows in the log, not in the answer.
func TestSecurityLog_HasHiddenSensors(t *testing.T) {
	p, lines := newLogged(t)
	ada, eve := p.signUp("ada"), p.signUp("eve")
	p.connect(t, "strap")
	if err := p.sensors.SetOwner(t.Context(), "strap", ada.id, true); err != nil {
		t.Fatal(err)
	}
	lines()
	eve.asks(404, "GET", "/sensors/strap", "")
	wantLine(t, lines(), "event=right_refused", "user="+eve.id, `action="GET /api/v1/sensors/{id}"`, "target=strap")
	eve.asks(404, "GET", "/sensors/nobody", "")
	if got := lines(); got != "" {
		t.Errorf("a sensor that is not there: %s", got)
	}
	if answer := p.do(call{path: "/api/v1/sensors/strap", token: "x", method: "DELETE"}); answer.Code != 401 {
		t.Errorf("%d", answer.Code)
	}
}
