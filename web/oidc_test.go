package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/account/accounttest"
)

// federation is people on a server with an OpenID Connect issuer.
type federation struct {
	*people
	issuer *accounttest.Issuer
}

func newFederation(t *testing.T) *federation {
	t.Helper()
	f := &federation{issuer: accounttest.NewIssuer(t, site+account.CallbackPath)}
	f.issuer.SignInAs(accounttest.Person{Subject: "1", Name: "Grace", Email: "grace@example.org", EmailVerified: true})
	f.people = newPeople(t, func(o *account.Options) {
		o.OIDC = account.OIDC{Issuer: f.issuer.URL, ClientID: accounttest.ClientID, Name: "Example", Secret: func() (string, error) { return accounttest.ClientSecret, nil }}
	})
	if err := f.accounts.ServeAt(site); err != nil {
		t.Fatal(err)
	}
	return f
}

// browser has the cookies of the server.
type browser struct {
	*federation
	cookies map[string]string
}

func (f *federation) browser() *browser { return &browser{f, map[string]string{}} }

// goes to an address of the server, as a page of the server would send it.
func (b *browser) goes(path string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	c := call{path: path, host: "localhost:4000", header: map[string]string{"Sec-Fetch-Site": "same-origin"}}
	var cookies []string
	for name, value := range b.cookies {
		cookies = append(cookies, name+"="+value)
	}
	c.header["Cookie"] = strings.Join(cookies, "; ")
	for i := 0; i+1 < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	answer := b.do(c)
	for _, c := range answer.Result().Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			b.t.Errorf("cookie %+v", c)
		}
	}
	return answer
}

// led wants to be led to an address that begins so, and returns it.
func (b *browser) led(answer *httptest.ResponseRecorder, prefix string) string {
	b.t.Helper()
	location := answer.Header().Get("Location")
	if answer.Code != http.StatusFound || !strings.HasPrefix(location, prefix) || answer.Header().Get("Cache-Control") != "no-store" {
		b.t.Fatalf("%d %v %s, want %s", answer.Code, answer.Header(), answer.Body, prefix)
	}
	return location
}

// begin returns where the issuer sends the browser back to.
func (b *browser) begin(header ...string) string {
	b.t.Helper()
	location := b.led(b.goes("/api/v1/session/oidc", header...), b.issuer.URL+"/authorize?")
	return b.issuer.Visit(b.t, location).RequestURI()
}

func (b *browser) signIn(wanted string) {
	b.t.Helper()
	if location := b.led(b.goes(b.begin(), "Sec-Fetch-Site", "cross-site"), "/link"); location != wanted {
		b.t.Errorf("led to %s, want %s", location, wanted)
	}
	if b.cookies["sensocto_oidc"] != "" {
		b.t.Error("the cookie of the flow is still there")
	}
}

