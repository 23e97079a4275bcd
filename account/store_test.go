package account_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is a database that several Accounts may share, as processes do. It can
// be told to fail.
type store struct {
	*peopledb.DB
	sql *flaky
}

func newStore(t testing.TB) *store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "sensocto.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &flaky{SQL: db}
	return &store{DB: peopledb.New(f), sql: f}
}

func (s *store) setFail(err error) { s.sql.setFail(err) }

// flaky is the way to a database, which can be cut.
type flaky struct {
	peopledb.SQL
	mu   sync.Mutex
	fail error
}

func (f *flaky) setFail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *flaky) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fail
}

func (f *flaky) Update(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.SQL.Update(ctx, do)
}

func (f *flaky) View(ctx context.Context, do func(context.Context, *sql.DB) error) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.SQL.View(ctx, do)
}
