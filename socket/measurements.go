package socket

import (
	"context"
	"errors"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/request"
	"github.com/sensocto/sensocto/wire"
)

// maxUnanswered bounds the acknowledged batches of a device that wait for the
// disk.
const maxUnanswered = 256

// acks reports whether measurements are answered also when all is well.
func (d *device) acks() bool { return d.ack || d.conn.isUnity(d.connectorID) }

// takesAtOnce reports whether a frame is measurements which the sensor takes without a wait.
func (d *device) takesAtOnce(f *phx.Frame) bool {
	switch string(f.Event) {
	case "measurement", "measurements_batch":
		return d.link.Ready()
	}
	return false
}

// empty returns a batch to decode into.
func (d *device) empty() *sensocto.Batch {
	b := d.spare
	if d.spare = nil; b == nil {
		b = d.link.Batch()
	}
	return b
}

func (d *device) measurement(ctx context.Context, f *phx.Frame) error {
	if f.Binary {
		return request.ErrInvalidPayload
	}
	b := d.empty()
	if err := d.decoder.Measurement(b, f.Payload); err != nil {
		return d.undecoded(f, b, err)
	}
	var done func(error)
	if d.acks() {
		done = d.answer(f, phx.StatusOK, []byte("{}"))
	}
	d.conn.pacing.unanswered = done == nil
	return d.counted(1, d.link.Push(ctx, b, done))
}

func (d *device) batch(ctx context.Context, f *phx.Frame) error {
	if f.Binary {
		return request.ErrInvalidPayload
	}
	b := d.empty()
	r, err := d.decoder.Batch(b, f.Payload)
	if err != nil {
		return d.undecoded(f, b, err)
	}
	var done func(error)
	switch {
	case r.Failed > 0:
		done = d.answer(f, phx.StatusError, r.AppendInvalid(nil))
	case d.acks():
		done = d.answer(f, phx.StatusOK, r.AppendAccepted(nil))
	}
	d.conn.pacing.unanswered = done == nil
	if n := len(b.Measurements); n > 0 {
		return d.counted(n, d.link.Push(ctx, b, done))
	}
	d.spare = b
	if done != nil {
		done(nil)
	}
	return nil
}

// acknowledged is the event measurements, as JSON or as columns: answered when
// the batch is on disk. When maxUnanswered batches wait for that, so does the
// reader, and TCP slows the device.
func (d *device) acknowledged(ctx context.Context, f *phx.Frame) error {
	b := d.empty()
	stream, r, err := d.decodeAcknowledged(b, f)
	if err != nil {
		return d.undecoded(f, b, err)
	}
	done := d.answer(f, phx.StatusOK, wire.AppendSeq(nil, stream.Seq))
	if r.Failed > 0 {
		done = d.answer(f, phx.StatusError, r.AppendInvalid(nil))
	}
	b.Stream, b.StreamSeq = stream.ID, stream.Seq
	n := len(b.Measurements) // also none: the batch has its number
	select {
	case d.window <- struct{}{}:
	case <-ctx.Done():
		return d.counted(n, ctx.Err())
	}
	err = d.link.PushDurable(ctx, b, func(err error) { <-d.window; done(err) })
	if err != nil {
		<-d.window
	}
	return d.counted(n, err)
}

func (d *device) decodeAcknowledged(b *sensocto.Batch, f *phx.Frame) (wire.Stream, wire.BatchResult, error) {
	if !f.Binary {
		return d.decoder.Acknowledged(b, f.Payload)
	}
	h, r, err := d.decoder.Columns(b, f.Payload)
	if err == nil && h.Stream.Seq == 0 {
		b.Measurements = b.Measurements[:0]
		err = wire.ErrInvalidStream
	}
	return h.Stream, r, err
}

// counted counts measurements that their sensor did not take.
func (d *device) counted(n int, err error) error {
	if err != nil {
		d.conn.srv.count.refusedMeasurements.add(sensocto.ErrorReason(err), uint64(n))
	}
	return err
}

// undecoded keeps the batch for the next frame, and says how the error ends.
func (d *device) undecoded(f *phx.Frame, b *sensocto.Batch, err error) error {
	d.spare = b
	if errors.Is(err, jsonscan.ErrSyntax) {
		return request.Check(f)
	}
	if errors.Is(err, wire.ErrNotArray) { // the answer has the keys of every invalid_batch
		d.ch.Reply(f, phx.StatusError, wire.BatchResult{}.AppendInvalid(nil))
		return nil
	}
	return err
}

// answer returns a function that replies when it is called, from any goroutine.
func (d *device) answer(f *phx.Frame, status string, response []byte) func(error) {
	late := phx.Frame{JoinRef: f.JoinRef.Clone(), Ref: f.Ref.Clone()}
	return func(err error) {
		if err != nil {
			d.conn.answered(d.ch, &late, err)
			return
		}
		d.ch.Reply(&late, status, response)
	}
}
