package postgres_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

var shared postgrestest.Shared

func TestMain(m *testing.M) {
	// Every restart of the model opens the database anew: a quarter of the usual
	// runs, unless the command line asks for more.
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(shared.Around(m))
}

// place is a database.
type place struct {
	url string
	db  *postgres.DB
}

func (p *place) Open(t testing.TB) store.Cold {
	t.Helper()
	if p.db != nil {
		if err := p.db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// The server may take a moment to notice that the connection before is gone.
	eventually(t, "the database", func() (err error) {
		p.db, err = postgres.Open(t.Context(), p.url, postgres.Options{Exclusive: true})
		return err
	})
	db := p.db
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newPlace(t testing.TB) storetest.Place { return &place{url: shared.Database(t)} }

func open(t testing.TB, url string, o postgres.Options) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, o)
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
