package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/account/accounttest"
)

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
	if bare, err = f.db.UpdateUser(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	refused(t, f.Unlink(t.Context(), bare, f.issuer.URL), "last_way_in")
	bare.PasswordHash = ada.PasswordHash
	if ada, err = f.db.UpdateUser(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	refused(t, f.Unlink(t.Context(), eve, f.issuer.URL), "not_found")
	if err := f.Unlink(t.Context(), ada, f.issuer.URL); err != nil {
		t.Fatal(err)
	}
	_, err = f.signIn()
	refused(t, err, "registration_closed")
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

func TestOIDC_WhatItSaysOfAPerson(t *testing.T) {
	f := newFederation(t, account.RegistrationOpen)
	f.issuer.Tell = func(claims map[string]any) { claims["email_verified"] = "true" } // as some issuers write it
	if s, err := f.signIn(); err != nil || s.User.Email != "grace@example.org" {
		t.Errorf("%+v %v", s.User, err)
	}
	f.issuer.Tell = func(claims map[string]any) { claims["sub"] = "somebody else" }
	_, err := f.signIn()
	refused(t, err, "issuer_refused")
}
