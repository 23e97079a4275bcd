package sensor

import (
	"context"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// Sensors of other servers (package p2p) are processes like others, so that whoever
// watches one notices no difference. They are fed by TakeRemote, with the numbers that
// the samples have there. Nothing of them is stored, and the catalog does not have them,
// but for those of which samples are kept here as well.

// errRemotePut refuses what only the sensor's own server can take.
var errRemotePut = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "remote_sensor", Message: "this sensor is one of another server: add to it there"}

func isRemote(id string) bool { return strings.HasPrefix(id, sensocto.RemoteSensorPrefix) }

// AddRemote makes a sensor of another server known, or takes over what is said of it.
// It belongs to the account that stands for its owner here.
func (r *Registry) AddRemote(ctx context.Context, ownerID string, reg sensocto.Registration) error {
	p, added, err := r.claimRemote(ownerID, reg)
	if err != nil {
		return err
	}
	return p.call(ctx, func() error {
		p.bringer = ownerID
		p.change(func(s *sensocto.Sensor) {
			p.describeSensor(s, reg)
			s.OwnerID = ownerID
		})
		p.describeAll(reg.Attributes)
		if added {
			r.listChanged(sensocto.SensorListUpdate{Added: []sensocto.Sensor{p.view.snapshot(time.Now())}})
		}
		return nil
	})
}

// ConnectRemote says that the device of a sensor of another server is connected there.
func (r *Registry) ConnectRemote(ctx context.Context, ownerID string, reg sensocto.Registration, d sensocto.Device) (sensocto.SensorLink, error) {
	p, _, err := r.claimRemote(ownerID, reg)
	if err != nil {
		return nil, err
	}
	l := &link{process: p, device: d, identity: ownerID}
	if err := p.call(ctx, func() error { p.connect(l, reg); return nil }); err != nil {
		l.Close() // it may have been connected after the caller stopped waiting
		return nil, err
	}
	return l, nil
}

func (r *Registry) claimRemote(ownerID string, reg sensocto.Registration) (p *process, added bool, err error) {
	if err := reg.Check(); err != nil {
		return nil, false, err
	}
	if !isRemote(reg.SensorID) {
		return nil, false, sensocto.ErrReservedSensorID
	}
	name := r.names.of(r.patience, ownerID)
	r.mu.Lock()
	if p = r.sensors[reg.SensorID]; p != nil || r.closed {
		closed := r.closed
		r.mu.Unlock()
		if closed {
			return nil, false, sensocto.ErrUnavailable
		}
		return p, false, nil
	}
	if err := r.mayAdd(ownerID); err != nil {
		r.mu.Unlock()
		r.refuseSensor(err)
		return nil, false, err
	}
	p = newProcess(r, sensocto.Sensor{ID: reg.SensorID, OwnerID: ownerID, OwnerName: r.names.latest(ownerID, name), BroughtBy: ownerID})
	p.creator, p.bringer = ownerID, ownerID
	r.sensors[p.id] = p
	r.mu.Unlock()
	r.options.OwnerChanged(p.id)
	return p, true, nil
}

// TakeRemote hands measurements of a sensor of another server to whoever watches it
// here. Their numbers stay as they are; with keep they are stored here as well. It waits
// while the mailbox is full, and the batch is the sensor's from then on.
func (r *Registry) TakeRemote(ctx context.Context, b *sensocto.Batch, keep bool) error {
	p := r.lookup(b.SensorID)
	if p == nil || !p.remote {
		return sensocto.ErrNotFound
	}
	if err := p.mailbox.put(ctx, mail{batch: b, durable: keep}); err != nil {
		return err
	}
	p.start()
	return nil
}

// SyncRemote returns when all that was taken before has been published.
func (r *Registry) SyncRemote(ctx context.Context, id string) error {
	p := r.lookup(id)
	if p == nil {
		return sensocto.ErrNotFound
	}
	return p.call(ctx, func() error { return nil })
}

// KeepRemote has the catalog know a sensor of another server, before samples of it are
// stored: nobody else may own them after a kill.
func (r *Registry) KeepRemote(ctx context.Context, id string) error {
	p := r.lookup(id)
	if p == nil {
		return sensocto.ErrNotFound
	}
	return r.catalog.write(ctx, p)
}

// DropRemote forgets a sensor of another server, unless samples of it are kept.
func (r *Registry) DropRemote(ctx context.Context, id string) error {
	p := r.lookup(id)
	if p == nil || !p.remote || p.hasRow.Load() {
		return nil
	}
	return p.call(ctx, func() error {
		if p.link != nil {
			p.link.closed.Store(true)
			p.link = nil
			p.connected(false)
		}
		p.leaving.Store(true)
		p.deleted.Store(true)
		p.vanish()
		return nil
	})
}

// takeRemote publishes a batch of a sensor of another server, and stores a copy where
// it is kept: the store gives samples numbers of its own.
func (p *process) takeRemote(m *mail) {
	r := p.registry
	refused, none := p.admit(m.batch)
	if none == nil {
		none = refused
	}
	if m.durable && len(m.batch.Measurements) > 0 {
		if err := p.keep(m.batch); err != nil {
			p.refuse(sensocto.ErrorReason(err), len(m.batch.Measurements))
			none = err
		}
	}
	r.measurements.Add(uint64(len(m.batch.Measurements)))
	r.batches.Add(1)
	p.view.took(m.batch, time.Now())
	m.finish(none)
	p.publish(m.batch)
}

func (p *process) keep(b *sensocto.Batch) error {
	r := p.registry
	copied := r.pool.Get().(*sensocto.Batch)
	copied.SensorID, copied.Measurements = p.id, append(copied.Measurements, b.Measurements...)
	defer r.recycle(copied)
	return r.options.Store.Put(r.patience, copied)
}
