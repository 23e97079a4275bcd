package p2p

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// ErrSensorAway answers questions about a sensor of a server that cannot be reached.
var ErrSensorAway = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "sensor_away", Message: "the server of this sensor cannot be reached now; what it has measured can be read when it is back"}

var (
	errDropped   = errors.New("the sensor is shared no more")
	errReadsOnly = errors.New("nobody of this server is a member of the room, so no sensor of it is shown here")
	errManyAsked = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: ErrSensorAway.Reason, Message: "too many questions about this sensor wait for its server: try again in a moment"}
)

// place is where a sensor of another server is, and who here sees it.
type place struct {
	ref      SensorRef
	endpoint string
	room     string
	as       Key    // a member here; "" where there is none
	owner    string // the account that stands for the sensor's member here
	sensor   Sensor
	keep     bool // its samples are stored here as well
}

// before reports whether a sensor that is in two rooms is asked for in this one.
func (p place) before(o place) bool {
	switch {
	case (p.as == "") != (o.as == ""):
		return p.as != ""
	case p.sensor.AllHistory != o.sensor.AllHistory:
		return p.sensor.AllHistory
	case p.sensor.SharedAtUS != o.sensor.SharedAtUS:
		return p.sensor.SharedAtUS < o.sensor.SharedAtUS
	}
	return p.room < o.room
}

// same reports whether a stream to one is one to the other.
func (p place) same(o place) bool {
	return p.ref == o.ref && p.endpoint == o.endpoint && p.room == o.room && p.as == o.as && p.owner == o.owner
}

const (
	linger       = 5 * time.Second // how long a stream outlives the last question
	connectTime  = 5 * time.Second
	firstAttempt = 500 * time.Millisecond
	lastAttempt  = 15 * time.Second
	maxAsked     = 64 // questions that wait, of one sensor
)

// remote is a sensor of another server. Like a device here it hears from attention how
// closely somebody looks, and while somebody does it has a stream to the other server.
type remote struct {
	live *live
	id   string // of the sensor here
	wake chan struct{}
	kick chan struct{} // ends the pause before the next attempt
	stop func()        // of the attention

	showing sync.Mutex // one change of how the sensor is shown here at a time; taken before mu

	mu        sync.Mutex // guards what follows
	place     place
	level     sensocto.AttentionLevel
	running   bool // there is a goroutine for it
	dropped   bool
	connected bool      // the other server has answered
	away      error     // why the last attempt failed, until the next one succeeds
	triedAt   time.Time // when it failed
	usedAt    time.Time // when something was asked last
	asked     map[uint64]*asked
	lastAsked uint64
	next      map[string]int64 // number of the next sample by attribute; nil unless a stream goes on
	link      sensocto.SensorLink

	described     bool          // its server has said what it measures
	describeAt    time.Time     // when it is asked that again
	describePause time.Duration // before that
}

// update brings the sensors of other servers up to date with those that there are now. It
// asks for these in its turn, so that the last update knows the newest of them.
func (l *live) update(now func() map[string]place) {
	l.turn.Lock()
	defer l.turn.Unlock()
	places := now()
	l.mu.Lock()
	if l.ended {
		places = nil
	}
	before := maps.Clone(l.remotes)
	l.mu.Unlock()
	for id, r := range before {
		if _, ok := places[id]; !ok {
			l.drop(r)
		}
	}
	maps.DeleteFunc(l.absent, func(id, _ string) bool { _, ok := places[id]; return !ok })
	for _, id := range slices.Sorted(maps.Keys(places)) {
		if r := before[id]; r != nil {
			r.move(places[id])
		} else {
			l.add(id, places[id])
		}
	}
}

func (l *live) add(id string, p place) {
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	known := sensocto.Registration{SensorID: id, SensorName: p.sensor.Name, SensorType: p.sensor.Type}
	if err := l.Sensors.AddRemote(ctx, p.owner, known); err != nil {
		if l.absent[id] != err.Error() {
			l.sync.log.Warn("a sensor of another server is not shown; it is tried again", "sensor", id, "err", err)
		}
		l.absent[id] = err.Error()
		return
	}
	delete(l.absent, id)
	r := &remote{live: l, id: id, place: p, wake: make(chan struct{}, 1), kick: make(chan struct{}, 1), asked: map[uint64]*asked{}}
	l.mu.Lock()
	l.remotes[id] = r
	l.mu.Unlock()
	wake(l.unknown)
	r.stop = l.Attention.Watch(id, func(b sensocto.Backpressure) {
		r.mu.Lock()
		r.level = b.AttentionLevel
		r.mu.Unlock()
		r.poke()
	})
}

