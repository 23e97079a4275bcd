package account_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
)

const password = "four quiet otters swim"

var home = sensocto.Client{Address: "192.0.2.1:1000", Device: "Firefox on Linux"}

func signUp(t testing.TB, a *account.Accounts, name string) sensocto.User {
	t.Helper()
	u, err := a.CreateUser(t.Context(), sensocto.SignUp{Email: name + "@example.org", Name: name, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func signIn(t testing.TB, a *account.Accounts, name string) sensocto.Session {
	t.Helper()
	s, err := a.SignIn(t.Context(), name+"@example.org", password, home)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func refused(t *testing.T, err error, reason string) {
	t.Helper()
	if sensocto.ErrorReason(err) != reason {
		t.Errorf("%v, want %s", err, reason)
	}
}

// wrong wants an error that says what is wrong with these members of a body.
func wrong(t *testing.T, err error, members ...string) {
	t.Helper()
	var got []string
	for _, e := range sensocto.Errors(err) {
		got = append(got, cmp.Or(e.Field, strings.TrimPrefix(e.Reason, "invalid_")))
	}
	if !slices.Equal(got, members) {
		t.Errorf("%v is about %q, want %q", err, got, members)
	}
}

func TestSignUp_FollowsTheRegistration(t *testing.T) {
	ada := sensocto.SignUp{Email: " Ada@Example.org ", Name: "Ada", Password: password, Admin: true}
	for registration, reason := range map[account.Registration]string{
		account.RegistrationOpen: "", account.RegistrationInvited: "invitation_needed", account.RegistrationClosed: "registration_closed", "": "registration_closed",
	} {
		t.Run(string(registration), func(t *testing.T) {
			a := account.New(account.Options{Store: newStore(t), Registration: registration})
			u, err := a.SignUp(t.Context(), ada)
			refused(t, err, reason)
			if err == nil && (u.IsAdmin || u.Email != "ada@example.org" || len(u.ID) != 36) {
				t.Errorf("%+v", u)
			}
		})
	}
}

func TestSignUp_WithAnInvitation(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t), Registration: account.RegistrationInvited})
	secret, err := a.NewLink(t.Context(), sensocto.LinkInvite, "", "ada@example.org", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.SignUp(t.Context(), sensocto.SignUp{Name: "Ada", Password: "short", Invitation: secret})
	refused(t, err, "weak_password") // and the invitation stays good
	_, err = a.SignUp(t.Context(), sensocto.SignUp{Email: "mallory@example.org", Name: "Ada", Password: password, Invitation: secret})
	refused(t, err, "invalid_email") // she would look for the account under an address that it does not have
	u, err := a.SignUp(t.Context(), sensocto.SignUp{Email: " Ada@Example.org", Name: "Ada", Password: password, Invitation: secret})
	if err != nil || u.Email != "ada@example.org" {
		t.Errorf("%+v, %v", u, err)
	}
	_, err = a.SignUp(t.Context(), sensocto.SignUp{Email: "b@example.org", Name: "B", Password: password, Invitation: secret})
	refused(t, err, "link_expired")
}

// Whoever forwards an invitation, or presses twice, makes no second account.
func TestSignUp_OneInvitationMakesOneAccount(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	secret, err := a.NewLink(t.Context(), sensocto.LinkInvite, "", "", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			_, err := a.SignUp(t.Context(), sensocto.SignUp{Email: fmt.Sprintf("u%d@example.org", i), Name: "U", Password: password, Invitation: secret})
			if err != nil {
				refused(t, err, "link_expired")
			}
		})
	}
	wg.Wait()
	if users, err := a.Users(t.Context(), "", 10); err != nil || len(users) != 1 {
		t.Errorf("%d accounts, %v", len(users), err)
	}
}

