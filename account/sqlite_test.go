package account_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/sqlite"
)

// A command beside the server: two handles on one database file.
func TestSQLite_AnotherProcessCountsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	open := func(exclusive bool) *account.Accounts {
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{Exclusive: exclusive})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return account.New(account.Options{Store: peopledb.New(db)})
	}
	server, command := open(true), open(false)
	if _, created, err := server.EnsureAdmin(t.Context()); err != nil || !created {
		t.Fatal(created, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Run(ctx) })
	defer running.Wait()
	defer cancel()
	told := make(chan string, 8) // more than there are tokens
	defer server.OnRevoked(func(id string) { told <- id })()

	text, token := create(t, command, "x", sensocto.ScopeView)
	if id, err := server.Authenticate(t.Context(), text); err != nil || id.ID != token.ID || !id.Can(sensocto.ScopeView) {
		t.Fatalf("%+v, %v", id, err)
	}
	if err := command.Revoke(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Authenticate(t.Context(), text); !errors.Is(err, sensocto.ErrUnauthorized) {
		t.Errorf("%v", err)
	}
	if id := <-told; id != token.ID {
		t.Errorf("told %s", id)
	}
	if _, created, err := command.EnsureAdmin(t.Context()); created || err != nil {
		t.Error(created, err)
	}
}
