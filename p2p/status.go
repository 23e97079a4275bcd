package p2p

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// counts are what RoomSync has done since the start.
type counts struct {
	sent, received, failures, synced, syncFailed, flooded atomic.Uint64
}

// RoomStatus is how a shared room is.
type RoomStatus struct {
	RoomID   string
	Doc      string
	Own      bool // made at this server
	Peers    []PeerStatus
	SyncedAt time.Time // of the last exchange with a peer; zero for never
	Pending  int       // changes that have not been sent
	Missing  int       // values that have not arrived
	Entries  int
	Flooded  bool
	Refused  map[string]int // entries that do not count, by reason
	Problem  string         // of the last exchange; "" for none
}

// SyncStatus is how rooms are shared.
type SyncStatus struct {
	State    State
	Endpoint EndpointStatus
	Peers    []PeerStatus
	Rooms    []RoomStatus
}

// Status returns how rooms are shared, also while the sidecar is gone.
func (s *RoomSync) Status(ctx context.Context) SyncStatus {
	status := SyncStatus{State: s.options.Sidecar.State()}
	docs := map[string]DocStatus{}
	peers := map[string]PeerStatus{}
	if status.State.Running {
		now, err := s.options.Sidecar.Status(ctx)
		if err != nil {
			status.State.Problem = err.Error()
		}
		status.Endpoint, status.Peers = now.Endpoint, now.Peers
		for _, d := range now.Docs {
			docs[d.Doc] = d
		}
		for _, p := range now.Peers {
			peers[p.Peer] = p
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.rooms {
		if r.room.ClosedAt.IsZero() {
			status.Rooms = append(status.Rooms, s.roomStatus(id, r, docs[r.room.Doc], peers))
		}
	}
	return status
}

func (s *RoomSync) roomStatus(id string, r *shared, d DocStatus, peers map[string]PeerStatus) RoomStatus {
	status := RoomStatus{RoomID: id, Doc: r.room.Doc, Own: r.room.Root == string(s.options.Keys.Room(id).Key), Pending: max(r.pending, r.changes),
		Missing: int(d.Missing), Entries: int(d.Entries), Flooded: d.Flooded, Refused: r.refused, Problem: r.problem}
	if d.SyncedAtUS > 0 {
		status.SyncedAt = time.UnixMicro(int64(d.SyncedAtUS)).UTC()
	}
	for _, peer := range d.Neighbours {
		status.Peers = append(status.Peers, peers[peer])
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
	rooms, pending := len(s.rooms), 0
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
