package account_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/account/accounttest"
)

const site = "http://localhost:4000"

// keyring is accounts with passkeys, and a user who is signed in.
type keyring struct {
	*account.Accounts
	t    testing.TB
	db   *store
	log  *bytes.Buffer
	ada  sensocto.User
	here sensocto.Session
}

func newKeyring(t testing.TB, change ...func(*account.Options)) *keyring {
	t.Helper()
	k := &keyring{t: t, db: newStore(t), log: &bytes.Buffer{}}
	o := account.Options{Store: k.db, Registration: account.RegistrationOpen, Guests: true, Log: slog.New(slog.NewTextHandler(k.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, f := range change {
		f(&o)
	}
	k.Accounts = account.New(o)
	if err := k.ServeAt(site + "/"); err != nil {
		t.Fatal(err)
	}
	k.ada = signUp(t, k.Accounts, "ada")
	k.here = k.begin(k.ada)
	return k
}

func (k *keyring) begin(u sensocto.User) sensocto.Session {
	k.t.Helper()
	s, err := k.Begin(k.t.Context(), u, home)
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

func newAuthenticator() *accounttest.Authenticator {
	return &accounttest.Authenticator{Origin: site, RPID: "localhost", Counter: 1}
}

// register makes a passkey of the user.
func (k *keyring) register(name string, a *accounttest.Authenticator) (sensocto.Passkey, error) {
	k.t.Helper()
	options, err := k.BeginPasskey(k.t.Context(), k.ada, k.here.Token.ID, home)
	if err != nil {
		k.t.Fatal(err)
	}
	return k.AddPasskey(k.t.Context(), k.ada, k.here.Token.ID, name, a.Create(k.t, options))
}

// options asks for a challenge to sign in with.
func (k *keyring) options() []byte {
	k.t.Helper()
	options, err := k.BeginPasskeySignIn(home)
	if err != nil {
		k.t.Fatal(err)
	}
	return options
}

func (k *keyring) signIn(a *accounttest.Authenticator) (sensocto.Session, error) {
	k.t.Helper()
	return k.SignInWithPasskey(k.t.Context(), a.Sign(k.t, k.options()), home)
}

func TestPasskeys_RegisterAndSignIn(t *testing.T) {
	k := newKeyring(t)
	laptop, phone := newAuthenticator(), newAuthenticator()
	phone.Counter = 0 // synchronised between devices: it counts nothing
	p, err := k.register("laptop", laptop)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.register("phone", phone); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, a := range []*accounttest.Authenticator{laptop, phone} {
			s, err := k.signIn(a)
			if err != nil {
				t.Fatal(err)
			}
			if id, err := k.Authenticate(t.Context(), s.Secret); err != nil || id.UserID != k.ada.ID || id.Kind != sensocto.KindSession {
				t.Errorf("%+v %v", id, err)
			}
		}
	}
	mine, err := k.Passkeys(t.Context(), k.ada.ID)
	if err != nil || len(mine) != 2 || mine[0].Name != "laptop" || mine[0].UsedAt.IsZero() || len(mine[0].Data) > 1000 {
		t.Fatalf("%+v %v", mine, err)
	}
	refused(t, k.DeletePasskey(t.Context(), sensocto.User{ID: "eve", PasswordHash: "x"}, p.ID), "not_found")
	if err := k.DeletePasskey(t.Context(), k.ada, p.ID); err != nil {
		t.Fatal(err)
	}
	_, err = k.signIn(laptop)
	refused(t, err, "passkey_refused")
}

func TestPasskeys_AChallengeWorksOnceForWhoeverAsked(t *testing.T) {
	k := newKeyring(t)
	a := newAuthenticator()
	options, err := k.BeginPasskey(t.Context(), k.ada, k.here.Token.ID, home)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := k.begin(k.ada)
	_, err = k.AddPasskey(t.Context(), k.ada, elsewhere.Token.ID, "x", a.Create(t, options))
	refused(t, err, "challenge_expired")
	_, err = k.AddPasskey(t.Context(), k.ada, k.here.Token.ID, "x", a.Create(t, options))
	refused(t, err, "challenge_expired") // it was tried
	eve := signUp(t, k.Accounts, "eve")
	if options, err = k.BeginPasskey(t.Context(), k.ada, k.here.Token.ID, home); err != nil {
		t.Fatal(err)
	}
	_, err = k.AddPasskey(t.Context(), eve, k.here.Token.ID, "x", a.Create(t, options))
	refused(t, err, "challenge_expired")
	if _, err := k.register("x", a); err != nil {
		t.Fatal(err)
	}
	answer := a.Sign(t, k.options())
	var accepted atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := k.SignInWithPasskey(t.Context(), answer, home); err == nil {
				accepted.Add(1)
			}
		})
	}
	all.Wait()
	if accepted.Load() != 1 {
		t.Errorf("one answer was accepted %d times", accepted.Load())
	}
}

