package postgres_test

import (
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/postgres"
	"github.com/sensocto/sensocto/postgres/postgrestest"
)

// withoutNewer takes back what the migrations after that of people bring.
const withoutNewer = "ALTER TABLE sensocto.sensor DROP COLUMN brought_by; ALTER TABLE sensocto.token DROP COLUMN confirmed_at, DROP COLUMN used_at; ALTER TABLE sensocto.account DROP COLUMN erased_at, DROP COLUMN email_proven; DROP TABLE sensocto.erased_member, sensocto.room_fact, sensocto.shared_room, sensocto.person_key, sensocto.recording, sensocto.alert, sensocto.audit; DROP FUNCTION sensocto.refuse_audit_update"

// A database of the version before the audit log gets it, and keeps its people.
func TestOpen_BringsADatabaseOfPeopleUpToDate(t *testing.T) {
	url := shared.Database(t)
	db := open(t, url, postgres.Options{Exclusive: true})
	if err := peopledb.New(db).InsertUser(t.Context(), sensocto.User{ID: "u1", Name: "Ada", Version: 1}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	postgrestest.Exec(t, url, withoutNewer, "DELETE FROM "+postgres.VersionTable+" WHERE version_id >= 7")

	people := peopledb.New(open(t, url, postgres.Options{Exclusive: true}))
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
