package sensor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Options configure a Registry. Store, PubSub and Catalog are required.
type Options struct {
	Store   sensocto.Store
	PubSub  sensocto.PubSub
	Catalog Catalog
	Log     *slog.Logger
	// Mailbox bounds what waits for one sensor, in measurements; default 256.
	Mailbox int
	// MaxAttributes bounds the attributes of one sensor; default 1000.
	MaxAttributes int
	// MaxSensors bounds the sensors of the server; default 100,000.
	MaxSensors int
	// IdentitySensors and IdentitySeries bound what one identity may bring:
	// sensors (default 80,000) and attributes of all sensors together (default
	// 160,000). Both are counted over restarts: a sensor with all its attributes
	// counts for who brought it then.
	IdentitySensors, IdentitySeries int
	// Forget ends all rights to a sensor that is deleted, before it goes; by default
	// there are none.
	Forget func(ctx context.Context, sensorID string) error
	// OwnerChanged is called with a sensor that is new, before anything of it is
	// published, and with one that is gone: whoever watches it may have no right to
	// what comes.
	OwnerChanged func(sensorID string)
	// OwnerName reads what an owner is called, "" for one who has no name. By default
	// nobody has.
	OwnerName func(ctx context.Context, ownerID string) (string, error)
	// SaveTimeout bounds the last attempt to save the catalog when Run ends;
	// default 5 s.
	SaveTimeout time.Duration
}

// Registry is a sensocto.SensorRegistry.
type Registry struct {
	options    Options
	catalog    *saver
	pool       sync.Pool // of *sensocto.Batch
	messages   sync.Pool // of *sensocto.Message
	goroutines sync.WaitGroup
	ending     chan struct{} // closed when Run ends
	// patience ends with Run: what is in the mailboxes then does not wait for a
	// database that is behind.
	patience   context.Context
	impatience context.CancelFunc

	mu      sync.RWMutex // guards what follows
	sensors map[string]*process
	closed  bool

	live                                    atomic.Int64
	measurements, batches, panics, restarts atomic.Uint64
	refusals                                refusals

	bound         seriesBound   // the store, where it bounds series; else nil
	ready         readiness     // the store, where it tells that; else nil
	owned, series *quota        // sensors and attributes of each identity
	overloaded    atomic.Bool   // memory is critical: nothing new
	unsaved       atomic.Uint64 // joins of new sensors that were answered before the catalog had them
	joins         refusals      // sensors that were not taken
	names         ownerNames
	notice        notice // of attributes of joins
	quotaNotice   notice // of sensors
}

// readiness is of a store that tells whether Put would take a batch without waiting.
type readiness interface{ Ready() bool }

// maxPooled is the largest batch, in measurements, that is kept for reuse.
const maxPooled = 4096

// NewRegistry returns an empty registry.
func NewRegistry(o Options) *Registry {
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.OwnerChanged == nil {
		o.OwnerChanged = func(string) {}
	}
	if o.Forget == nil {
		o.Forget = func(context.Context, string) error { return nil }
	}
	o.Mailbox = cmp.Or(o.Mailbox, 256)
	o.MaxAttributes = cmp.Or(o.MaxAttributes, 1000)
	o.MaxSensors = cmp.Or(o.MaxSensors, 100_000)
	o.IdentitySensors = cmp.Or(o.IdentitySensors, 80_000)
	o.IdentitySeries = cmp.Or(o.IdentitySeries, 160_000)
	o.SaveTimeout = cmp.Or(o.SaveTimeout, 5*time.Second)
	r := &Registry{options: o, catalog: newSaver(o.Catalog, o.Log), sensors: make(map[string]*process), ending: make(chan struct{})}
	r.names = ownerNames{read: o.OwnerName, most: o.MaxSensors, log: o.Log, known: make(map[string]string)}
	r.owned, r.series = newQuota(o.IdentitySensors), newQuota(o.IdentitySeries)
	r.bound, _ = o.Store.(seriesBound)
	r.ready, _ = o.Store.(readiness)
	r.patience, r.impatience = context.WithCancel(context.Background())
	r.pool.New = func() any { return new(sensocto.Batch) }
	r.messages.New = func() any { return new(sensocto.Message) }
	return r
}

