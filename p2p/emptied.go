package p2p

import (
	"context"
	"errors"
	"time"

	"github.com/sensocto/sensocto"
)

// A room that another server made is here for people of this one. Once none of them is in it,
// and another server has had the chance to fetch that they left, it is forgotten here: its
// documents are dropped, and a later ticket brings it as if it had never been here. How far
// that is, is in memory alone: what it follows from, who is in the room and what the document
// says, is stored, so a server that is restarted meanwhile begins to wait anew.

// fetchPause is how long another server may take to fetch what the entries of an exchange say.
const fetchPause = 10 * time.Second

// emptied is how far a room is in which nobody of this server is any more; guarded by
// RoomSync.mu.
type emptied struct {
	since time.Time     // when that was found
	pause time.Duration // how long others may take to fetch what it says, once they know
	spread
	knownAt time.Time // since when another server may know; zero for not yet
}

// settleEmptied forgets a room in which nobody of this server is any more, once the others
// know. A room that was made here stays, and one of which a backup may not have all people.
func (p *pass) settleEmptied(ctx context.Context, m Room) error {
	if p.own || p.room.Restored {
		return nil
	}
	members, err := p.membersElsewhere(ctx, m)
	if err != nil || members < 0 {
		p.note(func() { p.r.emptied = nil })
		return err
	}
	said, at := p.leftAt(m)
	forget, tell := false, false
	p.note(func() {
		if p.r.emptied == nil {
			p.r.emptied = &emptied{since: time.Now(), pause: p.fetchPause}
		}
		forget, tell = p.r.mayForget(at, said && !p.r.following, p.writable(), time.Now())
	})
	if tell {
		err = p.options.Sidecar.Sync(ctx, p.room.Doc)
	}
	if !forget {
		return err
	}
	defer p.note(func() { p.r.going = false })
	return p.forgetEmptied(ctx, members)
}

// membersElsewhere returns how many members the room here has, where all of them are people
// of other servers; -1 where somebody of this server is in it, here or as the document says.
func (p *pass) membersElsewhere(ctx context.Context, m Room) (n int, err error) {
	for k := range m.Members {
		if p.people.local(k) { // also whom the limits here keep out
			return -1, nil
		}
	}
	c, err := p.options.Rooms.Content(ctx, p.room.RoomID)
	if errors.Is(err, sensocto.ErrNotFound) {
		return -1, nil // it was deleted meanwhile: the next exchange finds that
	}
	if err != nil {
		return -1, err
	}
	for userID := range c.Members {
		// Not by their key: where this server's keys are new ones, that of nobody here is theirs.
		if u, err := p.options.Store.User(ctx, userID); err != nil || !u.AtOtherServer() {
			return -1, err
		}
	}
	return len(c.Members), nil
}

// leftAt returns whether the document has it that all people of this server are out whom it
// names, and when the last of them left; zero where nobody of this server says so: the clocks
// of others decide nothing.
func (p *pass) leftAt(m Room) (said bool, last time.Time) {
	said = true
	for key, f := range m.Facts {
		kind, parts, _ := splitKey(key)
		if kind != prefixMember || !p.people.local(Key(parts[0])) {
			continue
		}
		said = said && p.isOut(Key(parts[0]), m)
		if at := time.UnixMicro(f.AtUS); p.people.local(f.Signer) && at.After(last) {
			last = at
		}
	}
	return said, last
}

// mayForget reports whether a room in which nobody of this server is can be forgotten: the last
// of them left at a time, zero for a time that nobody knows. Where it is not, the room is
// looked at again in time; tell has the document exchanged now. It is called with mu held; a
// room that can be forgotten is going.
func (r *shared) mayForget(at time.Time, said, writes bool, now time.Time) (forget, tell bool) {
	e := r.emptied
	if at.IsZero() || at.After(e.since) {
		at = e.since
	}
	limit := at.Add(erasedMost)
	over := now.After(limit)
	if said && writes && !over && e.knownAt.IsZero() {
		var known bool
		if known, tell = r.spreads(&e.spread, now); known {
			e.knownAt = now
		}
	}
	// The other server may still be fetching what an entry says, which goes with the document.
	fetched := !e.knownAt.IsZero() && now.Sub(e.knownAt) >= e.pause
	switch {
	case len(r.erasures) > 0: // the next exchange that matters to them
	case r.coming > 0 || r.held > 0: // when they have come, or given up, it is exchanged again
	case over || !writes || fetched: // where it is only read, nothing was said
		r.going = true
	case !e.knownAt.IsZero():
		r.at(e.knownAt.Add(e.pause))
	default:
		r.at(limit)
	}
	return r.going, tell
}

// forgetEmptied forgets a room unless somebody has come to it at this moment.
func (p *pass) forgetEmptied(ctx context.Context, members int) error {
	err := p.options.Rooms.Forget(ctx, p.room.RoomID, members)
	if sensocto.ErrorCode(err) == sensocto.CodeConflict {
		return nil // a change of the room: the next exchange looks who is there
	}
	if err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return err
	}
	p.counts.forgotten.Add(1)
	p.log.Info("a room of another server was forgotten: nobody here is in it any more", "room", p.room.RoomID)
	return p.forget(ctx)
}

// comes keeps a room, if there is one, from being forgotten until leave: somebody comes to it
// by a ticket. s.mu is held.
func (s *RoomSync) comes(r *shared) (leave func()) {
	if r == nil {
		return func() {}
	}
	r.coming++
	return func() {
		s.update(func() {
			r.coming--
			r.urgent = r.urgent || r.emptied != nil
		})
	}
}
