package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/store"
)

// maxImports bounds the uploads that are taken at once: each holds a chunk of
// every attribute, and they share the cold tier. Who comes then is refused.
const maxImports = 2

// importer takes uploaded recordings.
type importer struct {
	sensors *sensor.Registry
	store   *store.Store
	log     *slog.Logger

	mu   sync.Mutex // guards busy
	busy map[string]bool
}

func newImporter(sensors *sensor.Registry, s *store.Store, log *slog.Logger) *importer {
	return &importer{sensors: sensors, store: s, log: log, busy: make(map[string]bool)}
}

// claim lets one import at a time work on a sensor.
func (im *importer) claim(sensorID string) error {
	im.mu.Lock()
	defer im.mu.Unlock()
	switch {
	case im.busy[sensorID]:
		return &sensocto.Error{Code: sensocto.CodeConflict, Reason: "busy", Message: "a recording of this sensor is being imported: wait for its end"}
	case len(im.busy) >= maxImports:
		return &sensocto.Error{Code: sensocto.CodeConflict, Reason: "busy", Message: "other recordings are being imported: wait for the end of one"}
	}
	im.busy[sensorID] = true
	return nil
}

func (im *importer) release(sensorID string) {
	im.mu.Lock()
	defer im.mu.Unlock()
	delete(im.busy, sensorID)
}

// run stores an upload. It returns when all of it is on disk.
func (im *importer) run(ctx context.Context, id sensocto.Identity, sensorID string, body io.Reader) (done sensocto.Imported, err error) {
	if err := im.claim(sensorID); err != nil {
		return done, err
	}
	defer im.release(sensorID)
	began := time.Now()
	upload, err := newImportReader(body)
	if err != nil {
		return done, err
	}
	if err := im.sensors.Register(ctx, id, upload.manifest.registration(sensorID)); err != nil {
		return done, err
	}
	done, err = im.take(ctx, sensorID, upload)
	done.LeftOut = upload.manifest.LeftOut
	refreshed := im.sensors.Refresh(ctx, sensorID)
	if err = errors.Join(err, refreshed); err != nil {
		im.log.Warn("an import ended early: what it brought stays, and is not stored again", "sensor", sensorID, "samples", done.Stored, "err", err)
		return done, err
	}
	im.log.Info("imported", "sensor", sensorID, "samples", done.Stored, "known", done.Known, "left_out", done.LeftOut, "took", time.Since(began).Round(time.Millisecond))
	return done, nil
}

func (im *importer) take(ctx context.Context, sensorID string, upload *importReader) (sensocto.Imported, error) {
	i := im.store.Import(sensorID)
	for {
		attribute, cols, err := upload.next()
		if err != nil { // what came whole is kept
			if err == io.EOF {
				err = nil
			}
			err = errors.Join(err, i.Flush(ctx))
			return i.Done(), err
		}
		if _, ok := im.sensors.Sensor(sensorID); !ok {
			return i.Done(), errDeletedMeanwhile
		}
		if err := i.Add(ctx, attribute, cols); err != nil {
			return i.Done(), err
		}
	}
}

var errDeletedMeanwhile = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "deleted", Message: "the sensor was deleted meanwhile"}
