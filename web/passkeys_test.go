package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account/accounttest"
)

const site = "http://localhost:4000"

// withPasskeys is people on a server that has a name.
func withPasskeys(t *testing.T) *people {
	t.Helper()
	p := newPeople(t)
	if err := p.accounts.ServeAt(site); err != nil {
		t.Fatal(err)
	}
	return p
}

type publicKey struct {
	PublicKey json.RawMessage `json:"publicKey"`
}

func TestPasskeys_OverHTTP(t *testing.T) {
	p := withPasskeys(t)
	ada, eve := p.signUp("ada"), p.signUp("eve")
	if body := p.do(call{path: "/api/v1/registration"}).Body.String(); !strings.Contains(body, `"passkeys":true`) || !strings.Contains(body, `"origin":"`+site+`"`) || strings.Contains(body, "oidc") {
		t.Error(body)
	}
	key := &accounttest.Authenticator{Origin: site, RPID: "localhost", Counter: 1}
	options := decode[publicKey](t, ada.asks(200, "POST", "/passkeys/registration", `{}`).Body)
	if text := string(options.PublicKey); strings.Contains(text, eve.id) || !strings.Contains(text, `"residentKey":"required"`) || !strings.Contains(text, `"userVerification":"required"`) {
		t.Error(text)
	}
	credential := string(key.Create(t, options.PublicKey))
	p.wantReason(ada.asks(422, "POST", "/passkeys", `{"name":"","credential":`+credential+`}`), "invalid_name")
	made := decode[struct{ ID, Name string }](t, ada.asks(201, "POST", "/passkeys", `{"name":"laptop","credential":`+credential+`}`).Body)
	if list := ada.asks(200, "GET", "/passkeys", "").Body.String(); !strings.Contains(list, made.ID) || strings.Contains(list, "used_at") || strings.Contains(list, "publicKey") {
		t.Error(list)
	}
	if list := eve.asks(200, "GET", "/passkeys", "").Body.String(); !strings.Contains(list, `"passkeys":[]`) {
		t.Error(list)
	}
	signIn := func() string {
		options := decode[publicKey](t, p.do(call{method: "POST", path: "/api/v1/session/passkey/options"}).Body)
		return `{"credential":` + string(key.Sign(t, options.PublicKey)) + `}`
	}
	body := signIn()
	answer := p.do(call{method: "POST", path: "/api/v1/session/passkey", body: body})
	if answer.Code != http.StatusOK || decode[sensocto.UserView](t, answer.Body).ID != ada.id {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	again := &person{people: p, name: "ada", cookie: cookieOf(t, answer)}
	again.asks(200, "GET", "/session", "")
	p.wantReason(p.do(call{method: "POST", path: "/api/v1/session/passkey", body: body}), "challenge_expired")
	eve.asks(404, "DELETE", "/passkeys/"+made.ID, "")
	eve.asks(404, "DELETE", "/passkeys/no+id", "")
	again.asks(204, "DELETE", "/passkeys/"+made.ID, "")
	gone := p.do(call{method: "POST", path: "/api/v1/session/passkey", body: signIn()})
	if gone.Code != http.StatusUnauthorized {
		t.Errorf("%d", gone.Code)
	}
	p.wantReason(gone, "passkey_refused")
}

func TestPasskeys_TakeARecentSessionOrThePassword(t *testing.T) {
	p := withPasskeys(t)
	ada := p.signUp("ada")
	u, err := p.accounts.User(t.Context(), ada.id)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := p.accounts.CreateUserToken(t.Context(), u, sensocto.Token{Name: "x", Scopes: []sensocto.Scope{sensocto.ScopeView}})
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range []call{{method: "POST", path: "/api/v1/passkeys/registration", body: `{}`}, {path: "/api/v1/passkeys"}, {method: "POST", path: "/api/v1/passkeys", body: `{"name":"x","credential":{}}`}} {
		route.token = token
		checkProblem(t, p.do(route), http.StatusForbidden)
		route.token = ""
		checkProblem(t, p.do(route), http.StatusUnauthorized)
	}
	p.age(ada, 16*time.Minute)
	p.wantReason(ada.asks(403, "POST", "/passkeys/registration", `{}`), "confirmation_needed")
	p.wantReason(ada.asks(401, "POST", "/passkeys/registration", `{"password":"wrong"}`), "wrong_credentials")
	ada.asks(200, "POST", "/passkeys/registration", `{"password":"`+secretWords+`"}`)
}

// Whoever finds a browser open must not lock its owner out, or take the account.
func TestConfirmation_IsNeededForWhatSignsOneIn(t *testing.T) {
	p := withPasskeys(t)
	ada := p.signUp("ada")
	key := &accounttest.Authenticator{Origin: site, RPID: "localhost", Counter: 1}
	options := decode[publicKey](t, ada.asks(200, "POST", "/passkeys/registration", `{}`).Body)
	made := decode[struct{ ID string }](t, ada.asks(201, "POST", "/passkeys", `{"name":"laptop","credential":`+string(key.Create(t, options.PublicKey))+`}`).Body)
	u, err := p.accounts.User(t.Context(), ada.id)
	if err != nil {
		t.Fatal(err)
	}
	issuer := "https://id.example.org"
	if err := p.store.InsertIdentity(t.Context(), sensocto.ExternalIdentity{Issuer: issuer, Subject: "1", UserID: u.ID}); err != nil {
		t.Fatal(err)
	}
	p.age(ada, 16*time.Minute)
	changes := []struct{ method, path, body string }{
		{"DELETE", "/passkeys/" + made.ID, ""},
		{"DELETE", "/identities?issuer=" + issuer, ""},
		{"PATCH", "/users/me", `{"email":"other@example.org"}`},
	}
	for _, c := range changes {
		p.wantReason(ada.asks(403, c.method, c.path, c.body), "confirmation_needed")
	}
	p.wantReason(ada.asks(401, "POST", "/session/confirm", `{"password":"wrong"}`), "wrong_credentials")
	p.wantReason(ada.asks(403, "DELETE", "/passkeys/"+made.ID, ""), "confirmation_needed")
	ada.asks(204, "POST", "/session/confirm", `{"password":"`+secretWords+`"}`)
	ada.asks(204, "DELETE", "/passkeys/"+made.ID, "")
	ada.asks(204, "DELETE", "/identities?issuer="+issuer, "")
}

func TestSessions_EndEverywhereElse(t *testing.T) {
	p := newPeople(t)
	ada, other, eve := p.signUp("ada"), &person{people: p, name: "ada"}, p.signUp("eve")
	other.signsIn()
	ada.asks(204, "DELETE", "/sessions", "")
	other.asks(401, "GET", "/session", "")
	ada.asks(200, "GET", "/session", "")
	eve.asks(200, "GET", "/session", "")
}

func TestPasskeys_OffWithoutAName(t *testing.T) {
	p := newPeople(t)
	if body := p.do(call{path: "/api/v1/registration"}).Body.String(); !strings.Contains(body, `"passkeys":false`) {
		t.Error(body)
	}
	p.wantReason(p.do(call{method: "POST", path: "/api/v1/session/passkey/options"}), "passkeys_off")
}
