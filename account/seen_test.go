package account_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/peopledb"
)

var errAway = errors.New("the database is away")

// watched returns accounts whose Run runs in the bubble.
func watched(t *testing.T, o account.Options) *account.Accounts {
	t.Helper()
	a := account.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1) // the one result
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
	return a
}

func wantCode(t *testing.T, a *account.Accounts, text string, want sensocto.Code) {
	t.Helper()
	if _, err := a.Authenticate(t.Context(), text); sensocto.ErrorCode(err) != want {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestAuthenticate_WhileTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newStore(t)
		a := watched(t, account.Options{Store: m, Grace: time.Minute})
		known, token := create(t, a, "known", sensocto.ScopeIngest)
		unknown, _ := create(t, a, "unknown", sensocto.ScopeIngest)
		revoked, _ := create(t, a, "revoked", sensocto.ScopeIngest)
		wantCode(t, a, known, "")
		wantCode(t, a, revoked, "")
		if err := a.Revoke(t.Context(), "revoked"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute) // nobody shows the token, but the store is watched

		m.setFail(errAway)
		time.Sleep(59 * time.Second)
		if id, err := a.Authenticate(t.Context(), known); err != nil || id.ID != token.ID || !id.Can(sensocto.ScopeIngest) || id.Can(sensocto.ScopeView) {
			t.Errorf("%+v, %v", id, err)
		}
		wantCode(t, a, known[:len(known)-1]+"!", sensocto.CodeUnauthorized) // a wrong secret
		wantCode(t, a, unknown, sensocto.CodeUnavailable)
		wantCode(t, a, revoked, sensocto.CodeUnavailable)
		time.Sleep(2 * time.Second)
		wantCode(t, a, known, sensocto.CodeUnavailable)
		m.setFail(nil)
		wantCode(t, a, known, "")
	})
}

// What was revoked while the store was away counts once it is back, and counts
// still when it goes away again.
func TestAuthenticate_RevokedWhileTheStoreWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newStore(t)
		way := &flaky{SQL: m.sql.SQL}
		server, elsewhere := watched(t, account.Options{Store: peopledb.New(way)}), account.New(account.Options{Store: m})
		text, token := create(t, server, "x", sensocto.ScopeView)
		wantCode(t, server, text, "")
		told := make(chan string, 4) // more than there are tokens
		defer server.OnRevoked(func(id string) { told <- id })()
		way.setFail(errAway)
		if err := elsewhere.Revoke(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		wantCode(t, server, text, "") // it cannot know
		way.setFail(nil)
		time.Sleep(2 * account.PollInterval)
		if id := <-told; id != token.ID {
			t.Errorf("told %s", id)
		}
		way.setFail(errAway)
		wantCode(t, server, text, sensocto.CodeUnauthorized)
		way.setFail(nil)
	})
}

func TestAuthenticate_GraceMayBeSwitchedOff(t *testing.T) {
	m := newStore(t)
	a := account.New(account.Options{Store: m})
	var texts []string
	for i := range 3 {
		text, _ := create(t, a, fmt.Sprint(i), sensocto.ScopeView)
		texts = append(texts, text)
		wantCode(t, a, text, "")
	}
	never := account.New(account.Options{Store: m, Grace: -1})
	wantCode(t, never, texts[0], "")
	m.setFail(errAway)
	for _, text := range texts {
		wantCode(t, a, text, "")
	}
	wantCode(t, never, texts[0], sensocto.CodeUnavailable)
}
