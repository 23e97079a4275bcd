package sqlite_test

import (
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sqlite"
)

// A database of the version before rollups gets them, and keeps its chunks.
func TestOpen_BringsAnOldDatabaseUpToDate(t *testing.T) {
	path := dbPath(t)
	db := open(t, path, sqlite.Options{Exclusive: true})
	old := sensocto.Chunk{SensorID: "s", AttributeID: "a", Count: 10, MaxTime: 9, Data: []byte("x")}
	if err := db.WriteChunks(t.Context(), []sensocto.Chunk{old}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	with(t, path, "DROP TRIGGER rollup_insert", "DROP TRIGGER rollup_delete", "DROP TABLE rollup",
		"ALTER TABLE series DROP COLUMN rolled_1", "ALTER TABLE series DROP COLUMN rolled_2", "ALTER TABLE series DROP COLUMN rolled_3",
		"ALTER TABLE series DROP COLUMN rolled_4", "ALTER TABLE series DROP COLUMN rollup_bytes", "ALTER TABLE series DROP COLUMN rollup_spans",
		"DELETE FROM goose_db_version WHERE version_id >= 4")

	db = open(t, path, sqlite.Options{Exclusive: true})
	rollup := sensocto.Chunk{SensorID: "s", AttributeID: "a", Level: 1, Cell: 5, Count: 10, MaxTime: 9, Data: []byte("y")}
	if err := db.WriteChunks(t.Context(), []sensocto.Chunk{rollup}); err != nil {
		t.Fatal(err)
	}
	for level, want := range []string{"x", "y"} {
		var got string
		err := db.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: "s", AttributeID: "a", Level: level, BeforeSeq: 10},
			func(c *sensocto.Chunk) bool { got += string(c.Data); return true })
		if err != nil || got != want {
			t.Errorf("level %d has %q, %v", level, got, err)
		}
	}
	list, err := db.Series(t.Context())
	if err != nil || len(list) != 1 || list[0].Rolled != [4]int64{10} || list[0].Samples != 10 || list[0].RollupBytes != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}
