// Package sensor runs one process per live sensor and keeps the registry of
// all sensors, live and past.
//
// A sensor takes measurements in the order in which they were pushed, one batch at
// a time: it registers attributes that are new, puts the batch into the store, and
// publishes it on the topic data:{sensor_id}. The turn is the sender's own, which
// nobody has to be woken for, where nothing else is to be done and the store takes the
// batch without waiting; else the batch goes into one bounded mailbox, and the turn
// is the goroutine's that each live sensor has. When the mailbox is full the sender
// waits, so nothing is dropped here. What cannot be stored is refused, counted and
// reported to the sender. A panic costs the mail that caused it and is counted;
// the sensor goes on after a pause and no other sensor notices.
//
// Samples that are late or out of order are kept: the store sorts.
package sensor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Restart pauses after a panic double from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// process is one sensor: its state, and its goroutine while it is live. All
// methods but start, run and handleHere are for who has the turn (mailbox).
type process struct {
	// What each batch needs is together, in few cache lines.
	registry  *Registry
	mailbox   mailbox
	id        string
	topic     string // of its measurements
	publisher sensocto.Publisher
	remote    bool        // it is a sensor of another server: see remote.go
	dirty     bool        // the state changed and has to be announced
	hurt      bool        // the last turn panicked: the next one begins with a pause
	unsaved   bool        // the catalog has to have what changed
	hasRow    atomic.Bool // the catalog has it
	leaving   atomic.Bool // it is being deleted: nobody has a right to it any more
	deleted   atomic.Bool // set on the goroutine, read by the saver too
	view      view

	mu      sync.Mutex // guards running
	running bool

	saidName string // the sensor's name as its device last said it

	link *link // the device that feeds the sensor, nil while there is none
	pace pace  // of announcements

	saidConnected bool // whether it was connected when that was announced last

	creator   string          // the identity that the sensor counts for
	bringer   string          // the identity that new attributes count for
	charged   map[string]int  // attributes that count, by identity
	removed   map[string]bool // attributes that were unregistered, and have samples: they count
	described int             // bytes of all texts of attributes

	refused atomic.Uint64
}

func newProcess(r *Registry, s sensocto.Sensor) *process {
	p := &process{registry: r, id: s.ID, topic: sensocto.DataTopic(s.ID), remote: isRemote(s.ID), mailbox: makeMailbox(r.options.Mailbox), charged: make(map[string]int)}
	p.publisher = r.options.PubSub.Publisher(p.topic)
	p.view.attributes = make(map[string]*attribute, len(s.Attributes))
	for _, a := range s.Attributes {
		loaded := &attribute{Attribute: a}
		if a.LastValue != nil {
			loaded.setLast(*a.LastValue)
			loaded.LastValue = nil
		}
		p.view.attributes[a.ID] = loaded
		p.described += textBytes(a)
	}
	s.Attributes = nil
	p.view.sensor = s
	return p
}

// start makes sure that the goroutine runs. Mail must be in the mailbox, or
// the goroutine ends again at once.
func (p *process) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running {
		p.running = true
		p.registry.goroutines.Go(p.run)
	}
}

// stopIfIdle ends the goroutine where nothing is left to do. Whoever posts
// mail calls start afterwards, so no mail is left lying.
func (p *process) stopIfIdle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mailbox.mu.Lock()
	defer p.mailbox.mu.Unlock()
	if len(p.mailbox.queue) > 0 || (p.link != nil || p.dirty) && !p.mailbox.closed {
		return false
	}
	if p.dirty && p.mailbox.closed && !p.deleted.Load() {
		return false // the registry ends: see await
	}
	p.running = false
	p.mailbox.turn = free
	return true
}

