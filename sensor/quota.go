package sensor

import (
	"sync"

	"github.com/sensocto/sensocto"
)

// Errors for what one identity brings too much of, and for what is new while
// there is no memory for it.
var (
	errTooManySensors = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "too_many_sensors",
		Message: "the server has as many sensors as it allows: delete some, or raise limits.sensors"}
	errSensorQuota = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "sensor_quota",
		Message: "this identity brought as many sensors as the server allows it: delete some, or raise limits.sensors_per_identity"}
	errSeriesQuota = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "series_quota",
		Message: "this identity brought as many attributes as the server allows it: delete sensors, or raise limits.series_per_identity"}
	errOverloaded = &sensocto.Error{Code: sensocto.CodeUnavailable,
		Message: "the server is short of memory and takes no new sensors and attributes now: try again later"}
	errDescription = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "description_too_large",
		Message: "the names, types and units of the sensor's attributes are too long together: shorten them"}
)

// quotaKey is for whom it counts what an identity brings: a person, with however
// many tokens, or one token of the server itself.
func quotaKey(id sensocto.Identity) string {
	if id.UserID != "" {
		return id.OwnerID
	}
	return id.ID
}

// quota counts what each identity brought, up to a bound. Its size is bounded
// by what it counts.
type quota struct {
	bound int

	mu   sync.Mutex // guards used
	used map[string]int
}

func newQuota(bound int) *quota { return &quota{bound: bound, used: make(map[string]int)} }

// take counts one more for the identity. It reports false at the bound.
func (q *quota) take(identity string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used[identity] >= q.bound {
		return false
	}
	q.used[identity]++
	return true
}

// add counts what exists already, also beyond the bound; n may be negative.
func (q *quota) add(identity string, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used[identity] += n; q.used[identity] <= 0 {
		delete(q.used, identity)
	}
}

// largest returns the count of the identity that has most.
func (q *quota) largest() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	most := 0
	for _, n := range q.used {
		most = max(most, n)
	}
	return most
}

// SetLoad tells the registry how busy the server is: while memory is critical,
// sensors and attributes that are new are refused, and what exists goes on.
func (r *Registry) SetLoad(l sensocto.Load) { r.overloaded.Store(l.MemoryCritical) }

// charge counts one attribute for the identity that brings it.
func (p *process) charge() error {
	r := p.registry
	switch {
	case r.overloaded.Load():
		return errOverloaded
	case !r.series.take(p.bringer):
		return errSeriesQuota
	}
	p.charged[p.bringer]++
	return nil
}

// countFor counts the sensor and attributes that exist already for an identity,
// also beyond its quotas.
func (p *process) countFor(identity string, attributes int) {
	p.creator, p.bringer = identity, identity
	p.registry.owned.add(identity, 1)
	if attributes > 0 {
		p.registry.series.add(identity, attributes)
		p.charged[identity] += attributes
	}
}

// recharge counts the sensor and its attributes for another identity, also beyond
// its quotas.
func (p *process) recharge(identity string) {
	n := 0
	for _, charged := range p.charged {
		n += charged
	}
	p.discharge()
	p.countFor(identity, n)
}

// discharge gives back all that was counted for the sensor.
func (p *process) discharge() {
	for identity, n := range p.charged {
		p.registry.series.add(identity, -n)
	}
	p.registry.owned.add(p.creator, -1)
	clear(p.charged)
}
