package sensor

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// errReplaced is what a device hears whose sensor is fed by another channel now.
var errReplaced = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "replaced", Message: "the sensor was joined again on another channel, or deleted"}

// errNotConnected answers a command that nobody could take.
var errNotConnected = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "not_connected", Message: "the sensor's device is not connected: the command was not sent"}

// errCommandTooLarge answers a command that would fill the queue of a device.
var errCommandTooLarge = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "command_too_large", Message: "a command has at most 64 KiB"}

// link is one device's hold on a sensor.
type link struct {
	process  *process
	device   sensocto.Device
	identity string // whose the device is
	closed   atomic.Bool
	usual    int // measurements in the last batch; for the one goroutine that pushes
}

func (l *link) Batch() *sensocto.Batch {
	b := l.process.registry.pool.Get().(*sensocto.Batch)
	b.SensorID = l.process.id
	if b.Measurements == nil { // viewers have the one before, which is no reason to grow this one step by step
		b.Measurements = make([]sensocto.Measurement, 0, min(l.usual, maxPooled))
	}
	return b
}

func (l *link) Ready() bool { return l.process.mailbox.depth() == 0 }

func (l *link) Push(ctx context.Context, b *sensocto.Batch, done func(error)) error {
	return l.post(ctx, mail{batch: b, done: done})
}

func (l *link) PushDurable(ctx context.Context, b *sensocto.Batch, done func(error)) error {
	return l.post(ctx, mail{batch: b, done: done, durable: true})
}

func (l *link) post(ctx context.Context, m mail) error {
	if l.closed.Load() {
		return errReplaced
	}
	if m.batch != nil {
		if l.usual = len(m.batch.Measurements); l.process.handleHere(m) {
			return nil
		}
	}
	if err := l.process.mailbox.put(ctx, m); err != nil {
		return err
	}
	l.process.start()
	return nil
}

func (l *link) Sync(ctx context.Context, done func()) error {
	return l.post(ctx, mail{do: done})
}

func (l *link) RenameConnector(ctx context.Context, name string) error {
	if err := sensocto.CheckText("connector_name", name); err != nil {
		return err
	}
	p := l.process
	return l.post(ctx, mail{do: func() {
		p.change(func(s *sensocto.Sensor) { s.ConnectorName = name })
	}})
}

func (l *link) UpdateAttribute(ctx context.Context, action sensocto.AttributeAction, a sensocto.Attribute) error {
	if err := a.Check(); err != nil {
		return err
	}
	p := l.process
	var do func() error
	switch action {
	case sensocto.AttributeRegister, sensocto.AttributeAdd, sensocto.AttributeUpdate:
		do = func() error { return p.describe(a) }
	case sensocto.AttributeUnregister, sensocto.AttributeRemove:
		do = func() error {
			p.remove(a.ID)
			return nil
		}
	default:
		return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_action", Message: "action must be register, add, update, unregister or remove"}
	}
	if l.closed.Load() {
		return errReplaced
	}
	return p.call(ctx, do)
}

// call runs do on the sensor's goroutine, after all mail before it, and
// returns its error.
func (p *process) call(ctx context.Context, do func() error) error {
	answer := make(chan error, 1) // room for the answer, so that the sensor never waits for an asker who left
	var err error
	m := mail{do: func() { err = do() }, done: func(failed error) {
		if failed != nil {
			err = failed
		}
		answer <- err
	}}
	if err := p.mailbox.put(ctx, m); err != nil {
		return err
	}
	p.start()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close may be called twice.
func (l *link) Close() {
	if l.closed.Swap(true) {
		return
	}
	p := l.process
	// What the device pushed before it went is taken first. The wait for room
	// is bounded: the sensor's goroutine always makes progress.
	if p.mailbox.put(context.Background(), mail{do: func() { p.disconnect(l) }}) == nil {
		p.start()
	}
}

// connect makes l the sensor's device and drops the one before.
func (p *process) connect(l *link, r sensocto.Registration) {
	first := p.link == nil
	if !first {
		p.link.closed.Store(true)
		p.link.device.Replaced()
	}
	p.link, p.bringer = l, l.identity
	p.change(func(s *sensocto.Sensor) { p.describeSensor(s, r) })
	p.describeAll(r.Attributes)
	p.dirty = true
	if first {
		p.connected(true)
	}
}

// describeAll takes over the attributes of a join. Those for which there is no
// capacity are counted, and left out: the device hears of each when it sends
// measurements of it.
func (p *process) describeAll(attributes []sensocto.Attribute) {
	refused := 0
	var reason error
	for _, a := range attributes {
		if err := p.describe(a); err != nil {
			refused, reason = refused+1, err
		}
	}
	if refused == 0 {
		return
	}
	p.refuse(sensocto.ErrorReason(reason), refused)
	if p.registry.notice.due(time.Now()) {
		p.log().Warn("attributes of a join were refused; more such joins within a minute are not logged", "attributes", refused, "err", reason)
	}
}

// describeSensor takes over what the device says. A name that somebody gave
// the sensor here stays until the device comes with another name than before;
// one that is the id alone is none, see Adopt.
func (p *process) describeSensor(s *sensocto.Sensor, r sensocto.Registration) {
	said := cmp.Or(r.SensorName, r.SensorID)
	if s.Name == "" || s.Name == s.ID || (p.saidName != "" && said != p.saidName) {
		s.Name = said
	}
	p.saidName = said
	if r.SensorType != "" {
		s.Type = r.SensorType
	}
	s.ConnectorID, s.ConnectorName = r.ConnectorID, r.ConnectorName
	if r.SamplingRate > 0 {
		s.SamplingRate = r.SamplingRate
	}
}

// disconnect ends the hold of l, unless another device has replaced it.
func (p *process) disconnect(l *link) {
	if p.link != l {
		return
	}
	p.link = nil
	p.connected(false)
	p.dirty = true
}

func (p *process) connected(is bool) {
	p.view.mu.Lock()
	p.view.connected = is
	p.view.mu.Unlock()
	if is {
		p.registry.live.Add(1)
	} else {
		p.registry.live.Add(-1)
	}
}

// online returns the ids of those that are connected, sorted.
func online(processes []*process) []string {
	ids := []string{}
	for _, p := range processes {
		p.view.mu.Lock()
		if p.view.connected {
			ids = append(ids, p.id)
		}
		p.view.mu.Unlock()
	}
	slices.Sort(ids)
	return ids
}