func TestPasskeys_RefusesWhatIsNotForThisServer(t *testing.T) {
	k := newKeyring(t)
	for name, a := range map[string]*accounttest.Authenticator{
		"another origin":          {Origin: "https://evil.example", RPID: "localhost"},
		"another port":            {Origin: "http://localhost:4001", RPID: "localhost"},
		"nobody showed who it is": {Origin: site, RPID: "localhost", Unverified: true},
	} {
		if _, err := k.register("x", a); sensocto.ErrorReason(err) != "invalid_passkey" {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := newAuthenticator()
	if _, err := k.register("x", a); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*accounttest.Authenticator){
		"another origin": func(a *accounttest.Authenticator) { a.Origin = "https://evil.example" },
		"another name":   func(a *accounttest.Authenticator) { a.RPID = "evil.example" },
		"unverified":     func(a *accounttest.Authenticator) { a.Unverified = true },
	} {
		changed := *a
		change(&changed)
		if _, err := k.signIn(&changed); sensocto.ErrorReason(err) != "passkey_refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	signed := a.Sign(t, k.options())
	_, err := k.SignInWithPasskey(t.Context(), withSignatureOf(t, signed, a.Sign(t, k.options())), home)
	refused(t, err, "passkey_refused")
	for _, junk := range [][]byte{nil, []byte("{}"), []byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`), signed[:len(signed)/2]} {
		_, err := k.SignInWithPasskey(t.Context(), junk, home)
		refused(t, err, "invalid_passkey")
		_, err = k.AddPasskey(t.Context(), k.ada, k.here.Token.ID, "x", junk)
		refused(t, err, "invalid_passkey")
	}
	if _, err := k.signIn(a); err != nil {
		t.Error(err)
	}
}

// withSignatureOf returns an answer with the signature of another one.
func withSignatureOf(t *testing.T, answer, other []byte) []byte {
	t.Helper()
	var a, b struct {
		ID                     string                     `json:"id"`
		RawID                  string                     `json:"rawId"`
		Type                   string                     `json:"type"`
		ClientExtensionResults struct{}                   `json:"clientExtensionResults"`
		Response               map[string]json.RawMessage `json:"response"`
	}
	if err := errors.Join(json.Unmarshal(answer, &a), json.Unmarshal(other, &b)); err != nil {
		t.Fatal(err)
	}
	a.Response["signature"] = b.Response["signature"]
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPasskeys_ACopyIsRefusedAndLogged(t *testing.T) {
	k := newKeyring(t)
	a := newAuthenticator()
	if _, err := k.register("x", a); err != nil {
		t.Fatal(err)
	}
	stolen := *a
	for range 2 {
		if _, err := k.signIn(a); err != nil {
			t.Fatal(err)
		}
	}
	_, err := k.signIn(&stolen)
	refused(t, err, "passkey_copied")
	if !strings.Contains(k.log.String(), "there may be a copy") {
		t.Error(k.log)
	}
	if _, err := k.signIn(a); err != nil {
		t.Error(err)
	}
}

func TestPasskeys_DisabledAndGuests(t *testing.T) {
	k := newKeyring(t)
	a := newAuthenticator()
	if _, err := k.register("x", a); err != nil {
		t.Fatal(err)
	}
	if _, err := k.SetDisabled(t.Context(), k.ada, true); err != nil {
		t.Fatal(err)
	}
	_, err := k.signIn(a)
	refused(t, err, "account_disabled")
	guest, err := k.Guest(t.Context(), "Gus", home)
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.BeginPasskey(t.Context(), guest.User, guest.Token.ID, home)
	refused(t, err, "account_needed")
}

func TestPasskeys_TheOnlyWayInStays(t *testing.T) {
	k := newKeyring(t)
	p, err := k.register("x", newAuthenticator())
	if err != nil {
		t.Fatal(err)
	}
	bare := k.ada
	bare.PasswordHash = ""
	bare, err = k.db.UpdateUser(t.Context(), bare)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, k.DeletePasskey(t.Context(), bare, p.ID), "last_way_in")
	if err := k.db.InsertIdentity(t.Context(), sensocto.ExternalIdentity{Issuer: "https://a.example", Subject: "1", UserID: k.ada.ID}); err != nil {
		t.Fatal(err)
	}
	if err := k.DeletePasskey(t.Context(), bare, p.ID); err != nil {
		t.Error(err)
	}
}

func TestPasskeys_AreBoundedInNumber(t *testing.T) {
	k := newKeyring(t)
	for i := range 21 {
		_, err := k.register("x", newAuthenticator())
		if i < 20 && err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			refused(t, err, "too_many_passkeys")
		}
	}
}

func TestPasskeys_NeedANameAndTLS(t *testing.T) {
	for address, on := range map[string]bool{
		"http://localhost:4000": true, "https://sensors.example.org": true, "https://sensors.example.org:8443/": true,
		"http://sensors.example.org": false, "https://192.0.2.1": false, "http://127.0.0.1:4000": false, "https://[::1]": false,
	} {
		a := account.New(account.Options{Store: newStore(t)})
		if err := a.ServeAt(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if w := a.Ways(); w.Passkeys != on || w.Origin != strings.TrimSuffix(address, "/") || w.Issuer != "" {
			t.Errorf("%s: %+v", address, w)
		}
		if _, err := a.BeginPasskeySignIn(home); on != (err == nil) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestConfirm_ARecentSessionOrThePassword(t *testing.T) {
	k := newKeyring(t)
	ctx := t.Context()
	eve := signUp(t, k.Accounts, "eve")
	if err := k.Confirm(ctx, k.ada, k.here.Token.ID, "", home); err != nil {
		t.Error(err)
	}
	refused(t, k.Confirm(ctx, eve, k.here.Token.ID, "", home), "confirmation_needed")
	old := sensocto.Token{ID: "aaaaaaaa", Kind: sensocto.KindSession, UserID: k.ada.ID, CreatedAt: time.Now(), ConfirmedAt: time.Now().Add(-16 * time.Minute)}
	if err := k.db.InsertToken(ctx, old); err != nil {
		t.Fatal(err)
	}
	refused(t, k.Confirm(ctx, k.ada, old.ID, "", home), "confirmation_needed")
	refused(t, k.Confirm(ctx, k.ada, old.ID, "wrong", home), "wrong_credentials")
	if err := k.Confirm(ctx, k.ada, old.ID, password, home); err != nil {
		t.Error(err)
	}
}

// Anybody may send an answer: it is parsed before anything is known of it.
func FuzzSignInWithPasskey(f *testing.F) {
	k := newKeyring(f)
	a := newAuthenticator()
	if _, err := k.register("x", a); err != nil {
		f.Fatal(err)
	}
	options, err := k.BeginPasskey(f.Context(), k.ada, k.here.Token.ID, home)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(a.Sign(f, k.options()))
	f.Add(newAuthenticator().Create(f, options))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, err := k.SignInWithPasskey(t.Context(), answer, home); err != nil && sensocto.ErrorCode(err) == sensocto.CodeInternal {
			t.Error(err)
		}
		if _, err := k.AddPasskey(t.Context(), k.ada, k.here.Token.ID, "x", answer); err != nil && sensocto.ErrorCode(err) == sensocto.CodeInternal {
			t.Error(err)
		}
	})
}