func TestCreateUser_RefusesWhatCannotBe(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	signUp(t, a, "taken")
	good := sensocto.SignUp{Email: "a@example.org", Name: "A", Password: password}
	for reason, change := range map[string]func(*sensocto.SignUp){
		"invalid_name":  func(s *sensocto.SignUp) { s.Name = "a\x1b[2J" },
		"invalid_email": func(s *sensocto.SignUp) { s.Email = "nobody" },
		"email_taken":   func(s *sensocto.SignUp) { s.Email = "TAKEN@example.org" },
		"weak_password": func(s *sensocto.SignUp) { s.Password = "password123" },
	} {
		s := good
		change(&s)
		_, err := a.CreateUser(t.Context(), s)
		refused(t, err, reason)
	}
	for _, weak := range []string{"", "short", "12345678", "qwertzuiop", "passwordpassword", strings.Repeat("x", 300), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", good.Email} {
		s := good
		if s.Password = weak; weak == "" {
			continue // without a password: the person gets a link
		}
		_, err := a.CreateUser(t.Context(), s)
		refused(t, err, "weak_password")
	}
}

func TestSignIn_ASessionIsACredential(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	ada := signUp(t, a, "ada")
	s := signIn(t, a, "ada")
	id, err := a.Authenticate(t.Context(), s.Secret)
	if err != nil || id.UserID != ada.ID || id.OwnerID != ada.ID || id.ID == ada.ID || id.Name != "ada" || id.Operator() || id.Can(sensocto.ScopeAdmin) || !id.Can(sensocto.ScopeIngest) {
		t.Errorf("%+v, %v", id, err)
	}
	sessions, err := a.Sessions(t.Context(), ada.ID)
	if err != nil || len(sessions) != 1 || sessions[0].Device != home.Device || sessions[0].ID != id.ID {
		t.Errorf("%+v, %v", sessions, err)
	}
	other := signUp(t, a, "eve")
	if err := a.EndSession(t.Context(), other.ID, id.ID); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("somebody else's session: %v", err)
	}
	if err := a.EndSession(t.Context(), ada.ID, id.ID); err != nil {
		t.Fatal(err)
	}
	wantCode(t, a, s.Secret, sensocto.CodeUnauthorized)
}

func TestSignIn_OneAnswerForEveryReason(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	ada := signUp(t, a, "ada")
	if _, err := a.CreateUser(t.Context(), sensocto.SignUp{Email: "linkonly@example.org", Name: "L"}); err != nil {
		t.Fatal(err)
	}
	off := signUp(t, a, "off")
	if _, err := a.SetDisabled(t.Context(), off, true); err != nil {
		t.Fatal(err)
	}
	var answers []string
	for email, pass := range map[string]string{
		ada.Email: "a wrong password", "nobody@example.org": password, "no address": password, "linkonly@example.org": "", off.Email: password,
	} {
		_, err := a.SignIn(t.Context(), email, pass, home)
		refused(t, err, "wrong_credentials")
		answers = append(answers, fmt.Sprint(err))
	}
	if slices.Sort(answers); answers[0] != answers[len(answers)-1] {
		t.Errorf("%q", answers)
	}
}

// Guessing ends, and does not lock out whom it is about.
func TestSignIn_GuessingIsLimited(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	signUp(t, a, "ada")
	signIn(t, a, "ada") // from home, before
	guess := func(from string) error {
		_, err := a.SignIn(t.Context(), "ada@example.org", "a wrong password", sensocto.Client{Address: from})
		return err
	}
	for range 10 {
		refused(t, guess("198.51.100.1:1"), "wrong_credentials")
	}
	refused(t, guess("198.51.100.1:2"), "too_many_attempts")
	var limited int
	for i := range 120 { // from many addresses, each within its own bounds
		if sensocto.ErrorReason(guess(fmt.Sprintf("198.51.%d.2:1", i))) == "too_many_attempts" {
			limited++
		}
	}
	if limited == 0 {
		t.Error("many addresses may guess for ever")
	}
	signIn(t, a, "ada") // at home nothing has changed
}

func TestSignIn_ManyGuessesAtOnceAreLimited(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	signUp(t, a, "ada")
	var tried atomic.Int64
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			_, err := a.SignIn(t.Context(), "ada@example.org", "a wrong password", home)
			if sensocto.ErrorReason(err) == "wrong_credentials" {
				tried.Add(1)
			}
		})
	}
	all.Wait()
	if tried.Load() > 10 {
		t.Errorf("%d guesses were tried", tried.Load())
	}
}

