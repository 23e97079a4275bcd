package web_test

import (
	"log/slog"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/account/accounttest"
	"github.com/sensocto/sensocto/web"
)

// serveLocally serves people on a listener.
func serveLocally(t *testing.T, l net.Listener, p *people) {
	t.Helper()
	server := &httptest.Server{Listener: l, Config: web.Server(p, slog.New(slog.DiscardHandler))}
	server.Start()
	t.Cleanup(server.Close)
}

func listenLocally(t *testing.T) (l net.Listener, origin string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return l, "http://localhost:" + port
}

// Browsers make passkeys for names alone, so the pages are at localhost.
func TestAccountPage_Passkeys(t *testing.T) {
	c := newChromium(t)
	l, origin := listenLocally(t)
	p := newPeople(t)
	if err := p.accounts.ServeAt(origin); err != nil {
		t.Fatal(err)
	}
	serveLocally(t, l, p)
	c.call("WebAuthn.enable", nil, nil)
	c.call("WebAuthn.addVirtualAuthenticator", map[string]any{"options": map[string]any{
		"protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true,
	}}, nil)

	c.open(origin + "/account")
	c.fill("name", "Ada")
	c.fill("email", "ada@example.org")
	c.fill("password", secretWords)
	c.click("go")
	c.wait(shown("account"))
	c.fill("passkey-name", "my laptop")
	c.run("document.querySelector('#add button').click()")
	c.wait(says("passkeys", "my laptop"))

	c.run("document.querySelector('#add button').click()") // one authenticator needs one passkey
	c.fill("passkey-name", "again")
	c.run("document.querySelector('#add button').click()")
	c.wait(says("passkey-status", "has a passkey for this account already"))

	c.click("out")
	c.click("passkey")
	c.wait(shown("account") + " && " + says("who", "Ada"))
	c.wait(says("passkeys", "my laptop") + " && !" + says("passkeys", "–")) // it was used

	me := p.user("ada@example.org")
	p.age(&person{people: p, id: me.ID}, 16*time.Minute)
	c.run("document.querySelector('#passkeys button').click()")
	c.click("again-cancel")
	c.wait("!" + shown("again") + " && " + says("passkeys", "my laptop"))
	c.run("document.querySelector('#passkeys button').click()")
	c.wait(shown("again-password"))
	c.fill("again-password", "wrong")
	c.run("document.querySelector('#again button').click()")
	c.wait(says("again-problem", "is wrong"))
	c.fill("again-password", secretWords)
	c.run("document.querySelector('#again button').click()")
	c.wait("!" + shown("again") + " && " + says("passkeys", "None yet"))
	c.click("out")
	c.click("passkey")
	c.wait(says("problem", "this passkey is not known here"))
	if len(c.refused) > 0 {
		t.Error(c.refused)
	}
}