// handleHere handles m, a batch, in the goroutine of its sender, unless the sensor has
// other things to do first or the store would make the sender wait. A wait that
// begins just then is the sender's, as one for a full mailbox is.
func (p *process) handleHere(m mail) bool {
	if ready := p.registry.ready; ready == nil || !ready.Ready() || !p.mailbox.begin() {
		return false
	}
	defer func() {
		owes := p.dirty || p.hurt
		if p.mailbox.end(owes); owes {
			p.start()
		}
	}()
	p.handle(m)
	return true
}

func (p *process) run() {
	var buf []mail
	pause, mine := firstPause, false
	for {
		if mine = mine || p.mailbox.enter(); !mine {
			<-p.mailbox.wake
			continue
		}
		buf = p.mailbox.take(buf)
		for i := 0; i < len(buf) || p.hurt; i++ {
			if p.hurt {
				p.hurt = false
				p.pause(pause)
				pause = min(2*pause, lastPause)
			}
			if i < len(buf) {
				p.handle(buf[i])
				buf[i] = mail{} // let go of the batch
			}
		}
		if len(buf) > 0 {
			continue
		}
		due := p.announceDue()
		if p.stopIfIdle() {
			return
		}
		if cap(buf) > 8 { // an idle sensor holds no memory that it needed once
			buf = nil
		}
		mine = false
		p.mailbox.end(false)
		p.await(due)
	}
}

// pause waits after a panic; the end of the registry cuts it short.
func (p *process) pause(d time.Duration) {
	p.registry.restarts.Add(1)
	select {
	case <-time.After(d):
	case <-p.registry.ending:
	}
}

// handle does one thing. A panic is contained, and noted in p.hurt.
func (p *process) handle(m mail) {
	defer func() {
		if r := recover(); r != nil {
			p.hurt = true
			p.registry.panics.Add(1)
			p.registry.options.Log.Error("sensor panicked and is restarted", "sensor", p.id, "err", r, "stack", string(debug.Stack()))
			m.finish(&sensocto.Error{Code: sensocto.CodeInternal, Message: "the sensor failed on this and was restarted"})
		}
	}()
	switch {
	case p.deleted.Load():
		p.refuseDeleted(&m)
		return
	case m.do != nil:
		m.do()
		m.finish(nil)
	case m.batch != nil && p.remote:
		p.takeRemote(&m)
	case m.batch != nil:
		p.take(&m)
	}
	p.announce()
}

func (m *mail) finish(err error) {
	if done := m.done; done != nil {
		m.done = nil // a panic later on does not call it again
		done(err)
	}
}

// take registers, stores and publishes a batch.
func (p *process) take(m *mail) {
	r := p.registry
	b := m.batch
	refused, none := p.admit(b)
	if none != nil {
		m.finish(none)
		r.recycle(b)
		return
	}
	if len(b.Measurements) > 0 || b.StreamSeq > 0 {
		err := r.options.Store.Put(r.patience, b)
		if errors.Is(err, sensocto.ErrDuplicate) { // answered like the first time
			p.answer(m, refused)
			r.recycle(b)
			return
		}
		if err != nil {
			p.refuse(sensocto.ErrorReason(err), len(b.Measurements))
			m.finish(fmt.Errorf("store batch of %s: %w", p.id, err))
			r.recycle(b)
			return
		}
		r.measurements.Add(uint64(len(b.Measurements)))
		r.batches.Add(1)
		p.view.took(b, time.Now())
	}
	p.answer(m, refused)
	p.publish(b)
}

func (p *process) answer(m *mail, refused error) {
	switch {
	case m.done == nil:
	case m.durable && refused == nil:
		done := m.done
		m.done = nil // as in finish
		p.registry.options.Store.Durable(done)
	default:
		m.finish(refused)
	}
}

