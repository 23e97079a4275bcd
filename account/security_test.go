package account_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
)

// refusals is a SecurityLog that remembers.
type refusals struct {
	mu   sync.Mutex
	list []sensocto.Refusal
}

func (l *refusals) Refused(r sensocto.Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, r)
}

// last returns the only refusal since the last call.
func (l *refusals) last(t *testing.T) sensocto.Refusal {
	t.Helper()
	l.mu.Lock()
	defer func() { l.list = nil; l.mu.Unlock() }()
	if len(l.list) != 1 {
		t.Fatalf("refusals: %+v", l.list)
	}
	return l.list[0]
}

// Each way to sign in is in the log, whether it succeeds or not.
func TestSecurityLog_HasEveryWayToSignIn(t *testing.T) {
	log := &refusals{}
	k := newKeyring(t, func(o *account.Options) { o.Security = log })
	a := newAuthenticator()
	if _, err := k.register("x", a); err != nil {
		t.Fatal(err)
	}
	stolen := *a
	if _, err := k.signIn(a); err != nil {
		t.Fatal(err)
	}
	if _, err := k.signIn(&stolen); err == nil {
		t.Fatal("a copy signed in")
	}
	if r := log.last(t); r.Event != sensocto.SecuritySignInRefused || r.Reason != "passkey_copied" || r.UserID != k.ada.ID || r.Action != "passkey" || r.Address != home.Address {
		t.Errorf("%+v", r)
	}
	if _, err := k.SignIn(t.Context(), "nobody@example.org", password, home); err == nil {
		t.Fatal("nobody signed in")
	}
	if r := log.last(t); r.UserID != "" || r.Action != "password" || r.Reason != "wrong_credentials" {
		t.Errorf("%+v", r)
	}
	signIn(t, k.Accounts, "ada")
	if _, err := k.Guest(t.Context(), "Gus", home); err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"passkey", "password", "guest", `"new account or link"`} {
		if !strings.Contains(k.log.String(), "event=signed_in") || !strings.Contains(k.log.String(), "way="+way) {
			t.Errorf("no sign-in by %s in\n%s", way, k.log)
		}
	}
}

func TestSecurityLog_HasTheIssuer(t *testing.T) {
	log := &refusals{}
	f := newFederation(t, account.RegistrationClosed, func(o *account.Options) { o.Security = log })
	_, err := f.signIn()
	refused(t, err, "registration_closed")
	if r := log.last(t); r.Event != sensocto.SecuritySignInRefused || r.Reason != "registration_closed" || r.Action != "issuer" {
		t.Errorf("%+v", r)
	}
	_, browser := f.begin("")
	if _, err := f.finish(browser, sensocto.IssuerAnswer{State: "guessed", Code: "x"}); err == nil {
		t.Fatal("a guess signed in")
	}
	if r := log.last(t); r.Reason != "sign_in_expired" {
		t.Errorf("%+v", r)
	}
}
