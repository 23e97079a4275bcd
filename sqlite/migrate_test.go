package sqlite_test

import (
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/sqlite"
)

// withoutNewer takes back what the migrations after that of people bring.
var withoutNewer = []string{"DROP TABLE erased_member", "DROP TABLE room_fact", "DROP TABLE shared_room", "DROP TABLE person_key", "ALTER TABLE sensor DROP COLUMN brought_by", "ALTER TABLE token DROP COLUMN confirmed_at", "ALTER TABLE token DROP COLUMN used_at", "DROP TABLE recording", "ALTER TABLE account DROP COLUMN erased_at", "ALTER TABLE account DROP COLUMN email_proven", "DROP TABLE alert", "DROP TABLE audit"}

// withoutPeople takes back what the migration of people brings.
var withoutPeople = []string{
	"DROP TABLE change_version", "DROP TABLE change", "DROP TABLE notification", "DROP TABLE invitation", "DROP TABLE sensor_grant", "DROP TABLE share",
	"DROP TABLE ban", "DROP TABLE member", "DROP TABLE room", "DROP TABLE external_identity", "DROP TABLE passkey", "DROP TABLE link", "DROP TABLE account",
	"DROP INDEX token_account", "ALTER TABLE token DROP COLUMN kind", "ALTER TABLE token DROP COLUMN account_id", "ALTER TABLE token DROP COLUMN expires_at",
	"ALTER TABLE token DROP COLUMN sensor_ids", "ALTER TABLE token DROP COLUMN device",
	"CREATE TABLE token_version (version INTEGER NOT NULL) STRICT", "INSERT INTO token_version (version) VALUES (7)",
	"INSERT INTO token (id, name, scopes, secret_hash, created_at) VALUES ('old', 'strap', 'ingest', x'01', 1000000)",
}

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
	with(t, path, withoutNewer...)
	with(t, path, withoutPeople...)
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
	token, err := peopledb.New(db).Token(t.Context(), "old")
	if err != nil || token.Name != "strap" || token.Kind != sensocto.KindToken || !token.Valid(time.Now()) {
		t.Errorf("the old token is %+v, %v", token, err)
	}
	list, err := db.Series(t.Context())
	if err != nil || len(list) != 1 || list[0].Rolled != [4]int64{10} || list[0].Samples != 10 || list[0].RollupBytes != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

// A database of the version before the audit log gets it, and keeps its people.
func TestOpen_BringsADatabaseOfPeopleUpToDate(t *testing.T) {
	path := dbPath(t)
	db := open(t, path, sqlite.Options{Exclusive: true})
	if err := peopledb.New(db).InsertUser(t.Context(), sensocto.User{ID: "u1", Name: "Ada", Version: 1}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	with(t, path, withoutNewer...)
	with(t, path, "DELETE FROM goose_db_version WHERE version_id >= 6")

	people := peopledb.New(open(t, path, sqlite.Options{Exclusive: true}))
	if err := people.InsertAudit(t.Context(), []sensocto.AuditEvent{{ID: "e1", Action: sensocto.AuditSignedIn, ActorID: "u1"}}); err != nil {
		t.Error(err)
	}
	if events, err := people.Audit(t.Context(), sensocto.AuditQuery{UserID: "u1", Limit: 10}); err != nil || len(events) != 1 {
		t.Errorf("%+v, %v", events, err)
	}
	if u, err := people.User(t.Context(), "u1"); err != nil || u.Name != "Ada" {
		t.Errorf("%+v, %v", u, err)
	}
}
