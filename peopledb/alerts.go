package peopledb

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errTooManyAlerts   = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_alerts", Message: "you have as many alert rules as the server allows: delete one first"}
	errTooManyOnSensor = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_alerts_of_sensor", Message: "the sensor has as many alert rules as the server allows"}
)

// InsertAlert stores a rule. It returns an error of code rate_limited where its
// owner, or the sensor, has as many as given.
func (db *DB) InsertAlert(ctx context.Context, r sensocto.AlertRule, ofOwner, ofSensor int) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The account's row stays locked until the end: two rules made at once count
		// each other.
		if err := mustAffect(ctx, tx, sensocto.ErrNotFound, `UPDATE account SET version = version WHERE id = $1`, r.OwnerID); err != nil {
			return err
		}
		var owned, there int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM alert WHERE account_id = $1`, r.OwnerID).Scan(&owned); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM alert WHERE sensor_id = $1`, r.SensorID).Scan(&there); err != nil {
			return err
		}
		switch {
		case owned >= ofOwner:
			return errTooManyAlerts
		case there >= ofSensor:
			return errTooManyOnSensor
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO alert (id, account_id, sensor_id, attribute_id, name, condition, low, high, hysteresis, after_us, pause_us,
			notify, email, webhook_url, webhook_secret, enabled, created_at, version, firing, changed_at, fired_at, value)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 1, 0, 0, 0, 0)`,
			r.ID, r.OwnerID, r.SensorID, r.AttributeID, r.Name, string(r.Condition), r.Low, r.High, r.Hysteresis, r.After.Microseconds(), r.Pause.Microseconds(),
			strings.Join(r.Notify, ","), bit(r.Email), r.WebhookURL, r.WebhookSecret, bit(r.Enabled), micros(r.CreatedAt))
		return err
	})
}

// UpdateAlert stores a rule whose version is still r.Version, with its state. It
// returns an error of code conflict where another change came first, and
// sensocto.ErrNotFound for an unknown rule.
func (db *DB) UpdateAlert(ctx context.Context, r sensocto.AlertRule, s sensocto.AlertState) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var version int64
		switch err := tx.QueryRowContext(ctx, `SELECT version FROM alert WHERE id = $1`, r.ID).Scan(&version); {
		case isNoRows(err):
			return sensocto.ErrNotFound
		case err != nil:
			return err
		}
		return mustAffect(ctx, tx, errConflict, `UPDATE alert SET attribute_id = $1, name = $2, condition = $3, low = $4, high = $5, hysteresis = $6,
			after_us = $7, pause_us = $8, notify = $9, email = $10, webhook_url = $11, webhook_secret = $12, enabled = $13,
			firing = $14, changed_at = $15, fired_at = $16, value = $17, version = version + 1 WHERE id = $18 AND version = $19`,
			r.AttributeID, r.Name, string(r.Condition), r.Low, r.High, r.Hysteresis, r.After.Microseconds(), r.Pause.Microseconds(),
			strings.Join(r.Notify, ","), bit(r.Email), r.WebhookURL, r.WebhookSecret, bit(r.Enabled),
			bit(s.Firing), micros(s.ChangedAt), micros(s.FiredAt), s.Value, r.ID, r.Version)
	})
}

// SaveAlertStates stores the states of rules; those of rules that are gone are
// left out.
func (db *DB) SaveAlertStates(ctx context.Context, states []sensocto.AlertState) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range states {
			if _, err := tx.ExecContext(ctx, `UPDATE alert SET firing = $1, changed_at = $2, fired_at = $3, value = $4 WHERE id = $5`,
				bit(s.Firing), micros(s.ChangedAt), micros(s.FiredAt), s.Value, s.RuleID); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteAlert removes a rule of a user, or returns sensocto.ErrNotFound.
func (db *DB) DeleteAlert(ctx context.Context, ownerID, id string) error {
	return db.sql.Update(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return mustAffect(ctx, tx, sensocto.ErrNotFound, `DELETE FROM alert WHERE id = $1 AND account_id = $2`, id, ownerID)
	})
}

const alertColumns = `SELECT id, account_id, sensor_id, attribute_id, name, condition, low, high, hysteresis, after_us, pause_us,
	notify, email, webhook_url, webhook_secret, enabled, created_at, version, firing, changed_at, fired_at, value FROM alert`

// Alert returns a rule of a user, or sensocto.ErrNotFound.
func (db *DB) Alert(ctx context.Context, ownerID, id string) (sensocto.AlertInfo, error) {
	return one(ctx, db, scanAlert, alertColumns+` WHERE id = $1 AND account_id = $2`, id, ownerID)
}

// Alerts returns up to limit rules of a user behind an id, in order of creation.
func (db *DB) Alerts(ctx context.Context, ownerID, after string, limit int) ([]sensocto.AlertInfo, error) {
	return view(ctx, db, scanAlert, alertColumns+` WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`, ownerID, after, limit)
}

// AllAlerts returns up to limit rules of all users behind an id.
func (db *DB) AllAlerts(ctx context.Context, after string, limit int) ([]sensocto.AlertInfo, error) {
	return view(ctx, db, scanAlert, alertColumns+` WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}

func scanAlert(row *sql.Rows) (i sensocto.AlertInfo, err error) {
	r, s := &i.Rule, &i.State
	var after, pause, email, enabled, created, firing, changed, fired int64
	var notify string
	err = row.Scan(&r.ID, &r.OwnerID, &r.SensorID, &r.AttributeID, &r.Name, &r.Condition, &r.Low, &r.High, &r.Hysteresis, &after, &pause,
		&notify, &email, &r.WebhookURL, &r.WebhookSecret, &enabled, &created, &r.Version, &firing, &changed, &fired, &s.Value)
	r.After, r.Pause = time.Duration(after)*time.Microsecond, time.Duration(pause)*time.Microsecond
	r.Email, r.Enabled, r.CreatedAt = email != 0, enabled != 0, fromMicros(created)
	if notify != "" {
		r.Notify = strings.Split(notify, ",")
	}
	s.RuleID, s.Firing, s.ChangedAt, s.FiredAt = r.ID, firing != 0, fromMicros(changed), fromMicros(fired)
	return i, err
}