// user returns who has an address.
func (p *people) user(email string) sensocto.User {
	p.t.Helper()
	u, err := p.accounts.FindUser(p.t.Context(), email)
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

func TestAccountPage_PasskeysElsewhere(t *testing.T) {
	c := newChromium(t)
	l, origin := listenLocally(t)
	p := newPeople(t)
	if err := p.accounts.ServeAt(origin); err != nil {
		t.Fatal(err)
	}
	serveLocally(t, l, p)
	c.open("http://" + l.Addr().String() + "/account")
	c.wait(shown("passkey-elsewhere"))
	if c.run(shown("passkey")) == "true" {
		t.Error("a passkey is offered at an address that has none")
	}
	if to := c.run("document.getElementById('passkey-elsewhere').href"); to != origin+"/account" {
		t.Error(to)
	}
	c.open("http://" + l.Addr().String() + "/account#error=email_taken")
	c.wait(says("title", "Sign in") + " && " + shown("form"))
}

// What other tabs show goes when somebody signs out.
func TestAccountPage_SigningOutClearsEveryTab(t *testing.T) {
	c := newChromium(t)
	l, origin := listenLocally(t)
	p := newPeople(t)
	serveLocally(t, l, p)
	c.open(origin + "/account")
	c.fill("name", "Ada")
	c.fill("email", "ada@example.org")
	c.fill("password", secretWords)
	c.click("go")
	c.wait(shown("account") + " && " + says("details", "ada@example.org"))
	first := c.session
	c.tab(origin + "/account")
	c.wait(shown("account") + " && " + says("details", "ada@example.org"))
	c.run("sessionStorage.setItem('sensocto_token', 'sno_entered')")
	second := c.session
	c.session = first
	c.click("out")
	c.wait(shown("form"))
	for _, tab := range []string{first, second} {
		c.session = tab
		c.wait(shown("form") + " && !document.documentElement.textContent.includes('ada@') && document.getElementById('sessions').children.length === 0")
	}
	c.wait("sessionStorage.length === 0")
}

// Whoever was sent a code sees which program they would let in, and as what.
func TestAccountPage_ShowsAProgramBeforeItIsLetIn(t *testing.T) {
	c := newChromium(t)
	l, origin := listenLocally(t)
	p := newPeople(t)
	serveLocally(t, l, p)
	begun := decode[struct{ Code, Secret string }](t, p.do(call{method: "POST", path: "/api/v1/device", body: `{"name":"laptop"}`, peer: "192.0.2.7:1"}).Body)
	finish := call{method: "POST", path: "/api/v1/device/token", body: `{"secret":"` + begun.Secret + `"}`}
	c.open(origin + "/account")
	c.fill("name", "Ada")
	c.fill("email", "ada@example.org")
	c.fill("password", secretWords)
	c.click("go")
	c.fill("code", begun.Code)
	c.run("document.querySelector('#confirm button').click()")
	c.wait(shown("program") + " && " + says("program-name", "laptop") + " && " + says("program-asks", "192.0.2.7") + " && " + says("program-scopes", "bring measurements"))
	c.click("program-no")
	c.wait("!" + shown("program") + " && " + says("confirmed", "not let in"))
	if answer := p.do(finish); answer.Code != 409 {
		t.Errorf("when it was only looked at: %d %s", answer.Code, answer.Body)
	}
	c.fill("code", begun.Code)
	c.run("document.querySelector('#confirm button').click()")
	c.click("program-yes")
	c.wait(says("confirmed", "laptop signs in as you"))
	if answer := p.do(finish); answer.Code != 201 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

func TestAccountPage_OIDC(t *testing.T) {
	c := newChromium(t)
	l, origin := listenLocally(t)
	issuer := accounttest.NewIssuer(t, origin+account.CallbackPath)
	issuer.SignInAs(accounttest.Person{Subject: "1", Name: "Grace", Email: "grace@example.org", EmailVerified: true})
	p := newPeople(t, func(o *account.Options) {
		o.OIDC = account.OIDC{Issuer: issuer.URL, ClientID: accounttest.ClientID, Name: "Example", Secret: func() (string, error) { return accounttest.ClientSecret, nil }}
	})
	if err := p.accounts.ServeAt(origin); err != nil {
		t.Fatal(err)
	}
	serveLocally(t, l, p)
	grace, err := p.accounts.CreateUser(t.Context(), sensocto.SignUp{Email: "grace@example.org", Name: "Grace", Password: secretWords})
	if err != nil {
		t.Fatal(err)
	}

	c.open("http://" + l.Addr().String() + "/account") // under another name than the issuer sends back to
	c.wait(says("oidc", "Sign in with Example at "+origin))
	c.click("oidc")
	c.wait("location.origin === '" + origin + "' && " + says("oidc", "Sign in with Example"))
	c.click("oidc")
	c.wait(says("problem", "There is an account with your e-mail address already"))

	c.fill("email", grace.Email)
	c.fill("password", secretWords)
	c.click("go")
	c.click("link-oidc")
	c.wait(says("status", "Linked") + " && " + says("who", "Grace") + " && " + says("issuers", issuer.URL) + " && !" + shown("link-oidc"))
	c.click("out")
	c.click("oidc")
	c.wait(shown("account") + " && " + says("who", "Grace"))
	if len(c.refused) > 0 {
		t.Error(c.refused)
	}
}