func TestSession_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := watched(t, account.Options{Store: newStore(t), Guests: true, SessionLife: time.Minute})
		signUp(t, a, "ada")
		s := signIn(t, a, "ada")
		wantCode(t, a, s.Secret, "")
		told := make(chan string, 4) // more than there are sessions
		defer a.OnRevoked(func(id string) { told <- id })()
		time.Sleep(time.Minute)
		wantCode(t, a, s.Secret, sensocto.CodeUnauthorized)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(told) != 1 || <-told != s.Token.ID {
			t.Error("nobody was told that the session has expired")
		}
	})
}

func TestGuest_HasAnEnd(t *testing.T) {
	off := account.New(account.Options{Store: newStore(t)})
	_, err := off.Guest(t.Context(), "Gus", home)
	refused(t, err, "guests_off")
	a := account.New(account.Options{Store: newStore(t), Guests: true})
	s, err := a.Guest(t.Context(), "Gus", home)
	if err != nil || !s.User.IsGuest || s.User.Email != "" || !s.Expires.Equal(s.User.ExpiresAt) || time.Until(s.Expires) > 24*time.Hour {
		t.Errorf("%+v, %v", s, err)
	}
}

// Each change that takes a right away ends what was begun with it, here and in
// other processes.
func TestChangesOfAUser_EndItsCredentials(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, a *account.Accounts, u sensocto.User) error{
		"disabled": func(t *testing.T, a *account.Accounts, u sensocto.User) error {
			_, err := a.SetDisabled(t.Context(), u, true)
			return err
		},
		"new password": func(t *testing.T, a *account.Accounts, u sensocto.User) error {
			_, err := a.SetPassword(t.Context(), u, "five loud geese fly", "")
			return err
		},
		"administrator no more": func(t *testing.T, a *account.Accounts, u sensocto.User) error {
			_, err := a.SetAdmin(t.Context(), u, false)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newStore(t)
				server, elsewhere := watched(t, account.Options{Store: m}), account.New(account.Options{Store: m})
				signUp(t, server, "other")
				for _, who := range []string{"other", "ada"} {
					u := signUpOnce(t, server, who)
					if _, err := server.SetAdmin(t.Context(), u, true); err != nil {
						t.Fatal(err)
					}
				}
				ada, err := server.FindUser(t.Context(), "ada@example.org")
				if err != nil {
					t.Fatal(err)
				}
				s := signIn(t, server, "ada")
				if id, err := server.Authenticate(t.Context(), s.Secret); err != nil || !id.Can(sensocto.ScopeAdmin) {
					t.Fatal(id, err)
				}
				var got revocations
				defer server.OnRevoked(got.add)()
				if err := change(t, elsewhere, ada); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * account.PollInterval)
				synctest.Wait()
				if ids := got.take(); !slices.Equal(ids, []string{s.Token.ID}) {
					t.Errorf("told %q", ids)
				}
				wantCode(t, server, s.Secret, sensocto.CodeUnauthorized)
			})
		})
	}
}

func signUpOnce(t testing.TB, a *account.Accounts, name string) sensocto.User {
	t.Helper()
	if u, err := a.FindUser(t.Context(), name+"@example.org"); err == nil {
		return u
	}
	return signUp(t, a, name)
}

func TestLastAdministrator_Stays(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	secret, err := a.SetupLink(t.Context(), time.Hour)
	if err != nil || secret == "" {
		t.Fatal(secret, err)
	}
	_, err = a.SetUp(t.Context(), secret, sensocto.SignUp{Email: "root@example.org", Name: "Root", Password: "short"})
	refused(t, err, "weak_password")
	_, err = a.SetUp(t.Context(), secret, sensocto.SignUp{Email: "root", Name: "Root", Password: password})
	refused(t, err, "invalid_email")
	for _, weak := range []string{"", "short"} {
		_, err = a.SetUp(t.Context(), secret, sensocto.SignUp{Email: "root", Password: weak})
		wrong(t, err, "name", "email", "password")
	}
	root, err := a.SetUp(t.Context(), secret, sensocto.SignUp{Email: "root@example.org", Name: "Root", Password: password})
	if err != nil || !root.IsAdmin {
		t.Fatal(root, err)
	}
	_, err = a.SetUp(t.Context(), secret, sensocto.SignUp{Email: "second@example.org", Name: "Second", Password: password})
	refused(t, err, "link_expired")
	if secret, err := a.SetupLink(t.Context(), time.Hour); secret != "" || err != nil {
		t.Errorf("a link although there is an administrator: %v", err)
	}
	_, err = a.SetAdmin(t.Context(), root, false)
	refused(t, err, "last_administrator")
	_, err = a.SetDisabled(t.Context(), root, true)
	refused(t, err, "last_administrator")
}

