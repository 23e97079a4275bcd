package call

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

type counters struct {
	joined, left atomic.Uint64
	replaced     atomic.Uint64
	reports      reportCounters
	sent         [kindCount]atomic.Uint64

	mu      sync.Mutex // guards refusal
	refusal map[string]uint64
}

func (c *counters) refused(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal == nil {
		c.refusal = make(map[string]uint64)
	}
	c.refusal[reason]++
}

// Refused counts a join or an event that was refused before it came to a call.
func (c *Calls) Refused(reason string) { c.count.refused(reason) }

// relayCounters count what the relay does.
type relayCounters struct {
	bytes   atomic.Uint64 // sent and received by allocations
	refused atomic.Uint64 // requests
	foreign atomic.Uint64 // packets to where no peer of the call is
	tooMuch atomic.Uint64 // packets above a peer's rate

	connections                atomic.Int64 // over TCP
	refusedInAll, refusedOfOne atomic.Uint64
	unused                     atomic.Uint64 // connections that ended for want of an allocation
	acceptErrors               atomic.Uint64
}

func (c *relayCounters) emit(counter func(name, help string, n uint64, labels ...string)) {
	counter("turn_bytes_total", "Bytes of media that allocations sent and received: those that go from one to another count at both.", c.bytes.Load())
	counter("turn_refused_total", "Requests to the TURN server that were refused: no valid credential, too many allocations, or an address that may not be reached.", c.refused.Load())
	counter("turn_dropped_total", "Packets that were not relayed, by reason.", c.foreign.Load(), "reason", "foreign")
	counter("turn_dropped_total", "Packets that were not relayed, by reason.", c.tooMuch.Load(), "reason", "rate")
	const refused = "TCP connections to the TURN server that were refused because there were too many, of one address or in all."
	counter("turn_connections_refused_total", refused, c.refusedOfOne.Load(), "reason", "address")
	counter("turn_connections_refused_total", refused, c.refusedInAll.Load(), "reason", "all")
	counter("turn_connections_unused_total", "TCP connections to the TURN server that were closed because they had no allocation for 10 s.", c.unused.Load())
	counter("turn_accept_errors_total", "Times that the TURN server could not accept a TCP connection, such as for want of file descriptors, and tried again.", c.acceptErrors.Load())
}

// Metrics implements sensocto.MetricSource.
func (c *Calls) Metrics(emit func(sensocto.Metric)) {
	gauge := func(name, help string, n int) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: float64(n)})
	}
	counter := func(name, help string, n uint64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Labels: labels, Value: float64(n)})
	}
	c.mu.Lock()
	calls, peers := len(c.rooms), 0
	for _, seats := range c.rooms {
		peers += len(seats)
	}
	allocations := c.allocations
	c.mu.Unlock()
	gauge("turn_allocations", "Allocations of the TURN server.", allocations)
	gauge("turn_connections", "TCP connections to the TURN server.", int(c.relayed.connections.Load()))
	c.relayed.emit(counter)
	gauge("calls", "Rooms with a call.", calls)
	gauge("call_peers", "Peers in calls.", peers)
	counter("call_peers_joined_total", "Peers that joined a call.", c.count.joined.Load())
	counter("call_peers_left_total", "Peers that left a call, or whose connection ended.", c.count.left.Load())
	counter("call_peers_replaced_total", "Peers whose place was given to another device of the same person.", c.count.replaced.Load())
	c.count.reports.emit(emit)
	for k := range c.count.sent {
		counter("call_signals_total", "Messages of peers that were passed on, by kind.", c.count.sent[k].Load(), "kind", kind(k).String())
	}
	c.count.mu.Lock()
	refusal := maps.Clone(c.count.refusal)
	c.count.mu.Unlock()
	for _, reason := range slices.Sorted(maps.Keys(refusal)) {
		counter("call_refusals_total", "Joins and messages of peers that were refused, by reason.", refusal[reason], "reason", reason)
	}
}
