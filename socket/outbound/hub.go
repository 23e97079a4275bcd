package outbound

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/tick"
)

// Options are what a Hub needs. All are required.
type Options struct {
	QueueBytes int           // bound of what waits for a connection, encoded
	ReplyBytes int           // bound of one reply
	Gather     time.Duration // how long frames may wait for others; negative for never
	PubSub     sensocto.PubSub
	Started    time.Time       // of the server: times are counted from it
	Tasks      *sync.WaitGroup // counts all goroutines; its owner keeps it above zero while an outbox is not killed
}

// Hub is what the outboxes of a server share: writers, timers, and who watches
// which sensor.
type Hub struct {
	queueBytes int
	replyBytes int
	gather     time.Duration
	pubsub     sensocto.PubSub
	started    time.Time
	tasks      *sync.WaitGroup

	queues       sync.Pool // of *queue
	batches      sync.Pool // of *writeBatch
	writers      writerPool
	flushTimer   *tick.Timer[*Outbox]
	flushPeriod  time.Duration
	reading      atomic.Bool                                  // readers read, and a flush follows: no outbox is written before
	windowTimers [sensocto.AttentionHigh]*tick.Timer[*fanout] // by level; nil for none
	fanouts      fanouts
	encoders     [encodings]func(*sensocto.Message) []byte
	count        counters
}

// New returns a Hub. It starts nothing.
func New(o Options) *Hub {
	h := &Hub{
		queueBytes: o.QueueBytes, replyBytes: o.ReplyBytes, gather: o.Gather, pubsub: o.PubSub, started: o.Started, tasks: o.Tasks,
		flushPeriod: max(o.Gather, time.Millisecond),
	}
	h.writers.hub = h
	h.fanouts = fanouts{hub: h, bySensor: make(map[string]*fanout)}
	h.flushTimer = tick.NewTimer(tick.Options[*Outbox]{Now: h.now, Delay: tick.Every(h.flushPeriod, 0), Tick: h.flushOutboxes})
	h.windowTimers[sensocto.AttentionMedium] = h.newWindowTimer(sensocto.AttentionMedium, mediumWindow)
	h.windowTimers[sensocto.AttentionLow] = h.newWindowTimer(sensocto.AttentionLow, lowWindow)
	for e := range encodings {
		h.encoders[e] = h.countedEncoder(e)
	}
	h.queues.New = func() any { return new(queue) }
	h.batches.New = func() any { return new(writeBatch) }
	return h
}

// now is the time since the server's start: one cheap number to compare.
func (h *Hub) now() time.Duration { return time.Since(h.started) }

// flushOutboxes starts the writers of all connections that gather frames. It is
// flushTimer's tick.
func (h *Hub) flushOutboxes(due []*Outbox) {
	h.reading.Store(false)
	h.writers.withStandby(func() {
		for _, o := range due {
			o.flushDue()
		}
	})
}

// newWindowTimer returns the timer that ends the windows of one level: of all
// sensors together, so that a viewer of many sensors gets one frame.
func (h *Hub) newWindowTimer(level sensocto.AttentionLevel, period time.Duration) *tick.Timer[*fanout] {
	end := func(due []*fanout) {
		var staged []*Outbox
		for _, f := range due {
			staged = f.flushWindow(level, staged)
		}
		h.writers.withStandby(func() { flushStaged(staged) })
	}
	return tick.NewTimer(tick.Options[*fanout]{Now: h.now, Delay: tick.Every(period, 0), Tick: end})
}

// NewReadGate returns a gate for readers whose measurements leave at the next
// flush anyway: it opens lead before that. The flush comes when all of them have given
// back their passes, and lead later at the latest, however late the gate's timer was.
func (h *Hub) NewReadGate(lead time.Duration) *tick.Gate {
	return tick.NewGate(h.now, tick.Every(h.flushPeriod, lead), tick.Hooks{
		Opening: func() {
			h.reading.Store(true)
			h.flushTimer.Postpone(lead)
		},
		Done: func(here bool) {
			h.reading.Store(false)
			if here {
				h.flushTimer.Now()
			} else { // a connection's goroutine, which has other things to do than to write for all
				h.flushTimer.Postpone(0)
			}
		},
	})
}

// counters count what the metrics report.
type counters struct {
	framesOut, bytesOut, writes   atomic.Uint64
	samples                       [sensocto.AttentionHigh + 1]sampleCounters // to viewers, by level
	droppedClosing, droppedRights atomic.Uint64                              // measurements
	overflows, encodings          atomic.Uint64
}

// sampleCounters count measurements to viewers who look at one level.
type sampleCounters struct{ delivered, bucketed, merged, late atomic.Uint64 }

// Metrics implements sensocto.MetricSource.
func (h *Hub) Metrics(emit func(sensocto.Metric)) {
	c := &h.count
	counter := func(name, help string, v uint64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Labels: labels, Value: float64(v)})
	}
	counter("socket_frames_sent_total", "Frames sent.", c.framesOut.Load())
	counter("socket_bytes_sent_total", "Bytes sent.", c.bytesOut.Load())
	counter("socket_writes_total", "Writes: frames that wait together leave in one.", c.writes.Load())
	counter("socket_encodings_total", "Messages encoded: each once for all viewers who share encoding and level.", c.encodings.Load())
	counter("socket_overflows_total", "Outbound queues that overflowed and were merged.", c.overflows.Load())
	for level := sensocto.AttentionLow; level <= sensocto.AttentionHigh; level++ {
		at, name := &c.samples[level], level.String()
		counter("measurements_delivered_total", "Measurements sent to viewers one by one, by the level at which they look.", at.delivered.Load(), "level", name)
		counter("measurements_bucketed_total", "Measurements that a window merged or replaced, by level.", at.bucketed.Load(), "level", name)
		counter("measurements_merged_total", "Measurements merged or replaced because a viewer was too slow, by level.", at.merged.Load(), "level", name)
		counter("measurements_late_total", "Measurements in writes that a viewer's network did not take for over a quarter of a second, by level.", at.late.Load(), "level", name)
	}
	const dropped = "Measurements not sent to viewers, by reason."
	counter("measurements_dropped_total", dropped, c.droppedClosing.Load(), "reason", "closing")
	counter("measurements_dropped_total", dropped, c.droppedRights.Load(), "reason", "right_lost")
}
