package account_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
)

// A code is for one program, one person and ten minutes.
func TestDevice_OneProgramOnePersonTenMinutes(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t)})
	ada, err := a.CreateUser(t.Context(), sensocto.SignUp{Name: "Ada", Email: "ada@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	code, secret, _, err := a.BeginDevice("laptop", "192.0.2.1:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.DeviceToken(t.Context(), secret); sensocto.ErrorReason(err) != "pending" {
		t.Errorf("before it was confirmed: %v", err)
	}
	if _, _, err := a.DeviceToken(t.Context(), code); sensocto.ErrorReason(err) != "unknown_code" {
		t.Errorf("with the code that is shown: %v", err)
	}
	r, err := a.Device(ada, strings.ToLower(code), "192.0.2.2:1")
	if err != nil || r.Name != "laptop" || r.Address != "192.0.2.1" || !slices.Equal(r.Scopes, []sensocto.Scope{sensocto.ScopeView, sensocto.ScopeIngest}) {
		t.Errorf("%+v %v", r, err)
	}
	if _, _, err := a.DeviceToken(t.Context(), secret); sensocto.ErrorReason(err) != "pending" {
		t.Errorf("when it was only looked at: %v", err)
	}
	if name, err := a.ConfirmDevice(ada, code, "192.0.2.2:1"); err != nil || name != "laptop" {
		t.Fatalf("%q %v", name, err)
	}
	if _, err := a.Device(ada, code, "192.0.2.2:1"); sensocto.ErrorReason(err) != "unknown_code" {
		t.Errorf("after it was confirmed: %v", err)
	}
	text, u, err := a.DeviceToken(t.Context(), secret)
	if err != nil || u.ID != ada.ID {
		t.Fatalf("%+v %v", u, err)
	}
	if id, err := a.Authenticate(t.Context(), text); err != nil || id.UserID != ada.ID || id.Can(sensocto.ScopeAdmin) {
		t.Errorf("%+v %v", id, err)
	}
	if _, _, err := a.DeviceToken(t.Context(), secret); sensocto.ErrorReason(err) != "unknown_code" {
		t.Errorf("a second time: %v", err)
	}
}

func TestDevice_IsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := account.New(account.Options{Store: newStore(t)})
		for i := range 11 {
			_, _, _, err := a.BeginDevice("x", fmt.Sprintf("192.0.2.1:%d", i))
			if refused := err != nil; refused != (i == 10) {
				t.Errorf("program %d of one address: %v", i, err)
			}
		}
		if _, _, _, err := a.BeginDevice("x", "192.0.2.9:1"); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(11 * time.Minute)
		if _, _, _, err := a.BeginDevice("x", "192.0.2.1:1"); err != nil {
			t.Errorf("when the others have expired: %v", err)
		}
		guesses := 0
		for range 50 {
			if _, err := a.ConfirmDevice(sensocto.User{ID: "eve"}, "AAAA-AAAA", "192.0.2.3:1"); sensocto.ErrorReason(err) == "unknown_code" {
				guesses++
			}
			if _, err := a.Device(sensocto.User{ID: "eve"}, "AAAA-AAAA", "192.0.2.3:1"); sensocto.ErrorReason(err) == "unknown_code" {
				guesses++
			}
		}
		if guesses > 10 {
			t.Errorf("%d guesses in a row", guesses)
		}
	})
}

// What one address or one person makes is bounded.
func TestAccounts_WhatIsMadeIsBounded(t *testing.T) {
	a := account.New(account.Options{Store: newStore(t), Guests: true})
	made := 0
	for range 60 {
		if _, err := a.Guest(t.Context(), "Gus", sensocto.Client{Address: "192.0.2.1:1"}); err == nil {
			made++
		} else if sensocto.ErrorReason(err) != "too_many_attempts" {
			t.Fatal(err)
		}
	}
	if made < 50 || made > 52 {
		t.Errorf("one address made %d guests", made)
	}
	if _, err := a.Guest(t.Context(), "Gus", sensocto.Client{Address: "192.0.2.2:1"}); err != nil {
		t.Errorf("another address: %v", err)
	}
	u, err := a.CreateUser(t.Context(), sensocto.SignUp{Name: "Ada", Email: "ada@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	first, err := a.Begin(t.Context(), u, sensocto.Client{})
	if err != nil {
		t.Fatal(err)
	}
	for range 120 {
		if _, err := a.Begin(t.Context(), u, sensocto.Client{}); err != nil {
			t.Fatal(err)
		}
	}
	if sessions, err := a.Sessions(t.Context(), u.ID); err != nil || len(sessions) != 100 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	if _, err := a.Authenticate(t.Context(), first.Secret); err == nil {
		t.Error("the oldest session did not end")
	}
	tokens := 0
	for range 120 {
		if _, _, err := a.CreateUserToken(t.Context(), u, sensocto.Token{Name: "strap", Scopes: []sensocto.Scope{sensocto.ScopeIngest}}); err == nil {
			tokens++
		} else if sensocto.ErrorReason(err) != "too_many_tokens" {
			t.Fatal(err)
		}
	}
	if tokens != 100 {
		t.Errorf("%d tokens", tokens)
	}
}
