package socket

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

// counters count what the metrics report.
type counters struct {
	accepted, panics             atomic.Uint64
	refusedWatches, cutHistories atomic.Uint64
	framesIn, bytesIn            atomic.Uint64

	joins               byReason // "family,result"
	closes              byReason
	refusedUpgrades     byReason
	refusedFrames       byReason
	refusedMeasurements byReason
}

func (c *counters) refuseMeasurement(reason string) { c.refusedMeasurements.add(reason, 1) }

// byReason counts by a label of which there are few. The zero value is ready.
type byReason struct {
	mu sync.Mutex
	n  map[string]uint64
}

func (b *byReason) add(reason string, n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n == nil {
		b.n = make(map[string]uint64)
	}
	b.n[reason] += n
}

func (b *byReason) each(f func(reason string, n uint64)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for reason, n := range b.n {
		f(reason, n)
	}
}

// Metrics implements sensocto.MetricSource.
func (s *Server) Metrics(emit func(sensocto.Metric)) {
	c := &s.count
	counter := func(name, help string, v uint64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Labels: labels, Value: float64(v)})
	}
	labelled := func(name, help, label string, b *byReason) {
		b.each(func(reason string, n uint64) { counter(name, help, n, label, reason) })
	}
	counter("socket_connections_total", "WebSocket connections accepted.", c.accepted.Load())
	counter("socket_frames_received_total", "Messages received.", c.framesIn.Load())
	counter("socket_bytes_received_total", "Bytes of messages received.", c.bytesIn.Load())
	counter("socket_watches_refused_total", "Sensors that were not watched because a connection, or all, watch as many as allowed.", c.refusedWatches.Load())
	counter("socket_histories_cut_total", "Joins whose history was shorter than asked for, because of its size.", c.cutHistories.Load())
	counter("socket_panics_total", "Panics that cost a connection.", c.panics.Load())
	labelled("socket_closes_total", "Connections closed by the server, by reason.", "reason", &c.closes)
	labelled("socket_upgrades_refused_total", "Upgrades refused, by reason.", "reason", &c.refusedUpgrades)
	labelled("socket_frames_refused_total", "Frames refused, by reason.", "reason", &c.refusedFrames)
	labelled("socket_measurements_refused_total", "Measurements refused before they reached their sensor, by reason.", "reason", &c.refusedMeasurements)
	c.joins.each(func(key string, n uint64) {
		family, result, _ := strings.Cut(key, ",")
		counter("socket_joins_total", "Joins, by topic family and result.", n, "topic", family, "result", result)
	})
	s.outbound.Metrics(emit)
	s.gauges(emit)
}

func (s *Server) gauges(emit func(sensocto.Metric)) {
	gauge := func(name, help string, v int) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: float64(v)})
	}
	conns := s.all()
	var frames, bytes, channels, deepest int
	for _, c := range conns {
		items, size := c.out.Depth()
		frames, bytes, deepest = frames+items, bytes+size, max(deepest, size)
		c.mu.Lock()
		channels += len(c.channels)
		c.mu.Unlock()
	}
	gauge("socket_connections", "Open WebSocket connections.", len(conns))
	gauge("socket_channels", "Topics joined.", channels)
	gauge("socket_anonymous", "Open connections that have not shown yet who they are.", s.anonymous.Count())
	gauge("socket_watched", "Sensors watched, counted once for each viewer.", int(s.watched.Used()))
	gauge("socket_unfinished_bytes", "Bytes of large messages that have not come whole.", int(s.unfinished.Used()))
	gauge("socket_queue_frames", "Frames waiting in outbound queues.", frames)
	gauge("socket_queue_bytes", "Bytes waiting in outbound queues, without what is merged.", bytes)
	gauge("socket_queue_bytes_max", "Bytes waiting in the fullest outbound queue, without what is merged.", deepest)
	gauge("socket_refused_addresses", "Addresses with refused peers that are remembered.", s.offenders.Size())
}
