package sqlite_test

import (
	"flag"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

func TestMain(m *testing.M) {
	// Every restart of the model opens the file anew: a quarter of the usual
	// runs, unless the command line asks for more.
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// place is a database file.
type place struct {
	path string
	db   *sqlite.DB
}

func (p *place) Open(t testing.TB) store.Cold {
	t.Helper()
	if p.db != nil {
		if err := p.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	p.db = open(t, p.path, sqlite.Options{Exclusive: true})
	return p.db
}

func newPlace(t testing.TB) storetest.Place {
	return &place{path: filepath.Join(t.TempDir(), "sensocto.db")}
}

func open(t testing.TB, path string, o sqlite.Options) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestDB_IsAColdTier(t *testing.T) { storetest.Run(t, newPlace) }

func TestStore_AgreesWithTheModel(t *testing.T) { storetest.RunModel(t, newPlace) }

func TestStore_WorksWithIt(t *testing.T) { storetest.RunStore(t, newPlace) }
