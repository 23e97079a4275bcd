package p2p

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// Status returns how rooms are shared, also while the sidecar is gone.
func (s *RoomSync) Status(ctx context.Context) sensocto.P2PStatus {
	state := s.options.Sidecar.State()
	now, err := s.sidecar(ctx, state)
	status := sensocto.P2PStatus{Sidecar: standing(state), Running: state.Running, Problem: state.Problem, Endpoint: state.Endpoint, Relay: now.Endpoint.Relay, Restarts: state.Restarts, Peers: []sensocto.P2PPeer{}, Rooms: []sensocto.P2PRoom{}}
	if err != nil {
		status.Problem = err.Error()
	}
	status.Sent, status.Received = s.traffic()
	s.mu.Lock()
	defer s.mu.Unlock()
	names := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(s.rooms)) {
		if r := s.rooms[id]; r.room.Doc != "" && r.room.ClosedAt.IsZero() {
			status.Rooms = append(status.Rooms, s.roomStatus(id, r, now, state))
			for endpoint, people := range r.people {
				names[endpoint] = append(names[endpoint], people...)
			}
		}
	}
	for _, p := range now.Peers {
		people := slices.Sorted(slices.Values(names[p.Peer]))
		status.Peers = append(status.Peers, sensocto.P2PPeer{Endpoint: p.Peer, Path: p.Path, Names: append([]string{}, slices.Compact(people)...)})
	}
	return status
}

// Room returns how a room of this server is shared, also one that is not.
func (s *RoomSync) Room(ctx context.Context, roomID string) sensocto.P2PRoom {
	state := s.options.Sidecar.State()
	now, _ := s.sidecar(ctx, state)
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[roomID]
	if r == nil || r.room.Doc == "" {
		r = &shared{room: sensocto.SharedRoom{RoomID: roomID, Root: string(s.options.Keys.Room(roomID).Key)}}
	}
	return s.roomStatus(roomID, r, now, state)
}

// sidecar asks the sidecar how it is.
func (s *RoomSync) sidecar(ctx context.Context, state State) (Status, error) {
	if !state.Running {
		return Status{}, nil
	}
	return s.options.Sidecar.Status(ctx)
}

func (s *RoomSync) roomStatus(id string, r *shared, now Status, state State) sensocto.P2PRoom {
	own := r.room.Root == string(s.options.Keys.Room(id).Key)
	status := sensocto.P2PRoom{RoomID: id, Own: own, Shared: !own || r.outside, ReadOnly: !own && r.room.Invite == nil, Sidecar: standing(state),
		Pending: max(r.pending, r.changes), LagMS: r.lag(time.Now()).Milliseconds(), Retries: r.failures,
		Loopback: now.Endpoint.loopback(), Moved: r.moved, Following: r.following, Restored: r.room.Restored, Waiting: append([]string{}, r.behind...), Refused: map[string]int{}, Problem: r.problem, Peers: []sensocto.P2PPeer{}}
	maps.Copy(status.Refused, r.refused)
	i := slices.IndexFunc(now.Docs, func(d DocStatus) bool { return d.Doc == r.room.Doc })
	if i < 0 {
		return status
	}
	d := now.Docs[i]
	status.Missing, status.Entries, status.Flooded = int(d.Missing), int(d.Entries), d.Flooded
	if d.SyncedAtUS > 0 {
		at := time.UnixMicro(int64(d.SyncedAtUS)).UTC()
		status.SyncedAt = &at
	}
	for _, peer := range d.Neighbours {
		status.Peers = append(status.Peers, sensocto.P2PPeer{Endpoint: peer, Path: pathTo(peer, now), Names: append([]string{}, r.people[peer]...)})
	}
	return status
}

// loopback reports whether nobody on another machine reaches the endpoint.
func (e EndpointStatus) loopback() bool {
	remote := func(address string) bool {
		at, err := netip.ParseAddrPort(address)
		return err != nil || !at.Addr().IsLoopback()
	}
	return e.Relay == "" && len(e.Addresses) > 0 && !slices.ContainsFunc(e.Addresses, remote)
}

func standing(state State) string {
	switch {
	case state.Running:
		return "running"
	case state.Absent:
		return "absent"
	}
	return "down"
}

func pathTo(peer string, now Status) string {
	for _, p := range now.Peers {
		if p.Peer == peer {
			return p.Path
		}
	}
	return "none"
}

// found notes what an exchange found to send, and the facts of the one before.
func (r *shared) found(changes int, base map[string]*signed) {
	r.pending = changes
	if changes > 0 && r.waiting.IsZero() { // changed before the server was started
		r.waiting = time.Now()
	}
	for key, f := range base {
		r.outside = r.outside || (strings.HasPrefix(key, prefixInvite) && !f.Deleted)
	}
}

// sent notes that changes are in the document, and what that says now.
func (r *shared) sent(changes int, m Room, c *counts) {
	if changes > 0 {
		c.lag.Observe(r.lag(time.Now()))
	}
	r.pending, r.refused, r.outside, r.people = 0, m.Refused, false, map[string][]string{}
	for key, f := range m.Facts {
		r.outside = r.outside || (strings.HasPrefix(key, prefixInvite) && !f.Deleted)
	}
	for _, member := range m.Members {
		if member.Endpoint != "" && member.Name != "" {
			r.people[member.Endpoint] = append(r.people[member.Endpoint], member.Name)
		}
	}
	for _, names := range r.people {
		slices.Sort(names)
	}
}
