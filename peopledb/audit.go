package peopledb

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sensocto/sensocto"
)

// InsertAudit adds events to the audit log, all or none. Those whose id is there
// already are left out, so that a batch may be written again.
func (db *DB) InsertAudit(ctx context.Context, events []sensocto.AuditEvent) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, e := range events {
			if _, err := tx.ExecContext(ctx, `INSERT INTO audit (id, at, action, actor_id, credential_id, account_id, sensor_id, room_id, address, detail)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
				e.ID, micros(e.At), string(e.Action), e.ActorID, e.CredentialID, e.UserID, e.SensorID, e.RoomID, e.Address, e.Detail); err != nil {
				return err
			}
		}
		return nil
	})
}

const auditColumns = `SELECT id, at, action, actor_id, credential_id, account_id, sensor_id, room_id, address, detail FROM audit`

// Audit returns events of the audit log, newest first.
func (db *DB) Audit(ctx context.Context, q sensocto.AuditQuery) ([]sensocto.AuditEvent, error) {
	if q.Before == "" {
		q.Before = "g" // behind every id, which is hexadecimal
	}
	if q.UserID == "" {
		return view(ctx, db, scanAudit, auditColumns+` WHERE id < $1 ORDER BY id DESC LIMIT $2`, q.Before, q.Limit)
	}
	// Each half is read in the order of its index, and no further than the limit.
	half := func(column string) string {
		return `SELECT * FROM (` + auditColumns + ` WHERE ` + column + ` = $1 AND id < $2 ORDER BY id DESC LIMIT $3) AS ` + column
	}
	return view(ctx, db, scanAudit, half("actor_id")+` UNION `+half("account_id")+` ORDER BY id DESC LIMIT $3`, q.UserID, q.Before, q.Limit)
}

// ForgetAudit removes up to limit events from before a time, and returns how
// many it removed.
func (db *DB) ForgetAudit(ctx context.Context, before time.Time, limit int) (n int64, err error) {
	err = db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err = affect(ctx, tx, `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < $1 ORDER BY id LIMIT $2)`, firstID(before), limit)
		return err
	})
	return n, err
}

// firstID returns the least UUID of version 7 that is made at a time: ids begin
// with the milliseconds.
func firstID(at time.Time) string {
	ms := max(0, at.UnixMilli())
	return fmt.Sprintf("%08x-%04x-7000-8000-000000000000", ms>>16, ms&0xffff)
}

func scanAudit(row *sql.Rows) (e sensocto.AuditEvent, err error) {
	var at int64
	err = row.Scan(&e.ID, &at, &e.Action, &e.ActorID, &e.CredentialID, &e.UserID, &e.SensorID, &e.RoomID, &e.Address, &e.Detail)
	e.At = fromMicros(at)
	return e, err
}