func TestUserTokens_AreAtMostTheUser(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	ada := signUp(t, a, "ada")
	_, _, err := a.CreateUserToken(t.Context(), ada, sensocto.Token{Name: "x", Scopes: []sensocto.Scope{sensocto.ScopeAdmin}})
	refused(t, err, "insufficient_scope")
	_, _, err = a.CreateUserToken(t.Context(), ada, sensocto.Token{Name: "x", Scopes: viewer, ExpiresAt: time.Now().Add(-time.Second)})
	refused(t, err, "invalid_expiry")
	_, _, err = a.CreateUserToken(t.Context(), ada, sensocto.Token{Name: "x", Scopes: viewer, SensorIDs: []string{"a b"}})
	refused(t, err, "invalid_sensor_id")
	_, _, err = a.CreateUserToken(t.Context(), ada, sensocto.Token{SensorIDs: []string{"a b"}, ExpiresAt: time.Now().Add(-time.Second)})
	wrong(t, err, "name", "scopes", "sensor_ids", "expires_at")
	text, token, err := a.CreateUserToken(t.Context(), ada, sensocto.Token{Name: "x", Scopes: viewer, SensorIDs: []string{"strap"}, UserID: "somebody else"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := a.Authenticate(t.Context(), text)
	if err != nil || id.UserID != ada.ID || id.Can(sensocto.ScopeIngest) || !slices.Equal(id.SensorIDs, []string{"strap"}) {
		t.Errorf("%+v, %v", id, err)
	}
	if _, err := a.Authenticate(t.Context(), text+"x"); !errors.Is(err, sensocto.ErrUnauthorized) {
		t.Error(err)
	}
	if list, err := a.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("a user's token among those of the server: %v %v", list, err)
	}
	if err := a.Revoke(t.Context(), token.ID); !errors.Is(err, sensocto.ErrNotFound) {
		t.Errorf("'sensocto token revoke' ends a user's token: %v", err)
	}
}

func TestLogs_HoldNoSecrets(t *testing.T) {
	var log bytes.Buffer
	a := account.New(account.Options{Store: newStore(t), Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	ada := signUp(t, a, "ada")
	s := signIn(t, a, "ada")
	if _, err := a.SetPassword(t.Context(), ada, "five loud geese fly", ""); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{password, s.Secret, "five loud", "ada@example.org", "argon2"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// What follows the longest password is part of what is typed.
func TestSignIn_NothingMayFollowThePassword(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	longest := strings.Repeat("four words of mine ", 14)[:256]
	if _, err := a.CreateUser(t.Context(), sensocto.SignUp{Email: "ada@example.org", Name: "Ada", Password: longest}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.SignIn(t.Context(), "ada@example.org", longest, home); err != nil {
		t.Error(err)
	}
	_, err := a.SignIn(t.Context(), "ada@example.org", longest+"x", home)
	refused(t, err, "wrong_credentials")
	_, err = a.CreateUser(t.Context(), sensocto.SignUp{Email: "bob@example.org", Name: "Bob", Password: "xk-SensOcto-2026-qz"})
	refused(t, err, "weak_password")
}

// Sessions of before do not come back with the account.
func TestSetDisabled_EndsSessions(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	ada := signUp(t, a, "ada")
	s, err := a.SignIn(t.Context(), ada.Email, password, home)
	if err != nil {
		t.Fatal(err)
	}
	for _, disabled := range []bool{true, false} {
		u, err := a.User(t.Context(), ada.ID)
		if err == nil {
			_, err = a.SetDisabled(t.Context(), u, disabled)
		}
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, a, s.Secret, sensocto.CodeUnauthorized)
	}
}

// An account of somebody of another server stays what it is, by which it is known.
func TestSetDisabled_LeavesAccountsOfOtherServers(t *testing.T) {
	db := newStore(t)
	a := account.New(account.Options{Store: db})
	at := time.Now().UTC().Truncate(time.Microsecond)
	id, err := db.PutPerson(t.Context(), "key", sensocto.User{ID: "far", Name: "Far", CreatedAt: at, DisabledAt: at, Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	for disabled, reason := range map[bool]string{false: "account_elsewhere", true: ""} {
		u, err := a.User(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.SetDisabled(t.Context(), u, disabled)
		refused(t, err, reason)
		if u, err = a.User(t.Context(), id); err != nil || !u.AtOtherServer() || !u.DisabledAt.Equal(at) {
			t.Errorf("%+v, %v", u, err)
		}
	}
}

// Whoever proves an address by a mailed link has the account to themselves.
func TestResetPassword_ProvesTheAddress(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t), Registration: account.RegistrationOpen})
	claimed, err := a.SignUp(t.Context(), sensocto.SignUp{Email: "ada@example.org", Name: "Mallory", Password: password, EmailProven: true})
	if err != nil || claimed.EmailProven {
		t.Fatal("whoever signs up vouches for themselves", err)
	}
	secret, err := a.NewLink(t.Context(), sensocto.LinkReset, claimed.ID, claimed.Email, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	u, err := a.ResetPassword(t.Context(), secret, "another four words of mine")
	if err != nil || !u.EmailProven {
		t.Errorf("%+v %v", u, err)
	}
}

// After a change of the cost everybody still comes in, and gets a hash of the new
// cost on the way.
func TestSignIn_AHashOfAnotherCostCountsAndIsMadeAnew(t *testing.T) {
	m := newStore(t)
	a := account.New(account.Options{Store: m, Registration: account.RegistrationOpen})
	ada := signUp(t, a, "ada")
	present, _, _ := strings.Cut(strings.TrimPrefix(ada.PasswordHash, "$argon2id$v=19$"), "$")
	set := func(hash string) {
		t.Helper()
		u, err := m.User(t.Context(), ada.ID)
		if err != nil {
			t.Fatal(err)
		}
		u.PasswordHash = hash
		if _, err := m.UpdateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	old := func(memory, passes uint32, threads uint8, key uint32) string {
		salt := []byte("another salt")
		return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, passes, threads, base64.RawStdEncoding.EncodeToString(salt),
			base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), salt, passes, memory, threads, key)))
	}
	for _, hash := range []string{old(8<<10, 1, 1, 32), old(16<<10, 3, 2, 16)} {
		set(hash)
		if _, err := a.SignIn(t.Context(), ada.Email, "a wrong password", home); sensocto.ErrorReason(err) != "wrong_credentials" {
			t.Error(err)
		}
		if u, _ := m.User(t.Context(), ada.ID); u.PasswordHash != hash {
			t.Error("a wrong password changed the hash")
		}
		signIn(t, a, "ada")
		u, err := m.User(t.Context(), ada.ID)
		if err != nil || !strings.HasPrefix(u.PasswordHash, "$argon2id$v=19$"+present+"$") || u.PasswordHash == hash {
			t.Errorf("%s, %v", u.PasswordHash, err)
		}
		signIn(t, a, "ada")
		if again, _ := m.User(t.Context(), ada.ID); again.PasswordHash != u.PasswordHash {
			t.Error("a hash of the present cost was made anew")
		}
	}
	for _, damaged := range []string{"x", "$argon2i$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ", "$argon2id$v=19$m=99999999,t=1,p=1$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ",
		"$argon2id$v=19$m=8192,t=0,p=1$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ", "$argon2id$v=19$m=8192,t=1,p=1$YWFhYWFhYWE$"} {
		set(damaged)
		if _, err := a.SignIn(t.Context(), ada.Email, password, home); err == nil || strings.Contains(err.Error(), damaged) {
			t.Errorf("%s: %v", damaged, err)
		}
	}
}

func TestSignOut_EndsSessionsAndLeavesTokens(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t), Registration: account.RegistrationOpen})
	ada := signUp(t, a, "ada")
	signUp(t, a, "eve")
	one, two, eve := signIn(t, a, "ada"), signIn(t, a, "ada"), signIn(t, a, "eve")
	token, _, err := a.CreateUserToken(t.Context(), ada, sensocto.Token{Name: "strap", Scopes: viewer})
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	defer a.OnRevoked(func(id string) { told = append(told, id) })()
	if err := a.SignOut(t.Context(), ada.ID, ""); err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	want := []string{one.Token.ID, two.Token.ID}
	slices.Sort(want)
	if !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
	wantCode(t, a, one.Secret, sensocto.CodeUnauthorized)
	wantCode(t, a, two.Secret, sensocto.CodeUnauthorized)
	wantCode(t, a, eve.Secret, "")
	wantCode(t, a, token, "")
}