// Load reads all sensors from the catalog, and their last values from the store.
func (r *Registry) Load(ctx context.Context) error {
	sensors, err := r.options.Catalog.LoadSensors(ctx)
	if err != nil {
		return fmt.Errorf("load sensors: %w", err)
	}
	for i := range sensors {
		s := &sensors[i]
		s.OwnerID = cmp.Or(s.OwnerID, sensocto.OperatorID) // nobody's sensor is the operator's
		s.OwnerName = r.names.of(ctx, s.OwnerID)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range sensors {
		r.addKnown(s.Clean()).hasRow.Store(true)
	}
	return nil
}

// addKnown adds a sensor that exists already. It counts for who brought it. The
// caller holds mu.
func (r *Registry) addKnown(s sensocto.Sensor) *process {
	p := newProcess(r, s)
	p.countFor(cmp.Or(s.BroughtBy, s.OwnerID), len(p.view.attributes))
	r.sensors[s.ID] = p
	return p
}

// Adopt makes a sensor known that has samples of some attributes, unless it is:
// the program was killed before the catalog had it. Who brought it is not
// known, so it belongs to the operator, and is never given to whoever joins it
// first. It is called after Load and before anybody connects.
func (r *Registry) Adopt(sensorID string, attributeIDs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.sensors[sensorID]; p != nil {
		p.rememberRemoved(attributeIDs)
		return
	}
	s := sensocto.Sensor{ID: sensorID, Name: sensorID, OwnerID: sensocto.OperatorID}
	for _, id := range attributeIDs {
		s.Attributes = append(s.Attributes, newAttribute(id))
	}
	r.catalog.save(r.addKnown(s))
}

// LoadLast reads the last values of the sensors that were loaded. The store may
// still be reading back what its journal has, so this may take a while; the
// sensors can be used meanwhile.
func (r *Registry) LoadLast(ctx context.Context) error {
	r.mu.RLock()
	processes := slices.Collect(maps.Values(r.sensors))
	r.mu.RUnlock()
	for _, p := range processes {
		last, err := r.options.Store.Latest(ctx, p.id, sensocto.LatestQuery{Limit: 1})
		if err != nil {
			return fmt.Errorf("load last values of %s: %w", p.id, err)
		}
		for id, l := range last {
			p.view.sawLast(id, l.Samples[len(l.Samples)-1])
		}
	}
	return nil
}

// Run saves what changes until ctx ends; then it lets every sensor take what
// is in its mailbox, saves once more, and returns.
func (r *Registry) Run(ctx context.Context) error {
	r.catalog.run(ctx)
	close(r.ending)
	r.impatience()
	r.mu.Lock()
	r.closed = true
	for _, p := range r.sensors {
		p.mailbox.close()
	}
	r.mu.Unlock()
	r.goroutines.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.options.SaveTimeout)
	defer cancel()
	return r.catalog.flush(last)
}

// Connect implements sensocto.SensorRegistry.
func (r *Registry) Connect(ctx context.Context, id sensocto.Identity, reg sensocto.Registration, d sensocto.Device) (sensocto.SensorLink, error) {
	p, added, err := r.claim(id, reg)
	if err != nil {
		return nil, err
	}
	l := &link{process: p, device: d, identity: quotaKey(id)}
	err = p.call(ctx, func() error {
		p.connect(l, reg)
		if added {
			r.listChanged(sensocto.SensorListUpdate{Added: []sensocto.Sensor{p.view.snapshot(time.Now())}})
		}
		return nil
	})
	if err != nil {
		l.Close() // it may have been connected after the caller stopped waiting
		return nil, err
	}
	if !p.hasRow.Load() {
		r.awaitRow(ctx, p)
	}
	return l, nil
}

// awaitRow waits until the catalog has a sensor that it does not have yet, so that
// a kill after the join was answered leaves it to its owner, also where it has
// sent nothing yet.
// While the catalog fails, devices go on all the same.
func (r *Registry) awaitRow(ctx context.Context, p *process) {
	if err := r.catalog.await(ctx, p); err != nil {
		r.unsaved.Add(1)
	}
}

// claim returns the sensor, making it where it was never seen, if it belongs
// to the identity and is described as it may be.
func (r *Registry) claim(id sensocto.Identity, reg sensocto.Registration) (p *process, added bool, err error) {
	p, added, err = r.tryClaim(id, reg)
	switch {
	case err != nil:
		r.refuseSensor(err)
	case added:
		r.options.OwnerChanged(p.id)
	}
	return p, added, err
}

func (r *Registry) tryClaim(id sensocto.Identity, reg sensocto.Registration) (p *process, added bool, err error) {
	if len(reg.Attributes) > r.options.MaxAttributes {
		return nil, false, sensocto.ErrTooManyAttributes
	}
	if err := reg.Check(); err != nil {
		return nil, false, err
	}
	if strings.HasPrefix(reg.SensorID, sensocto.RemoteSensorPrefix) {
		return nil, false, sensocto.ErrReservedSensorID
	}
	ownerName := r.names.of(r.patience, id.OwnerID)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, sensocto.ErrUnavailable
	}
	if p = r.sensors[reg.SensorID]; p != nil {
		if p.view.owner() != id.OwnerID && !id.Can(sensocto.ScopeAdmin) {
			return nil, false, sensocto.ErrUnauthorized
		}
		return p, false, nil
	}
	if err := r.mayAdd(quotaKey(id)); err != nil {
		return nil, false, err
	}
	p = newProcess(r, sensocto.Sensor{ID: reg.SensorID, OwnerID: id.OwnerID, OwnerName: r.names.latest(id.OwnerID, ownerName), BroughtBy: quotaKey(id)})
	p.creator, p.bringer = quotaKey(id), quotaKey(id)
	r.sensors[p.id] = p
	return p, true, nil
}

