package client

import (
	"context"
	"errors"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/wire"
)

// Bounds of one frame: a backlog leaves in several.
const (
	maxBatch      = 1000      // measurements
	maxBatchBytes = 256 << 10 // estimated bytes of JSON
)

// pump sends batches when they are due, until the device or the client ends.
func (d *Device) pump() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, wait := d.next(time.Now())
		if due {
			if wait = d.sendBatch(); wait == 0 {
				continue
			}
		}
		timer.Reset(wait)
		select {
		case <-d.wake:
		case <-timer.C:
		case <-d.sensor.Done():
			return
		case <-d.c.ctx.Done():
			return
		}
	}
}

// next copies the next batch into d.batch if it is due, and says otherwise how
// long to wait for that.
func (d *Device) next(now time.Time) (due bool, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.backpressure
	if len(d.queue) == 0 || b.Paused && d.o.File == "" {
		return false, time.Hour // paused, a stream with a file takes more
	}
	age, window := now.Sub(d.oldest), time.Duration(b.BatchWindowMS)*time.Millisecond
	if !d.flush && len(d.queue) < b.BatchSize && age < window {
		return false, window - age
	}
	d.batch = d.batch[:0]
	size := 0
	for _, m := range d.queue[:min(len(d.queue), maxBatch)] {
		if size += 80 + len(m.Document); size > maxBatchBytes && len(d.batch) > 0 {
			break
		}
		d.batch = append(d.batch, m)
	}
	// What one frame does not carry is due as well. What is added while it is
	// sent is younger than this.
	d.rest = now
	if len(d.batch) < len(d.queue) {
		d.rest = now.Add(-window)
	}
	return true, 0
}

// sendBatch sends d.batch and takes it off the queue. Where that cannot be at
// present, the batch stays queued, and it returns when to try again.
func (d *Device) sendBatch() (wait time.Duration) {
	err := d.transmit(d.batch)
	switch {
	case errors.Is(err, ErrDisconnected), errors.Is(err, context.Canceled):
		return time.Hour // the next join wakes the pump
	case errors.Is(err, errKeep):
		d.c.log.Warn("measurements wait in memory", "sensor", d.o.SensorID, "err", err)
		return time.Second
	case err != nil: // cannot be encoded: the caller's fault, and no reason to stop
		d.c.stats.lost.Add(1)
		d.c.log.Warn("batch not sent", "sensor", d.o.SensorID, "err", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	rest := copy(d.queue, d.queue[len(d.batch):])
	clear(d.queue[rest:]) // documents must not be kept alive
	d.queue = d.queue[:rest]
	d.oldest = d.rest
	if rest == 0 {
		d.flush = false
		if d.empty != nil {
			close(d.empty)
			d.empty = nil
		}
	}
	return 0
}

// transmit encodes one batch and hands it to the connection.
func (d *Device) transmit(batch []sensocto.Measurement) error {
	ctx := d.c.ctx
	switch {
	case d.o.Binary && !wire.HasDocuments(batch): // columns carry numbers alone
		return d.stream.sendBatch(ctx, batch)
	case d.stream != nil:
		return d.stream.SendMeasurements(ctx, batch)
	case len(batch) == 1:
		d.body = wire.AppendItem(d.body[:0], &batch[0])
		return d.sensor.Send(ctx, sensocto.EventMeasurement, d.body)
	}
	d.body = wire.AppendMeasurements(d.body[:0], batch)
	return d.sensor.Send(ctx, sensocto.EventMeasurementsBatch, d.body)
}
