package account_test

import (
	"bytes"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/account/accounttest"
)

// federation is accounts with an issuer.
type federation struct {
	*account.Accounts
	t      testing.TB
	db     *store
	log    *bytes.Buffer
	issuer *accounttest.Issuer
}

var grace = accounttest.Person{Subject: "grace", Name: "Grace", Email: "Grace@Example.org", EmailVerified: true}

func newFederation(t testing.TB, r account.Registration) *federation {
	t.Helper()
	f := &federation{t: t, db: newStore(t), log: &bytes.Buffer{}, issuer: accounttest.NewIssuer(t, site+account.CallbackPath)}
	f.Accounts = f.accounts(r, f.issuer.URL)
	f.issuer.SignInAs(grace)
	return f
}

func (f *federation) accounts(r account.Registration, issuer string) *account.Accounts {
	f.t.Helper()
	a := account.New(account.Options{Store: f.db, Registration: r, Log: slog.New(slog.NewTextHandler(f.log, nil)), OIDC: account.OIDC{
		Issuer: issuer, ClientID: accounttest.ClientID, Name: "Example", Secret: func() (string, error) { return accounttest.ClientSecret, nil },
	}})
	if err := a.ServeAt(site); err != nil {
		f.t.Fatal(err)
	}
	return a
}

// begin returns where the browser is sent, and what it has to bring back.
func (f *federation) begin(linkTo string) (location, browser string) {
	f.t.Helper()
	location, browser, err := f.BeginOIDC(f.t.Context(), linkTo, home)
	if err != nil {
		f.t.Fatal(err)
	}
	return location, browser
}

func answerOf(u *url.URL) sensocto.IssuerAnswer {
	q := u.Query()
	return sensocto.IssuerAnswer{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss")}
}

func (f *federation) finish(browser string, answer sensocto.IssuerAnswer) (sensocto.Session, error) {
	return f.FinishOIDC(f.t.Context(), browser, answer, "", home)
}

// signIn goes the whole way.
func (f *federation) signIn() (sensocto.Session, error) {
	f.t.Helper()
	location, browser := f.begin("")
	return f.finish(browser, answerOf(f.issuer.Visit(f.t, location)))
}

func TestOIDC_SignUpThenSignIn(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	first, err := f.signIn()
	if err != nil {
		t.Fatal(err)
	}
	if u := first.User; u.Email != "grace@example.org" || u.Name != "Grace" || u.IsAdmin || u.PasswordHash != "" {
		t.Errorf("%+v", u)
	}
	if id, err := f.Authenticate(t.Context(), first.Secret); err != nil || id.UserID != first.User.ID {
		t.Errorf("%+v %v", id, err)
	}
	grace := grace
	grace.Email, grace.Name = "other@example.org", "Other" // the subject alone counts
	f.issuer.SignInAs(grace)
	again, err := f.signIn()
	if err != nil || again.User.ID != first.User.ID || again.User.Email != first.User.Email {
		t.Errorf("%+v %v", again.User, err)
	}
	if w := f.Ways(); w.Issuer != "Example" || w.Origin != site {
		t.Errorf("%+v", w)
	}
}

func TestOIDC_WhatDoesNotBelongToTheBrowserIsRefused(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	location, browser := f.begin("")
	if q := query(t, location); q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" || strings.Contains(location, browser) {
		t.Error(location)
	}
	answer := answerOf(f.issuer.Visit(t, location))
	wrong := answer
	wrong.State = "guessed"
	_, err := f.finish(browser, wrong)
	refused(t, err, "sign_in_expired")
	for _, other := range []string{"", "guessed"} {
		_, err = f.finish(other, answer)
		refused(t, err, "sign_in_expired")
	}
	if _, err := f.finish(browser, answer); err != nil {
		t.Fatal(err)
	}
	_, err = f.finish(browser, answer) // a replay
	refused(t, err, "sign_in_expired")
}

