package sensor

import (
	"context"

	"github.com/sensocto/sensocto"
)

// Put implements sensocto.SensorRegistry.
func (r *Registry) Put(ctx context.Context, id string, m sensocto.Measurement) error {
	p := r.lookup(id)
	if p == nil {
		return sensocto.ErrNotFound
	}
	if p.remote {
		return errRemotePut
	}
	b := r.pool.Get().(*sensocto.Batch)
	b.SensorID, b.Measurements = id, append(b.Measurements, m)
	stored := make(chan error, 1) // room for the answer, so that the sensor never waits for a caller who left
	if err := p.mailbox.put(ctx, mail{batch: b, done: func(err error) { stored <- err }, durable: true}); err != nil {
		return err
	}
	p.start()
	select {
	case err := <-stored:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
