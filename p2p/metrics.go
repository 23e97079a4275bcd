package p2p

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// counts are what RoomSync has done since the start.
type counts struct {
	sent, received, failures, synced, syncFailed, flooded, movesRefused, forgotten atomic.Uint64

	facts traffic
	lag   sensocto.Histogram // from a change here until it was in the document
}

// traffic counts bytes.
type traffic struct{ sent, received atomic.Uint64 }

// traffic returns the bytes of facts and streams.
func (s *RoomSync) traffic() (sent, received uint64) {
	streams := &s.options.Sidecar.streams
	return s.counts.facts.sent.Load() + streams.sent.Load(), s.counts.facts.received.Load() + streams.received.Load()
}

// scrapeTime is how long the sidecar may take to say which peers it reaches.
const scrapeTime = 500 * time.Millisecond

// Metrics implements sensocto.MetricSource. Rooms have no series of their own:
// there may be 1,000, which come and go. Status tells them apart.
func (s *RoomSync) Metrics(emit func(sensocto.Metric)) {
	gauge := func(name, help string, v float64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: v, Labels: labels})
	}
	counter := func(name, help string, v uint64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(v), Labels: labels})
	}
	state := s.options.Sidecar.State()
	up := 0.0
	if state.Running {
		up = 1
	}
	gauge("p2p_up", "1 while the sidecar runs, through which rooms are shared with other servers.", up)
	counter("p2p_sidecar_restarts_total", "Starts of the sidecar after it had ended or was killed.", uint64(state.Restarts))
	counter("p2p_facts_sent_total", "Facts of shared rooms that were written into their documents.", s.counts.sent.Load())
	counter("p2p_facts_received_total", "Facts of shared rooms that were brought into the rooms here.", s.counts.received.Load())
	counter("p2p_exchange_failures_total", "Exchanges of a shared room that failed and are tried again.", s.counts.failures.Load())
	counter("p2p_syncs_total", "Exchanges of documents with peers that succeeded.", s.counts.synced.Load())
	counter("p2p_sync_failures_total", "Exchanges of documents with peers that failed.", s.counts.syncFailed.Load())
	counter("p2p_flooded_total", "Documents that are no longer exchanged, since they have too many entries.", s.counts.flooded.Load())
	counter("p2p_moves_refused_total", "Times that a room could not lock anybody out (too_many_moves), as too many documents are needed that rooms have left.", s.counts.movesRefused.Load())
	counter("p2p_rooms_forgotten_total", "Rooms of other servers that were forgotten here, as nobody of this server was in them any more.", s.counts.forgotten.Load())
	streams := &s.options.Sidecar.streams
	const sent, received = "Bytes of facts and streams sent to other servers, without what the network adds.", "Bytes of facts and streams that came from other servers, without what the network adds."
	counter("p2p_sent_bytes_total", sent, s.counts.facts.sent.Load(), "what", "facts")
	counter("p2p_sent_bytes_total", sent, streams.sent.Load(), "what", "streams")
	counter("p2p_received_bytes_total", received, s.counts.facts.received.Load(), "what", "facts")
	counter("p2p_received_bytes_total", received, streams.received.Load(), "what", "streams")
	emit(sensocto.Metric{Name: "p2p_sync_lag_seconds", Help: "From a change of a shared room here until it was in the room's document, for the others to fetch.", Kind: sensocto.KindHistogram, Histogram: s.counts.lag.Snapshot()})
	s.roomMetrics(gauge)
	s.peerMetrics(gauge, state)
}

type gauge func(name, help string, v float64, labels ...string)

func (s *RoomSync) roomMetrics(gauge gauge) {
	s.mu.Lock()
	rooms, pending, retrying, erased, left, lag, now := 0, 0, 0, 0, 0, time.Duration(0), time.Now()
	for _, r := range s.rooms {
		if r.room.Doc != "" {
			rooms++
		}
		pending += max(r.pending, r.changes)
		lag = max(lag, r.lag(now))
		erased += len(r.erasures)
		left += len(r.room.Left)
		if r.failures > 0 {
			retrying++
		}
	}
	s.mu.Unlock()
	gauge("p2p_rooms", "Rooms that are shared with other servers.", float64(rooms))
	gauge("p2p_pending_changes", "Changes of shared rooms that have not been sent.", float64(pending))
	gauge("p2p_left_documents", "Documents that shared rooms have left and that are kept for those who have not heard of it; of rooms that are there, 120 at most.", float64(left))
	gauge("p2p_erased_members", "Members who were erased here, in rooms whose other servers may not know that yet; who is in several rooms counts several times.", float64(erased))
	gauge("p2p_retrying_rooms", "Shared rooms whose last exchange failed.", float64(retrying))
	gauge("p2p_longest_lag_seconds", "How long the change that has waited longest to be sent has waited, of all rooms.", lag.Seconds())
}

func (s *RoomSync) peerMetrics(gauge gauge, state State) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	now, err := s.sidecar(ctx, state)
	if err != nil {
		return // it says nothing, rather than that there are none
	}
	paths := map[string]int{}
	for _, p := range now.Peers {
		paths[p.Path]++
	}
	for _, path := range []string{"direct", "relay", "none"} {
		gauge("p2p_peers", "Servers that have rooms of this one, by how they are reached now; none: they are not.", float64(paths[path]), "path", path)
	}
}
