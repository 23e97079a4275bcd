package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
)

// Totals that somebody changed are those of the chunks again, and what cannot
// be told from chunks, such as numbers that were given, stays.
func TestRecount(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{})
	rollup := small("s", 0, 30)
	rollup.Level, rollup.Cell = 1, 1000
	if err := db.WriteChunks(t.Context(), []sensocto.Chunk{small("s", 0, 10), small("s", 1, 10), small("s", 2, 10), rollup, small("other", 0, 5)}); err != nil {
		t.Fatal(err)
	}
	list := func() map[string]sensocto.SeriesInfo {
		series, err := db.Series(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		bySensor := make(map[string]sensocto.SeriesInfo)
		for _, s := range series {
			bySensor[s.SensorID] = s
		}
		return bySensor
	}
	want := list()
	postgrestest.Exec(t, url, `UPDATE sensocto.series SET samples = -1, chunks = 99, bytes = 1, rollup_bytes = 7, spans = 0, rollup_spans = 0, rolled = '{0,0,0,0}'`)
	if err := db.Recount(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, list()); diff != "" {
		t.Error(diff)
	}
	requireChunks(t, db, "s", 3)
}
