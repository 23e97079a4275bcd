package p2p

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// counts are what RoomSync has done since the start.
type counts struct {
	sent, received, failures, synced, syncFailed, flooded atomic.Uint64
}

// Status returns how rooms are shared, also while the sidecar is gone.
func (s *RoomSync) Status(ctx context.Context) sensocto.P2PStatus {
	state := s.options.Sidecar.State()
	status := sensocto.P2PStatus{Running: state.Running, Problem: state.Problem, Endpoint: state.Endpoint, Restarts: state.Restarts, Peers: []sensocto.P2PPeer{}, Rooms: []sensocto.P2PRoom{}}
	docs, peers := map[string]DocStatus{}, map[string]sensocto.P2PPeer{}
	if state.Running {
		now, err := s.options.Sidecar.Status(ctx)
		if err != nil {
			status.Problem = err.Error()
		}
		status.Relay = now.Endpoint.Relay
		for _, p := range now.Peers {
			peers[p.Peer] = sensocto.P2PPeer{Endpoint: p.Peer, Path: p.Path}
			status.Peers = append(status.Peers, peers[p.Peer])
		}
		for _, d := range now.Docs {
			docs[d.Doc] = d
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.rooms)) {
		if r := s.rooms[id]; r.room.Doc != "" && r.room.ClosedAt.IsZero() {
			status.Rooms = append(status.Rooms, s.roomStatus(id, r, docs[r.room.Doc], peers))
		}
	}
	return status
}

func (s *RoomSync) roomStatus(id string, r *shared, d DocStatus, peers map[string]sensocto.P2PPeer) sensocto.P2PRoom {
	status := sensocto.P2PRoom{RoomID: id, Own: r.room.Root == string(s.options.Keys.Room(id).Key), Pending: max(r.pending, r.changes),
		Missing: int(d.Missing), Entries: int(d.Entries), Flooded: d.Flooded, Refused: map[string]int{}, Problem: r.problem, Peers: []sensocto.P2PPeer{}}
	maps.Copy(status.Refused, r.refused)
	if d.SyncedAtUS > 0 {
		at := time.UnixMicro(int64(d.SyncedAtUS)).UTC()
		status.SyncedAt = &at
	}
	for _, peer := range d.Neighbours {
		status.Peers = append(status.Peers, cmp.Or(peers[peer], sensocto.P2PPeer{Endpoint: peer, Path: "none"}))
	}
	return status
}

// Metrics implements sensocto.MetricSource.
func (s *RoomSync) Metrics(emit func(sensocto.Metric)) {
	state := s.options.Sidecar.State()
	up := 0.0
	if state.Running {
		up = 1
	}
	s.mu.Lock()
	rooms, pending := len(s.docs), 0
	for _, r := range s.rooms {
		pending += max(r.pending, r.changes)
	}
	s.mu.Unlock()
	gauge := func(name, help string, v float64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Value: v})
	}
	counter := func(name, help string, v uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Value: float64(v)})
	}
	gauge("p2p_up", "1 while the sidecar runs, through which rooms are shared with other servers.", up)
	counter("p2p_sidecar_restarts_total", "Starts of the sidecar after it had ended or was killed.", uint64(state.Restarts))
	gauge("p2p_rooms", "Rooms that are shared with other servers.", float64(rooms))
	gauge("p2p_pending_changes", "Changes of shared rooms that have not been sent.", float64(pending))
	counter("p2p_facts_sent_total", "Facts of shared rooms that were written into their documents.", s.counts.sent.Load())
	counter("p2p_facts_received_total", "Facts of shared rooms that were brought into the rooms here.", s.counts.received.Load())
	counter("p2p_exchange_failures_total", "Exchanges of a shared room that failed and are tried again.", s.counts.failures.Load())
	counter("p2p_syncs_total", "Exchanges of documents with peers that succeeded.", s.counts.synced.Load())
	counter("p2p_sync_failures_total", "Exchanges of documents with peers that failed.", s.counts.syncFailed.Load())
	counter("p2p_flooded_total", "Documents that are no longer exchanged, since they have too many entries.", s.counts.flooded.Load())
}