// admit registers the attributes of a batch and takes out measurements of
// those that are too many. Where nothing new is taken for a while, a batch of a
// stream is refused as a whole, so that its device sends it again.
func (p *process) admit(b *sensocto.Batch) (refused, none error) {
	p.refuseNewSeries(b, &refused)
	known := ""
	kept, n := 0, 0
	for i := range b.Measurements {
		m := &b.Measurements[i] // a copy of each would be a measurable part of the ingest
		if m.AttributeID != known {
			if err := p.register(m); err != nil {
				if refused, n = err, n+1; err == errOverloaded && b.StreamSeq > 0 {
					p.refuse(sensocto.ErrorReason(err), len(b.Measurements))
					return nil, err
				}
				continue
			}
			known = m.AttributeID
		}
		if kept < i {
			b.Measurements[kept] = *m
		}
		kept++
	}
	b.Measurements = b.Measurements[:kept]
	if n > 0 {
		p.refuse(sensocto.ErrorReason(refused), n)
	}
	return refused, nil
}

// register makes sure that a measurement's attribute exists.
func (p *process) register(m *sensocto.Measurement) error {
	if p.view.find(m.AttributeID) != nil {
		return nil
	}
	return p.describe(sensocto.Attribute{ID: m.AttributeID, Type: inferType(m.AttributeID, m.Sample)})
}

// publish hands the batch to whoever watches. Viewers share it from then on;
// a batch that nobody watches is recycled, as the message is.
func (p *process) publish(b *sensocto.Batch) {
	r := p.registry
	m := r.messages.Get().(*sensocto.Message)
	m.Topic, m.Event, m.Payload = p.topic, sensocto.EventMeasurementsBatch, b
	if len(b.Measurements) == 1 {
		m.Event = sensocto.EventMeasurement
	}
	heard := len(b.Measurements) > 0 && p.publisher.Publish(m)
	*m = sensocto.Message{}
	r.messages.Put(m)
	if !heard {
		r.recycle(b)
	}
}

// delete drops the device and removes all samples and the sensor itself.
func (p *process) delete(ctx context.Context) (sensocto.Removed, error) {
	if p.link != nil {
		p.link.closed.Store(true)
		p.link.device.Replaced()
		p.link = nil
		p.connected(false)
		p.publishState(time.Now()) // also if the removal fails: the sensor is still there, offline
	}
	p.leaving.Store(true)
	removed, err := p.removeStored(ctx)
	if err != nil {
		p.leaving.Store(false)
		return removed, err
	}
	p.vanish()
	return removed, nil
}

// vanish takes a sensor that was deleted out of the registry, and tells of it.
func (p *process) vanish() {
	r := p.registry
	r.mu.Lock()
	delete(r.sensors, p.id)
	r.mu.Unlock()
	p.discharge()
	p.mailbox.close()
	r.listChanged(sensocto.SensorListUpdate{Removed: []string{p.id}})
	r.options.OwnerChanged(p.id)
}

// removeStored takes away all that is stored of the sensor. Rights go first, and again
// at the end: none may be left for whoever brings the id next, also not one that
// was being given when the deletion began.
func (p *process) removeStored(ctx context.Context) (sensocto.Removed, error) {
	r := p.registry
	if err := r.options.Forget(ctx, p.id); err != nil {
		return sensocto.Removed{}, err
	}
	removed, err := r.options.Store.Cleanup(ctx, p.id)
	if err != nil {
		return removed, fmt.Errorf("remove samples of %s: %w", p.id, err)
	}
	p.deleted.Store(true)
	if err = r.catalog.remove(ctx, p); err == nil {
		err = r.options.Forget(ctx, p.id)
	}
	if err != nil {
		p.deleted.Store(false)
		return removed, fmt.Errorf("remove sensor %s: %w", p.id, err)
	}
	return removed, nil
}

// refuseDeleted answers what was still under way when the sensor was deleted.
func (p *process) refuseDeleted(m *mail) {
	if m.batch != nil {
		p.refuse(sensocto.ErrorReason(sensocto.ErrNotFound), len(m.batch.Measurements))
	}
	m.finish(sensocto.ErrNotFound)
}

// log returns the logger with the sensor's id.
func (p *process) log() *slog.Logger { return p.registry.options.Log.With("sensor", p.id) }