func TestOIDC_SignUpAndSignInAgain(t *testing.T) {
	f := newFederation(t)
	if body := f.do(call{path: "/api/v1/registration"}).Body.String(); !strings.Contains(body, `"oidc":"Example"`) {
		t.Error(body)
	}
	b := f.browser()
	b.signIn("/link")
	me := decode[sensocto.UserView](t, b.goes("/api/v1/session").Body)
	if me.Name != "Grace" || me.Email != "grace@example.org" {
		t.Errorf("%+v", me)
	}
	other := f.browser()
	other.signIn("/link")
	if again := decode[sensocto.UserView](t, other.goes("/api/v1/session").Body); again.ID != me.ID {
		t.Errorf("%+v", again)
	}
	whoever := &person{people: f.people, id: me.ID, name: me.Name, cookie: b.cookies["sensocto_token"]}
	f.age(whoever, 16*time.Minute) // finds the browser open
	f.wantReason(whoever.asks(403, "PATCH", "/users/me", `{"password":"`+secretWords+`"}`), "confirmation_needed")
	u, err := f.accounts.User(t.Context(), me.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.accounts.SetDisabled(t.Context(), u, true); err != nil {
		t.Fatal(err)
	}
	f.browser().signIn("/link#error=account_disabled")
}

func TestOIDC_TheFlowIsTheBrowsers(t *testing.T) {
	f := newFederation(t)
	b := f.browser()
	back := b.begin()
	thief := f.browser()
	thief.led(thief.goes(back), "/link#error=sign_in_expired")
	thief.cookies["sensocto_oidc"] = "guessed"
	thief.led(thief.goes(back), "/link#error=sign_in_expired")
	binding := b.cookies["sensocto_oidc"]
	b.led(b.goes(strings.Replace(back, "state=", "state=x", 1)), "/link#error=sign_in_expired")
	b.cookies["sensocto_oidc"] = binding
	b.led(b.goes(back), "/link")
	b.cookies["sensocto_oidc"] = binding
	b.led(b.goes(back), "/link#error=sign_in_expired") // a replay
	b.led(b.goes("/api/v1/session/oidc/callback"), "/link#error=sign_in_expired")
	log := f.log.String()
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{u.Query().Get("code"), u.Query().Get("state"), binding} {
		if secret == "" || strings.Contains(log, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func TestOIDC_SaysWhatIsWrong(t *testing.T) {
	f := newFederation(t)
	b := f.browser()
	back, err := url.Parse(b.begin())
	if err != nil {
		t.Fatal(err)
	}
	b.led(b.goes(back.Path+"?error=access_denied&state="+back.Query().Get("state")), "/link#error=sign_in_cancelled")
	f.signUp("grace")
	f.browser().signIn("/link#error=email_taken")
	back, err = url.Parse(b.begin())
	if err != nil {
		t.Fatal(err)
	}
	f.issuer.Away.Store(true) // after its description was read
	b.led(b.goes(back.RequestURI()), "/link#error=issuer_away")
}

func TestOIDC_LinksWhereOneIsSignedIn(t *testing.T) {
	f := newFederation(t)
	ada := f.signUp("ada")
	b := f.browser()
	b.cookies["sensocto_token"] = ada.cookie
	for _, site := range []string{"cross-site", "same-site", "none", ""} {
		b.led(b.goes("/api/v1/session/oidc", "Sec-Fetch-Site", site), "/link#error=begin_on_the_page")
	}
	b.signIn("/link#linked=1")
	if b.cookies["sensocto_token"] != ada.cookie {
		t.Error("another session")
	}
	other := f.browser()
	other.signIn("/link")
	if me := decode[sensocto.UserView](t, other.goes("/api/v1/session").Body); me.ID != ada.id {
		t.Errorf("%+v", me)
	}
	if list := ada.asks(200, "GET", "/identities", "").Body.String(); !strings.Contains(list, `"issuers":["`+f.issuer.URL+`"]`) {
		t.Error(list)
	}
	ada.asks(404, "DELETE", "/identities?issuer=https://other.example", "")
	ada.asks(204, "DELETE", "/identities?issuer="+url.QueryEscape(f.issuer.URL), "")
	if list := ada.asks(200, "GET", "/identities", "").Body.String(); !strings.Contains(list, `"issuers":[]`) {
		t.Error(list)
	}
	f.age(ada, 16*time.Minute)
	b.led(b.goes("/api/v1/session/oidc"), "/link#error=confirmation_needed")
}

// A guest's account ends within a day: whoever signs in gets one that stays.
func TestOIDC_AGuestSignsInAndLinksNothing(t *testing.T) {
	f := newFederation(t)
	b := f.browser()
	guest := f.do(call{method: "POST", path: "/api/v1/session/guest", body: `{"name":"Gus"}`})
	b.cookies["sensocto_token"] = cookieOf(t, guest)
	b.signIn("/link")
	if me := decode[sensocto.UserView](t, b.goes("/api/v1/session").Body); me.Name != "Grace" || me.IsGuest {
		t.Errorf("%+v", me)
	}
	former := &person{people: f.people, name: "Gus", cookie: cookieOf(t, guest)}
	former.asks(401, "GET", "/session", "")
}

// Another site may not sign its visitors in: where the issuer does not ask, they
// would not notice.
func TestOIDC_OtherSitesBeginNothing(t *testing.T) {
	f := newFederation(t)
	b := f.browser()
	for _, site := range []string{"cross-site", "same-site", ""} {
		for _, path := range []string{"", "?here=true", "?fresh=true"} {
			answer := b.goes("/api/v1/session/oidc"+path, "Sec-Fetch-Site", site)
			b.led(answer, "/link#error=begin_on_the_page")
			if len(answer.Result().Cookies()) > 0 {
				t.Errorf("%s %s: a sign-in has begun", site, path)
			}
		}
	}
	b.begin("Sec-Fetch-Site", "none") // an address that was typed
}

// Whoever has no password, and came in long ago, signs in anew.
func TestOIDC_SigningInAnewConfirms(t *testing.T) {
	f := newFederation(t)
	b := f.browser()
	f.issuer.SignedIn = func() time.Time { return time.Now().Add(-time.Hour) }
	b.signIn("/link")
	grace := &person{people: f.people, name: "grace", cookie: b.cookies["sensocto_token"]}
	f.wantReason(grace.asks(403, "POST", "/passkeys/registration", `{}`), "confirmation_needed")
	f.issuer.SignedIn = nil
	location := b.led(b.goes("/api/v1/session/oidc?fresh=true"), b.issuer.URL+"/authorize?")
	b.led(b.goes(b.issuer.Visit(t, location).RequestURI(), "Sec-Fetch-Site", "cross-site"), "/link")
	grace.cookie = b.cookies["sensocto_token"]
	grace.asks(200, "POST", "/passkeys/registration", `{}`)
}

func TestOIDC_CookiesAreForTLSWhereThereIsTLS(t *testing.T) {
	f := newFederation(t)
	r := httptest.NewRequest("GET", "https://localhost:4000/api/v1/session/oidc", nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer := httptest.NewRecorder()
	f.ServeHTTP(answer, r)
	cookies := answer.Result().Cookies()
	if len(cookies) != 1 || !cookies[0].Secure || cookies[0].Name != "__Host-sensocto_oidc" || cookies[0].Path != "/" || cookies[0].MaxAge != 300 {
		t.Errorf("%+v", cookies)
	}
}

func TestOIDC_BeginsUnderTheServersName(t *testing.T) {
	f := newFederation(t)
	location := f.do(call{path: "/api/v1/session/oidc", host: "127.0.0.1:4000"}).Header().Get("Location")
	if location != site+"/link" {
		t.Error(location)
	}
	// A proxy may call the server by another name always.
	location = f.do(call{path: "/api/v1/session/oidc?here=true", host: "backend:4000", header: map[string]string{"Sec-Fetch-Site": "same-origin"}}).Header().Get("Location")
	if !strings.HasPrefix(location, f.issuer.URL) {
		t.Error(location)
	}
}

func TestOIDC_OffWithoutAnIssuer(t *testing.T) {
	p := withPasskeys(t)
	if location := p.do(call{path: "/api/v1/session/oidc"}).Header().Get("Location"); location != "/link#error=oidc_off" {
		t.Error(location)
	}
}
