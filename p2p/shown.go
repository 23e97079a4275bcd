package p2p

import (
	"maps"
	"slices"

	"github.com/sensocto/sensocto"
)

// KeepSetting is the setting of a room with which what is watched of sensors of other
// servers is stored here as well.
const KeepSetting = "keep_watched"

// show notes what a merged room says of sensors, for those that watch them here and at
// other servers.
func (p *pass) show(m Room, want sensocto.RoomContent) {
	if p.live == nil {
		return
	}
	places := p.placesOf(m, want)
	same := false
	p.note(func() {
		r := p.r
		same = maps.Equal(r.members, m.Members) && maps.Equal(r.sensors, m.Sensors) && maps.Equal(r.places, places)
		r.members, r.sensors, r.places = m.Members, m.Sensors, places
	})
	if !same {
		p.recheck()
	}
}

// hide has sensors shown no more by a room that has ended.
func (p *pass) hide() {
	shown := false
	p.note(func() {
		shown = p.r.members != nil
		p.r.members, p.r.sensors, p.r.places = nil, nil, nil
	})
	if shown {
		p.recheck()
	}
}

// recheck has it looked again who sees which sensors by the room.
func (p *pass) recheck() {
	if p.live != nil {
		p.live.recheck(p.room.RoomID)
	}
	p.refresh()
}

// placesOf returns where the sensors of other servers are that a room shows here.
func (p *pass) placesOf(m Room, want sensocto.RoomContent) map[string]place {
	places := map[string]place{}
	as := p.viewer(m)
	for ref, sensor := range m.Sensors {
		id, ok := LocalSensorID(ref)
		if share, shown := want.Shares[id]; ok && shown && share.SharedBy != "" {
			places[id] = place{ref: ref, endpoint: m.Members[ref.Member].Endpoint, room: p.room.RoomID, as: as, owner: share.SharedBy,
				sensor: sensor, keep: string(m.Settings[KeepSetting]) == "true"}
		}
	}
	return places
}

// viewer returns the member of this server with the most rights in a room; "" for none.
func (p *pass) viewer(m Room) (best Key) {
	for _, k := range slices.Sorted(maps.Keys(m.Members)) {
		if role := m.Members[k].Role; p.people.local(k) && (best == "" || !m.Members[best].Role.AtLeast(role)) {
			best = k
		}
	}
	return best
}

// refresh brings the sensors of other servers up to date with all rooms.
func (s *RoomSync) refresh() {
	if s.live != nil {
		s.live.update(s.places)
	}
}

// places returns where the sensors of other servers are, of all rooms.
func (s *RoomSync) places() map[string]place {
	all := map[string]place{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		for id, p := range r.places {
			before, known := all[id]
			keep := p.keep || before.keep
			if known && before.before(p) {
				p = before
			}
			p.keep = keep
			all[id] = p
		}
	}
	return all
}

// showing returns what a room says of a member, and whether it shows a sensor.
func (s *RoomSync) showing(roomID string, k Key, ref SensorRef) (m Member, shows bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[roomID]
	if r == nil {
		return m, false
	}
	_, shows = r.sensors[ref]
	m, is := r.members[k]
	return m, shows && is
}
