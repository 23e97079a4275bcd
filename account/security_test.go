package account_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// events is an Auditor that remembers.
type events struct {
	mu   sync.Mutex
	list []string
}

func (l *events) Record(_ context.Context, e sensocto.AuditEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, fmt.Sprintf("%s %s>%s %s", e.Action, e.ActorID, e.UserID, e.Detail))
}

func (l *events) has(t *testing.T, want string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.list, want) {
		t.Errorf("no %q in %q", want, l.list)
	}
}

// Changes of how somebody signs in or is reached are events, also those that a link
// makes.
func TestAudit_HasWaysToSignIn(t *testing.T) {
	log := &events{}
	k := newKeyring(t, func(o *account.Options) { o.Audit = log })
	ada := k.ada.ID
	secret, err := k.NewLink(t.Context(), sensocto.LinkEmail, ada, "ada@new.example", time.Hour)
	if err == nil {
		k.ada, err = k.ConfirmEmail(t.Context(), secret)
	}
	if err != nil {
		t.Fatal(err)
	}
	log.has(t, "email_changed "+ada+">"+ada+" by a link")
	key, err := k.register("phone", newAuthenticator())
	if err == nil {
		err = k.DeletePasskey(t.Context(), k.ada, key.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	log.has(t, "passkey_added "+ada+">"+ada+" phone")
	log.has(t, "passkey_removed "+ada+">"+ada+" ")

	f := newFederation(t, account.RegistrationOpen, func(o *account.Options) { o.Audit = log })
	bob := signUp(t, f.Accounts, "bob")
	location, browser := f.begin(bob.ID)
	if _, err := f.FinishOIDC(t.Context(), browser, answerOf(f.issuer.Visit(t, location)), bob.ID, home); err != nil {
		t.Fatal(err)
	}
	if err := f.Unlink(t.Context(), bob, f.issuer.URL); err != nil {
		t.Fatal(err)
	}
	log.has(t, "identity_linked "+bob.ID+">"+bob.ID+" "+f.issuer.URL)
	log.has(t, "identity_unlinked "+bob.ID+">"+bob.ID+" "+f.issuer.URL)

	location, browser = f.begin("") // nobody has the identity any more: it gets an account
	session, err := f.FinishOIDC(t.Context(), browser, answerOf(f.issuer.Visit(t, location)), "", home)
	if err != nil {
		t.Fatal(err)
	}
	log.has(t, "user_created "+session.User.ID+">"+session.User.ID+" "+f.issuer.URL)
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
