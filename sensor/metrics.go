package sensor

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// refusals counts what was not taken, by reason. Reasons are
// the program's own words, so they are few.
type refusals struct {
	mu     sync.Mutex // guards counts
	counts map[string]uint64
}

func (r *refusals) add(reason string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = make(map[string]uint64)
	}
	r.counts[reason] += uint64(n)
}

func (r *refusals) emit(each func(reason string, n uint64)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for reason, n := range r.counts {
		each(reason, n)
	}
}

// notice lets one line of a kind into the log a minute, however often a client
// causes it.
type notice struct{ next atomic.Int64 }

func (n *notice) due(now time.Time) bool {
	next := n.next.Load()
	return now.Unix() >= next && n.next.CompareAndSwap(next, now.Add(time.Minute).Unix())
}

// refuseSensor counts a sensor that was not taken.
func (r *Registry) refuseSensor(err error) {
	r.joins.add(sensocto.ErrorReason(err), 1)
	if sensocto.ErrorCode(err) == sensocto.CodeUnavailable && r.quotaNotice.due(time.Now()) {
		r.options.Log.Warn("new sensors are refused", "reason", sensocto.ErrorReason(err), "err", err)
	}
}

// refuse counts what the sensor did not take.
func (p *process) refuse(reason string, n int) {
	p.refused.Add(uint64(n))
	p.registry.refusals.add(reason, n)
}

// Metrics implements sensocto.MetricSource.
func (r *Registry) Metrics(emit func(sensocto.Metric)) {
	count := func(name, help string, v uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Value: float64(v)})
	}
	gauge := func(name, help string, v int) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: float64(v)})
	}
	count("measurements_total", "Measurements taken into the store.", r.measurements.Load())
	count("batches_total", "Batches taken into the store.", r.batches.Load())
	count("sensor_panics_total", "Panics of a sensor that were contained.", r.panics.Load())
	count("sensor_restarts_total", "Restarts of a sensor after a panic.", r.restarts.Load())
	count("catalog_failures_total", "Failed attempts to save a sensor's description.", r.catalog.failures.Load())
	count("sensor_joins_unsaved_total", "Joins of sensors that were answered before the catalog had them, because it failed or took too long.", r.unsaved.Load())
	gauge("sensors_connected", "Sensors that a device feeds now.", int(r.live.Load()))
	sensors, waiting := r.queued()
	gauge("sensors_known", "Sensors ever seen and not deleted.", sensors)
	gauge("sensor_mailbox_measurements", "Measurements and requests that wait in the mailboxes of all sensors.", waiting)
	gauge("identity_sensors_max", "Sensors of the identity that brought most (limits.sensors_per_identity).", r.owned.largest())
	gauge("identity_series_max", "Attributes of the identity that brought most (limits.series_per_identity).", r.series.largest())
	r.refusals.emit(func(reason string, n uint64) {
		emit(sensocto.Metric{Name: "sensor_measurements_refused_total", Help: "Measurements and attributes that a sensor did not take, by reason.",
			Labels: []string{"reason", reason}, Value: float64(n)})
	})
	r.joins.emit(func(reason string, n uint64) {
		emit(sensocto.Metric{Name: "sensor_joins_refused_total", Help: "Joins and imports of sensors that were refused, by reason.",
			Labels: []string{"reason", reason}, Value: float64(n)})
	})
}

func (r *Registry) queued() (sensors, waiting int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.sensors {
		waiting += p.mailbox.depth()
	}
	return len(r.sensors), waiting
}

// Fill says how full the mailboxes of the connected sensors are, all together:
// at 1, every device waits.
func (r *Registry) Fill() float64 {
	live := r.live.Load()
	if live <= 0 {
		return 0
	}
	_, waiting := r.queued()
	return float64(waiting) / float64(live*int64(r.options.Mailbox))
}
