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

func newFederation(t testing.TB, r account.Registration, change ...func(*account.Options)) *federation {
	t.Helper()
	f := &federation{t: t, db: newStore(t), log: &bytes.Buffer{}, issuer: accounttest.NewIssuer(t, site+account.CallbackPath)}
	f.Accounts = f.accounts(r, f.issuer.URL, change...)
	f.issuer.SignInAs(grace)
	return f
}

func (f *federation) accounts(r account.Registration, issuer string, change ...func(*account.Options)) *account.Accounts {
	f.t.Helper()
	o := account.Options{Store: f.db, Registration: r, Log: slog.New(slog.NewTextHandler(f.log, nil)), OIDC: account.OIDC{
		Issuer: issuer, ClientID: accounttest.ClientID, Name: "Example", Secret: func() (string, error) { return accounttest.ClientSecret, nil },
	}}
	for _, f := range change {
		f(&o)
	}
	a := account.New(o)
	if err := a.ServeAt(site); err != nil {
		f.t.Fatal(err)
	}
	return a
}

// begin returns where the browser is sent, and what it has to bring back.
func (f *federation) begin(linkTo string) (location, browser string) {
	f.t.Helper()
	location, browser, err := f.BeginOIDC(f.t.Context(), sensocto.IssuerRequest{LinkTo: linkTo}, home)
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
	_, _, err = f.accounts(account.RegistrationOpen, f.issuer.URL).BeginOIDC(t.Context(), sensocto.IssuerRequest{}, home)
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

func TestOIDC_TheIssuerMayBeAwayAtTheStart(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	f.issuer.Away.Store(true)
	_, _, err := f.BeginOIDC(t.Context(), sensocto.IssuerRequest{}, home)
	refused(t, err, "issuer_away")
	f.issuer.Away.Store(false)
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, _, err = f.BeginOIDC(t.Context(), sensocto.IssuerRequest{}, home); err == nil || time.Now().After(deadline) {
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

func TestOIDC_OffWithoutAnIssuer(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	if err := a.ServeAt(site); err != nil {
		t.Fatal(err)
	}
	_, _, err := a.BeginOIDC(t.Context(), sensocto.IssuerRequest{}, home)
	refused(t, err, "oidc_off")
	_, err = a.FinishOIDC(t.Context(), "x", sensocto.IssuerAnswer{State: "x"}, "", home)
	refused(t, err, "oidc_off")
}

// Who was signed in at the issuer comes in without a word, which must not count
// as having shown just now who they are.
func TestOIDC_ASilentSignInIsNoRecentConfirmation(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	location, browser := f.begin("")
	if life := query(t, location).Get("max_age"); life != "2592000" {
		t.Errorf("max_age is %s", life)
	}
	confirmed, err := f.finish(browser, answerOf(f.issuer.Visit(t, location)))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Confirm(t.Context(), confirmed.User, confirmed.Token.ID, "", home); err != nil {
		t.Error(err)
	}
	for name, ago := range map[string]time.Duration{"20 minutes ago": 20 * time.Minute, "not said": 0, "in an hour": -time.Hour} {
		f.issuer.SignedIn = func() time.Time {
			if ago == 0 {
				return time.Time{}
			}
			return time.Now().Add(-ago)
		}
		silent, err := f.signIn()
		if err != nil {
			t.Fatal(name, err)
		}
		refused(t, f.Confirm(t.Context(), silent.User, silent.Token.ID, "", home), "confirmation_needed")
	}
	f.issuer.SignedIn = func() time.Time { return time.Now().Add(-31 * 24 * time.Hour) }
	_, err = f.signIn()
	refused(t, err, "sign_in_stale")
}

// Who has no password confirms by signing in at the issuer anew: an answer from
// before, or without a time, is none.
func TestOIDC_AFreshSignInIsARecentConfirmation(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	fresh := func() (sensocto.Session, error) {
		location, browser, err := f.BeginOIDC(t.Context(), sensocto.IssuerRequest{Fresh: true}, home)
		if err != nil {
			t.Fatal(err)
		}
		if age := query(t, location).Get("max_age"); age != "0" {
			t.Errorf("max_age is %s", age)
		}
		return f.finish(browser, answerOf(f.issuer.Visit(t, location)))
	}
	s, err := fresh()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Confirm(t.Context(), s.User, s.Token.ID, "", home); err != nil {
		t.Error(err)
	}
	for _, at := range []time.Time{{}, time.Now().Add(-10 * time.Minute)} {
		f.issuer.SignedIn = func() time.Time { return at }
		_, err := fresh()
		refused(t, err, "sign_in_stale")
	}
}