func TestSession_EndsWhenItIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newStore(t)
		o := account.Options{Store: m, Registration: account.RegistrationOpen, SessionIdle: 6 * time.Minute}
		a := watched(t, o)
		ada := signUp(t, a, "ada")
		used, left := signIn(t, a, "ada"), signIn(t, a, "ada")
		wantCode(t, a, left.Secret, "")
		told := make(chan string, 4) // more than there are sessions
		defer a.OnRevoked(func(id string) { told <- id })()
		for range 3 {
			time.Sleep(5 * time.Minute)
			wantCode(t, a, used.Secret, "")
		}
		wantCode(t, a, left.Secret, sensocto.CodeUnauthorized)
		if len(told) != 1 || <-told != left.Token.ID {
			t.Error("nobody was told that the session has ended")
		}
		sessions, err := a.Sessions(t.Context(), ada.ID)
		if err != nil || len(sessions) != 1 || sessions[0].ID != used.Token.ID || time.Since(sessions[0].UsedAt) > time.Second {
			t.Errorf("%+v, %v", sessions, err)
		}
		token, _, err := a.CreateUserToken(t.Context(), ada, sensocto.Token{Name: "strap", Scopes: viewer})
		if err != nil {
			t.Fatal(err)
		}

		m.setFail(errAway) // what was used last is not forgotten meanwhile
		time.Sleep(4 * time.Minute)
		wantCode(t, a, used.Secret, "")
		m.setFail(nil)
		time.Sleep(70 * time.Second) // it is stored
		other := account.New(o)      // as after a restart
		time.Sleep(4 * time.Minute)
		wantCode(t, other, used.Secret, "")
		time.Sleep(6 * time.Minute)
		wantCode(t, account.New(o), used.Secret, sensocto.CodeUnauthorized)
		wantCode(t, account.New(o), token, "") // a device may be silent for as long as it likes
	})
}