func query(t *testing.T, location string) url.Values {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// A code that belongs to another sign-in is useless: it needs the verifier of
// PKCE, and where an issuer does not ask for that, the nonce differs.
func TestOIDC_AForeignCodeIsRefused(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	attackers, _ := f.begin("")
	stolen := answerOf(f.issuer.Visit(t, attackers)).Code
	victims, browser := f.begin("")
	_, err := f.finish(browser, sensocto.IssuerAnswer{State: query(t, victims).Get("state"), Code: stolen})
	refused(t, err, "issuer_refused")

	location, browser := f.begin("")
	u, _ := url.Parse(location)
	q := u.Query()
	q.Set("nonce", "another")
	u.RawQuery = q.Encode()
	_, err = f.finish(browser, answerOf(f.issuer.Visit(t, u.String())))
	refused(t, err, "issuer_refused")
	if !strings.Contains(f.log.String(), "its nonce differs") {
		t.Error(f.log)
	}
	if users, err := f.Users(t.Context(), "", 10); err != nil || len(users) != 0 {
		t.Errorf("%+v %v", users, err)
	}
	for _, secret := range []string{stolen, accounttest.ClientSecret, url.QueryEscape(accounttest.ClientSecret), browser} {
		if strings.Contains(f.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

func TestOIDC_AnotherIssuerIsRefused(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	location, browser := f.begin("")
	answer := answerOf(f.issuer.Visit(t, location))
	answer.Issuer = "https://evil.example"
	_, err := f.finish(browser, answer)
	refused(t, err, "wrong_issuer")

	// Its description is that of another one.
	f.issuer.Describe = func(document map[string]any) { document["issuer"] = "https://other.example" }
	_, _, err = f.accounts(account.RegistrationOpen, f.issuer.URL).BeginOIDC(t.Context(), "", home)
	refused(t, err, "issuer_away")
	// One that promises to name itself and does not.
	f.issuer.Describe = func(document map[string]any) { document["authorization_response_iss_parameter_supported"] = true }
	f.Accounts = f.accounts(account.RegistrationOpen, f.issuer.URL)
	_, err = f.signIn()
	refused(t, err, "wrong_issuer")
	// Its keys and tokens are those of another one.
	other := accounttest.NewIssuer(t, site+account.CallbackPath)
	f.issuer.Describe = func(document map[string]any) { document["jwks_uri"] = other.URL + "/keys" }
	f.Accounts = f.accounts(account.RegistrationOpen, f.issuer.URL)
	_, err = f.signIn()
	refused(t, err, "issuer_refused")
}

func TestOIDC_ErrorsOfTheIssuer(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	for code, reason := range map[string]string{"access_denied": "sign_in_cancelled", "server_error": "issuer_refused", "": "issuer_refused"} {
		location, browser := f.begin("")
		_, err := f.finish(browser, sensocto.IssuerAnswer{State: query(t, location).Get("state"), Error: code})
		refused(t, err, reason)
	}
}

func TestOIDC_ADisabledUserStaysOut(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	s, err := f.signIn()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.SetDisabled(t.Context(), s.User, true); err != nil {
		t.Fatal(err)
	}
	_, err = f.signIn()
	refused(t, err, "account_disabled")
}

func TestOIDC_FollowsTheRegistration(t *testing.T) {
	closed := newFederation(t, account.RegistrationClosed)
	_, err := closed.signIn()
	refused(t, err, "registration_closed")

	f := newFederation(t, account.RegistrationInvited)
	_, err = f.signIn()
	refused(t, err, "invitation_needed")
	invite := func(email string) {
		t.Helper()
		if _, err := f.NewLink(t.Context(), sensocto.LinkInvite, "", email, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	invite("somebody@example.org")
	_, err = f.signIn()
	refused(t, err, "invitation_needed")
	invite("grace@example.org")
	claims := grace
	claims.Subject, claims.EmailVerified = "mallory", false
	f.issuer.SignInAs(claims)
	_, err = f.signIn()
	refused(t, err, "invitation_needed")
	f.issuer.SignInAs(grace)
	if s, err := f.signIn(); err != nil || s.User.Email != "grace@example.org" {
		t.Fatalf("%+v %v", s, err)
	}
	claims.EmailVerified = true // the invitation is used, and the address taken
	f.issuer.SignInAs(claims)
	_, err = f.signIn()
	refused(t, err, "email_taken")
}

func TestOIDC_NobodyIsTakenOverByAnAddress(t *testing.T) {
	for _, registration := range []account.Registration{account.RegistrationOpen, account.RegistrationClosed} {
		f := newFederation(t, registration)
		u := signUp(t, f.Accounts, "grace")
		_, err := f.signIn()
		refused(t, err, "email_taken")
		if all, err := f.db.Identities(t.Context(), u.ID); err != nil || len(all) != 0 {
			t.Errorf("%+v %v", all, err)
		}
	}
	f := newFederation(t, account.RegistrationOpen)
	claims := grace
	claims.EmailVerified = false
	f.issuer.SignInAs(claims)
	s, err := f.signIn()
	if err != nil || s.User.Email != "" { // it may be somebody else's
		t.Errorf("%+v %v", s.User, err)
	}
}

func TestOIDC_LinksToWhoeverBegan(t *testing.T) {
	f := newFederation(t, account.RegistrationClosed)
	ada, eve := signUp(t, f.Accounts, "ada"), signUp(t, f.Accounts, "eve")
	link := func(began, ends string) (sensocto.Session, error) {
		location, browser := f.begin(began)
		return f.FinishOIDC(t.Context(), browser, answerOf(f.issuer.Visit(t, location)), ends, home)
	}
	for _, ends := range []string{"", eve.ID} {
		_, err := link(ada.ID, ends)
		refused(t, err, "signed_out")
	}
	for range 2 {
		if s, err := link(ada.ID, ada.ID); err != nil || s.Secret != "" {
			t.Fatal(s, err)
		}
	}
	_, err := link(eve.ID, eve.ID)
	refused(t, err, "identity_taken")
	if s, err := f.signIn(); err != nil || s.User.ID != ada.ID {
		t.Errorf("%+v %v", s.User, err)
	}
	bare := ada
	bare.PasswordHash = ""
	refused(t, f.Unlink(t.Context(), bare, f.issuer.URL), "last_way_in")
	refused(t, f.Unlink(t.Context(), eve, f.issuer.URL), "not_found")
	if err := f.Unlink(t.Context(), ada, f.issuer.URL); err != nil {
		t.Fatal(err)
	}
	_, err = f.signIn()
	refused(t, err, "registration_closed")
}

func TestOIDC_TheIssuerMayBeAwayAtTheStart(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	f.issuer.Away.Store(true)
	_, _, err := f.BeginOIDC(t.Context(), "", home)
	refused(t, err, "issuer_away")
	f.issuer.Away.Store(false)
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, _, err = f.BeginOIDC(t.Context(), "", home); err == nil || time.Now().After(deadline) {
			break
		}
		<-time.After(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.signIn(); err != nil {
		t.Error(err)
	}
}

func TestOIDC_TryingCodesIsLimited(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	for i := range 12 {
		location, browser := f.begin("")
		_, err := f.finish(browser, sensocto.IssuerAnswer{State: query(t, location).Get("state"), Code: "guessed"})
		if want := "issuer_refused"; i < 10 {
			refused(t, err, want)
		} else {
			refused(t, err, "too_many_attempts")
		}
	}
}

func TestOIDC_NamesAreFitToBeShown(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	for subject, names := range map[string][2]string{
		"a": {" \u202eGrace\n\x1b[1m ", "Grace[1m"}, "b": {strings.Repeat("ß", 100), strings.Repeat("ß", 64)}, "c": {"\x00", "c"},
	} {
		f.issuer.SignInAs(accounttest.Person{Subject: subject, Name: names[0]})
		if s, err := f.signIn(); err != nil || s.User.Name != names[1] {
			t.Errorf("%q %v, want %q", s.User.Name, err, names[1])
		}
	}
}

func TestOIDC_OffWithoutAnIssuer(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	if err := a.ServeAt(site); err != nil {
		t.Fatal(err)
	}
	_, _, err := a.BeginOIDC(t.Context(), "", home)
	refused(t, err, "oidc_off")
	_, err = a.FinishOIDC(t.Context(), "x", sensocto.IssuerAnswer{State: "x"}, "", home)
	refused(t, err, "oidc_off")
}
