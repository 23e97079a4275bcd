package main

import (
	"context"
	"io"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/backup"
)

// backupTo returns a function that writes a backup of the running server, one
// at a time: each reads the whole database. roomKey is the file of the secret of shared
// rooms.
func (s *server) backupTo(db database, roomKey string) func(context.Context, io.Writer) error {
	turn := make(chan struct{}, 1) // one slot: who finds it taken is refused
	return func(ctx context.Context, w io.Writer) error {
		select {
		case turn <- struct{}{}:
		default:
			return &sensocto.Error{Code: sensocto.CodeConflict, Reason: "busy", Message: "another backup is under way: wait for its end"}
		}
		defer func() { <-turn }()
		began := time.Now()
		streams := s.store.Streams() // first: all that they say was taken is in the backup
		if err := s.store.Flush(ctx); err != nil {
			s.log.Error("no backup: samples cannot be written to the database", "err", err)
			return &sensocto.Error{Code: sensocto.CodeUnavailable, Message: "samples that were taken cannot be written to the database now, so a backup would lack them: see the server's log"}
		}
		sensors := func(context.Context) ([]sensocto.Sensor, error) { return s.sensors.Sensors(), nil }
		totals, err := backup.Write(ctx, w, backupSource(db, sensors, s.people, streams, roomKey), nil)
		if err != nil {
			return err
		}
		s.log.Info("backup made", "series", totals.Series, "samples", totals.Samples, "bytes", totals.Bytes,
			"damaged", totals.Damaged, "took", time.Since(began).Round(time.Millisecond))
		return nil
	}
}