// What has ended does not pile up in the database.
func TestSession_IsForgottenADayAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newStore(t)
		a := account.New(account.Options{Store: m, Registration: account.RegistrationOpen})
		ada := signUp(t, a, "ada")
		long, just, open := signIn(t, a, "ada"), signIn(t, a, "ada"), signIn(t, a, "ada")
		end := func(s sensocto.Session) {
			t.Helper()
			if err := a.EndSession(t.Context(), ada.ID, s.Token.ID); err != nil {
				t.Fatal(err)
			}
		}
		end(long)
		time.Sleep(25 * time.Hour)
		end(just)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1) // the one result
		go func() { done <- a.Run(ctx) }()
		time.Sleep(time.Second)
		cancel()
		<-done
		all, err := m.UserTokens(t.Context(), ada.ID)
		if err != nil || len(all) != 2 || all[0].ID == long.Token.ID || all[1].ID == long.Token.ID {
			t.Errorf("%+v, %v", all, err)
		}
		wantCode(t, a, open.Secret, "")
	})
}

// Of two processes one sees a session all the time, the other has its channel.
func TestSession_IsInUseWhereverItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := account.Options{Store: newStore(t), Registration: account.RegistrationOpen, SessionIdle: 6 * time.Minute}
		here, there := watched(t, o), watched(t, o)
		signUp(t, here, "ada")
		s := signIn(t, here, "ada")
		wantCode(t, here, s.Secret, "")
		told := make(chan string, 4) // more than there are sessions
		defer here.OnRevoked(func(id string) { told <- id })()
		for range 4 {
			time.Sleep(4 * time.Minute)
			wantCode(t, there, s.Secret, "")
		}
		if len(told) > 0 {
			t.Error("the channel was closed")
		}
		time.Sleep(8 * time.Minute)
		if len(told) != 1 {
			t.Errorf("told %d times that the session has ended", len(told))
		}
	})
}