// drop forgets a sensor that is shared no more, with its stream. What was kept of it
// stays.
func (l *live) drop(r *remote) {
	r.stop()
	r.mu.Lock()
	r.dropped, r.level = true, sensocto.AttentionNone
	r.mu.Unlock()
	wake(r.wake)
	wake(r.kick)
	l.mu.Lock()
	delete(l.remotes, r.id)
	ended := l.ended
	l.mu.Unlock()
	if ended {
		return
	}
	r.showing.Lock() // behind an answer that is being taken over: none comes after it
	defer r.showing.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	if err := l.Sensors.DropRemote(ctx, r.id); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		l.sync.log.Warn("a sensor of another server is still shown", "sensor", r.id, "err", err)
	}
}

// show changes how the sensor is shown here, unless it is shared no more.
func (r *remote) show(change func() error) error {
	r.showing.Lock()
	defer r.showing.Unlock()
	r.mu.Lock()
	dropped := r.dropped
	r.mu.Unlock()
	if dropped {
		return errDropped
	}
	return change()
}

// move notes where the sensor is now. A stream to where it was before ends.
func (r *remote) move(p place) {
	r.mu.Lock()
	moved := !r.place.same(p)
	if r.place = p; moved {
		r.describeAt, r.describePause = time.Time{}, 0
	}
	r.mu.Unlock()
	if moved {
		wake(r.wake)
		wake(r.kick)
		wake(r.live.unknown)
	}
}

func (l *live) remote(id string) *remote {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remotes[id]
}

// wanted reports whether a stream is needed, with mu held.
func (r *remote) wanted() bool {
	return !r.dropped && (r.level > sensocto.AttentionNone || len(r.asked) > 0 || time.Since(r.usedAt) < linger)
}

// poke tells that something has changed.
func (r *remote) poke() {
	r.mu.Lock()
	start := !r.running && r.wanted()
	r.running = r.running || start
	r.mu.Unlock()
	if start && !r.live.task(r.run) {
		r.mu.Lock()
		r.running = false
		r.mu.Unlock()
	}
	wake(r.wake)
}

// run keeps a stream while one is needed.
func (r *remote) run(ctx context.Context) {
	pause := firstAttempt
	for !r.rest(ctx) {
		began := time.Now()
		err := r.session(ctx)
		r.ended(err, ctx.Err() != nil)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if time.Since(began) > time.Minute {
			pause = firstAttempt
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.kick:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, lastAttempt)
	}
}

// rest ends the goroutine where nothing is wanted.
func (r *remote) rest(ctx context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() == nil && r.wanted() {
		return false
	}
	r.running, r.away, r.next = false, nil, nil
	return true
}

// ended notes that a stream has ended: the sensor is offline, and what was asked is not
// answered.
func (r *remote) ended(err error, stopping bool) {
	r.mu.Lock()
	link, unanswered := r.link, r.asked
	news := err != nil && (r.connected || r.away == nil || r.away.Error() != err.Error())
	r.link, r.connected, r.asked = nil, false, map[uint64]*asked{}
	if r.away, r.triedAt = err, time.Now(); err == nil {
		r.next = nil
	}
	r.mu.Unlock()
	if link != nil {
		link.Close()
	}
	for _, a := range unanswered {
		a.finish(nil, ErrSensorAway)
	}
	if err != nil && !stopping {
		r.live.count.failures.Add(1)
		if news {
			r.live.sync.log.Info("a sensor of another server is away; its server is tried again", "sensor", r.id, "err", err)
		}
	}
}

// remoteDevice is the device of a sensor here, while it is connected at the other server.
type remoteDevice struct {
	*remote
	link     sensocto.SensorLink // nil until it is connected; guarded by remote.mu, as what follows
	replaced bool
}

// Replaced implements sensocto.Device: the sensor here was deleted.
func (d *remoteDevice) Replaced() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replaced = true
	if d.link != nil && d.remote.link == d.link {
		d.remote.link = nil
	}
}

// Command implements sensocto.Device: commands do not go to other servers.
func (d *remoteDevice) Command(json.RawMessage) bool { return false }
