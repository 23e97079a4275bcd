package account_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
)

func TestPasskeys_AChallengeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := account.New(account.Options{Store: nil})
		if err := a.ServeAt(site); err != nil {
			t.Fatal(err)
		}
		options, err := a.BeginPasskeySignIn(home)
		if err != nil {
			t.Fatal(err)
		}
		key := newAuthenticator()
		key.Create(t, []byte(`{"challenge":"AA","rp":{"id":"localhost"},"user":{"id":"AA"}}`))
		time.Sleep(5 * time.Minute)
		_, err = a.SignInWithPasskey(t.Context(), key.Sign(t, options), home)
		refused(t, err, "challenge_expired")
	})
}

// A flood of one address ends its own challenges, not those of others.
func TestPasskeys_ChallengesAreBoundedByAddress(t *testing.T) {
	k := newKeyring(t)
	a := newAuthenticator()
	if _, err := k.register("x", a); err != nil {
		t.Fatal(err)
	}
	mine := a.Sign(t, k.options())
	flood := sensocto.Client{Address: "198.51.100.7:1"}
	first, err := k.BeginPasskeySignIn(flood)
	if err != nil {
		t.Fatal(err)
	}
	for range 20_000 {
		if _, err := k.BeginPasskeySignIn(flood); err != nil {
			t.Fatal(err)
		}
	}
	_, err = k.SignInWithPasskey(t.Context(), a.Sign(t, first), flood)
	refused(t, err, "challenge_expired")
	a.Counter = 1
	if _, err := k.SignInWithPasskey(t.Context(), mine, home); err != nil {
		t.Error(err)
	}
}