// mayAdd counts one more sensor for the identity, or says why there can be
// none. The caller holds mu.
func (r *Registry) mayAdd(identity string) error {
	switch {
	case r.overloaded.Load():
		return errOverloaded
	case len(r.sensors) >= r.options.MaxSensors:
		return errTooManySensors
	case !r.owned.take(identity):
		return errSensorQuota
	}
	return nil
}

func (r *Registry) lookup(id string) *process {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.sensors[id]
}

// all returns the sensors sorted by id.
func (r *Registry) all() []*process {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*process, 0, len(r.sensors))
	for _, p := range r.sensors {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *process) int { return cmp.Compare(a.id, b.id) })
	return all
}

// Sensor implements sensocto.SensorRegistry.
func (r *Registry) Sensor(id string) (sensocto.Sensor, bool) {
	p := r.lookup(id)
	if p == nil {
		return sensocto.UnknownSensor(id), false
	}
	return p.view.snapshot(time.Now()), true
}

// Sensors implements sensocto.SensorRegistry.
func (r *Registry) Sensors() []sensocto.Sensor {
	all := r.all()
	sensors := make([]sensocto.Sensor, len(all))
	for i, p := range all {
		sensors[i] = p.view.snapshot(time.Now())
	}
	return sensors
}

// Online implements sensocto.SensorRegistry.
func (r *Registry) Online() []string { return online(r.all()) }

// Rates implements sensocto.SensorRegistry.
func (r *Registry) Rates(id string) sensocto.Rates {
	p := r.lookup(id)
	if p == nil {
		return sensocto.Rates{Attributes: map[string]float64{}}
	}
	rates := p.view.rates(time.Now())
	rates.Waiting, rates.Refused = p.mailbox.depth(), p.refused.Load()
	return rates
}

// Rename implements sensocto.SensorRegistry.
func (r *Registry) Rename(ctx context.Context, id, name string) error {
	if err := sensocto.CheckText("sensor_name", name); err != nil {
		return err
	}
	p := r.lookup(id)
	if p == nil {
		return sensocto.ErrNotFound
	}
	return p.call(ctx, func() error {
		p.change(func(s *sensocto.Sensor) { s.Name = name })
		return nil
	})
}

// SetOwner gives a sensor another owner. When it returns, that outlives a kill. The
// sensor goes on counting for who brought it, so that nobody fills the quotas of
// somebody else; with charge it counts for the new owner, also beyond their quotas.
// SetOwner returns sensocto.ErrNotFound for a sensor never seen.
func (r *Registry) SetOwner(ctx context.Context, id, ownerID string, charge bool) error {
	p := r.lookup(id)
	if p == nil {
		return sensocto.ErrNotFound
	}
	name := r.names.of(ctx, ownerID)
	err := p.call(ctx, func() error {
		if charge {
			p.recharge(ownerID)
		}
		p.change(func(s *sensocto.Sensor) {
			s.OwnerID, s.OwnerName, s.BroughtBy = ownerID, r.names.latest(ownerID, name), p.creator
		})
		return nil
	})
	if err != nil {
		return err
	}
	return r.catalog.write(ctx, p)
}

// Delete implements sensocto.SensorRegistry.
func (r *Registry) Delete(ctx context.Context, id string) (sensocto.Removed, error) {
	p := r.lookup(id)
	if p == nil {
		return sensocto.Removed{}, sensocto.ErrNotFound
	}
	var removed sensocto.Removed
	err := p.call(ctx, func() (err error) {
		removed, err = p.delete(ctx)
		return err
	})
	return removed, err
}

// Command implements sensocto.SensorRegistry.
func (r *Registry) Command(ctx context.Context, id string, command json.RawMessage) error {
	if len(command) > sensocto.MaxDocumentBytes {
		return errCommandTooLarge
	}
	p := r.lookup(id)
	if p == nil {
		return sensocto.ErrNotFound
	}
	return p.call(ctx, func() error {
		if p.link == nil || !p.link.device.Command(command) {
			return errNotConnected
		}
		return nil
	})
}

func (r *Registry) listChanged(u sensocto.SensorListUpdate) {
	if u.Added == nil {
		u.Added = []sensocto.Sensor{}
	}
	if u.Removed == nil {
		u.Removed = []string{}
	}
	if u.Changed == nil {
		u.Changed = []sensocto.Sensor{}
	}
	r.options.PubSub.Publish(&sensocto.Message{Topic: sensocto.TopicSensorsAll, Event: sensocto.EventSensorListUpdated, Payload: u})
}

// recycle keeps a batch for reuse. Nobody else may hold it.
func (r *Registry) recycle(b *sensocto.Batch) {
	if cap(b.Measurements) > maxPooled {
		return
	}
	clear(b.Measurements) // let go of documents
	b.Measurements, b.Stream, b.StreamSeq = b.Measurements[:0], [16]byte{}, 0
	r.pool.Put(b)
}

var _ sensocto.SensorRegistry = (*Registry)(nil)

// Owner returns to whom a sensor belongs, and false where there is none.
func (r *Registry) Owner(id string) (ownerID string, known bool) {
	p := r.lookup(id)
	if p == nil || p.leaving.Load() {
		return "", false
	}
	return p.view.owner(), true
}
