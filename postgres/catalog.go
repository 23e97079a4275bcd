package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/sensocto/sensocto"
)

// SaveSensor stores a sensor with its owner and exactly its attributes, but
// neither their last values nor the activity.
func (db *DB) SaveSensor(ctx context.Context, s sensocto.Sensor) error {
	return db.SaveSensors(ctx, []sensocto.Sensor{s})
}

// SaveSensors is SaveSensor for many, in one transaction and one round trip:
// all are stored, or none.
func (db *DB) SaveSensors(ctx context.Context, sensors []sensocto.Sensor) error {
	return db.transact(ctx, func(ctx context.Context, _ *writer, tx pgx.Tx) error {
		b := &pgx.Batch{}
		for _, s := range sensors {
			queueSensor(b, s)
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

func queueSensor(b *pgx.Batch, s sensocto.Sensor) {
	b.Queue(`INSERT INTO sensor (id, name, type, connector_id, connector_name, sampling_rate, owner_id, brought_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type,
		connector_id = excluded.connector_id, connector_name = excluded.connector_name,
		sampling_rate = excluded.sampling_rate, owner_id = excluded.owner_id, brought_by = excluded.brought_by`,
		s.ID, s.Name, s.Type, s.ConnectorID, s.ConnectorName, s.SamplingRate, s.OwnerID, s.BroughtBy)
	b.Queue(`DELETE FROM attribute WHERE sensor_id = $1`, s.ID)
	for _, a := range s.Attributes {
		b.Queue(`INSERT INTO attribute (sensor_id, id, name, type, unit, sampling_rate) VALUES ($1, $2, $3, $4, $5, $6)`,
			s.ID, a.ID, a.Name, a.Type, a.Unit, a.SamplingRate)
	}
}

// LoadSensors returns all sensors with their attributes, both sorted by id.
// Texts that were stored before they were checked are cleaned.
func (db *DB) LoadSensors(ctx context.Context) (list []sensocto.Sensor, err error) {
	err = db.query(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		list = nil
		rows, err := conn.Query(ctx, `SELECT s.id, s.name, s.type, s.connector_id, s.connector_name, s.sampling_rate, s.owner_id, s.brought_by,
			a.id, coalesce(a.name, ''), coalesce(a.type, ''), coalesce(a.unit, ''), coalesce(a.sampling_rate, 0)
			FROM sensor s LEFT JOIN attribute a ON a.sensor_id = s.id ORDER BY s.id COLLATE "C", a.id COLLATE "C"`)
		if err != nil {
			return err
		}
		var s sensocto.Sensor
		var a sensocto.Attribute
		var id *string
		_, err = pgx.ForEachRow(rows, []any{&s.ID, &s.Name, &s.Type, &s.ConnectorID, &s.ConnectorName, &s.SamplingRate, &s.OwnerID, &s.BroughtBy,
			&id, &a.Name, &a.Type, &a.Unit, &a.SamplingRate}, func() error {
			if len(list) == 0 || list[len(list)-1].ID != s.ID {
				s.Attributes = []sensocto.Attribute{}
				list = append(list, s)
			}
			if last := &list[len(list)-1]; id != nil {
				a.ID = *id
				last.Attributes = append(last.Attributes, a)
			}
			return nil
		})
		return err
	})
	for i := range list {
		list[i] = list[i].Clean()
	}
	return list, err
}

// DeleteSensor removes a sensor and its attributes from the catalog; its
// samples are the business of DeleteSamples. An unknown one is no error.
func (db *DB) DeleteSensor(ctx context.Context, id string) error {
	return db.transact(ctx, func(ctx context.Context, _ *writer, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM sensor WHERE id = $1`, id)
		return err
	})
}
