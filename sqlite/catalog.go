package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/sensocto/sensocto"
)

// SaveSensor stores a sensor with its owner and exactly its attributes, but
// neither their last values nor the activity.
func (db *DB) SaveSensor(ctx context.Context, s sensocto.Sensor) error {
	return db.SaveSensors(ctx, []sensocto.Sensor{s})
}

// SaveSensors is SaveSensor for many, in one transaction: all are stored, or
// none.
func (db *DB) SaveSensors(ctx context.Context, sensors []sensocto.Sensor) error {
	return db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range sensors {
			if err := saveSensor(ctx, tx, s); err != nil {
				return fmt.Errorf("save sensor %s: %w", s.ID, err)
			}
		}
		return nil
	})
}

func saveSensor(ctx context.Context, tx *sql.Tx, s sensocto.Sensor) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO sensor (id, name, type, connector_id, connector_name, sampling_rate, owner_id, brought_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name, type = excluded.type,
		connector_id = excluded.connector_id, connector_name = excluded.connector_name,
		sampling_rate = excluded.sampling_rate, owner_id = excluded.owner_id, brought_by = excluded.brought_by`,
		s.ID, s.Name, s.Type, s.ConnectorID, s.ConnectorName, s.SamplingRate, s.OwnerID, s.BroughtBy)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM attribute WHERE sensor_id = ?`, s.ID); err != nil {
		return err
	}
	return insertAttributes(ctx, tx, s)
}

func insertAttributes(ctx context.Context, tx *sql.Tx, s sensocto.Sensor) error {
	for _, a := range s.Attributes {
		_, err := tx.ExecContext(ctx, `INSERT INTO attribute (sensor_id, id, name, type, unit, sampling_rate) VALUES (?, ?, ?, ?, ?, ?)`,
			s.ID, a.ID, a.Name, a.Type, a.Unit, a.SamplingRate)
		if err != nil {
			return err
		}
	}
	return nil
}

// LoadSensors returns all sensors with their attributes, both sorted by id.
// Texts that were stored before they were checked are cleaned.
func (db *DB) LoadSensors(ctx context.Context) ([]sensocto.Sensor, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT s.id, s.name, s.type, s.connector_id, s.connector_name, s.sampling_rate, s.owner_id, s.brought_by,
		a.id, a.name, a.type, a.unit, a.sampling_rate
		FROM sensor s LEFT JOIN attribute a ON a.sensor_id = s.id ORDER BY s.id, a.id`)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var list []sensocto.Sensor
	for rows.Next() {
		s := sensocto.Sensor{Attributes: []sensocto.Attribute{}}
		var id, name, kind, unit sql.NullString
		var rate sql.NullFloat64
		if err := rows.Scan(&s.ID, &s.Name, &s.Type, &s.ConnectorID, &s.ConnectorName, &s.SamplingRate, &s.OwnerID, &s.BroughtBy,
			&id, &name, &kind, &unit, &rate); err != nil {
			return nil, err
		}
		if len(list) == 0 || list[len(list)-1].ID != s.ID {
			list = append(list, s)
		}
		if last := &list[len(list)-1]; id.Valid {
			last.Attributes = append(last.Attributes, sensocto.Attribute{
				ID: id.String, Name: name.String, Type: kind.String, Unit: unit.String, SamplingRate: rate.Float64,
			})
		}
	}
	for i := range list {
		list[i] = list[i].Clean()
	}
	return list, explain(rows.Err())
}

// DeleteSensor removes a sensor and its attributes from the catalog; its
// samples are the business of DeleteSamples. An unknown one is no error.
func (db *DB) DeleteSensor(ctx context.Context, id string) error {
	return db.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sensor WHERE id = ?`, id)
		return err
	})
}
