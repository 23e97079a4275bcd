package p2p

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Who is erased here is out of the rooms here at once, but nobody else has a say about
// them in the documents of rooms that were made elsewhere, and the sidecar may be away.
// So their key and the id that it is made from are kept for each room, and nothing else of
// them, until their removal is in the document and another server has had the chance to
// fetch it.

// erasedMost is how long the removal of somebody who was erased waits for another server:
// afterwards nothing of them is kept here, whether anybody has heard of it or not.
const erasedMost = 30 * 24 * time.Hour

// erasure is how far a room is with somebody who was erased; guarded by RoomSync.mu.
type erasure struct {
	wiped bool // this server has removed what it wrote of them from the documents
	spread
}

// spread is how far what this server has said in the document of a room has come; guarded by
// RoomSync.mu.
type spread struct {
	saidAt time.Time // since when the document says it; zero for not yet
	again  bool      // an exchange has ended since, which may have begun before; saidAt is its end
}

// spreads reports whether another server has had the chance to fetch what the document says,
// or nobody else has the room; tell has it exchanged now. It is called with mu held.
func (r *shared) spreads(s *spread, now time.Time) (known, tell bool) {
	switch {
	case !r.outside:
		known = true
	case s.saidAt.IsZero(): // of others nothing tells whether they have it
		s.saidAt, tell = now, true
	case !r.metAt.After(s.saidAt):
	case !s.again:
		s.saidAt, s.again, tell = now, true, true
	default:
		known = true
	}
	return known, tell
}

// erasure returns how far the room is with somebody; with mu held.
func (r *shared) erasure(k Key) *erasure {
	if r.erasures == nil { // the room has just gone on in another document
		r.erasures = map[Key]*erasure{}
	}
	e := r.erasures[k]
	if e == nil {
		e = &erasure{}
		r.erasures[k] = e
	}
	return e
}

// met notes that a document was exchanged with another server.
func (s *RoomSync) met(doc, peer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[s.docs[doc]]
	if r == nil || r.room.Doc != doc {
		return
	}
	if r.met == nil {
		r.met = map[string]bool{}
	}
	if r.met[peer] = true; len(r.met) > maxMembers { // whoever has a ticket can have many
		r.met = map[string]bool{peer: true}
	}
	if r.metAt = time.Now(); len(r.erasures) > 0 || r.emptied != nil || r.room.Restored {
		r.urgent = true
		s.notify()
	}
}

// readErased reads who was erased, so that it can be signed for them. Of others, whose
// key is not of this server, there is nothing to sign.
func (p *pass) readErased(ctx context.Context) error {
	list, err := p.options.Store.ErasedMembers(ctx, p.room.RoomID)
	if err != nil {
		return fmt.Errorf("read who was erased: %w", err)
	}
	for _, e := range list {
		if k := Key(e.Key); p.options.Keys.Person(e.UserID).Key == k {
			p.people.note(k, e.UserID, "")
			p.erased = append(p.erased, e)
		} else if err := p.forgetErased(ctx, k); err != nil {
			return err
		}
	}
	p.note(func() {
		all := map[Key]*erasure{}
		for _, e := range p.erased {
			all[Key(e.Key)] = p.r.erasure(Key(e.Key))
		}
		p.r.erasures = all
	})
	return nil
}

func (p *pass) forgetErased(ctx context.Context, k Key) error {
	left, err := p.options.Store.RemoveErasedMember(ctx, p.room.RoomID, string(k))
	if err != nil {
		return fmt.Errorf("forget who was erased: %w", err)
	}
	if left == 0 {
		p.people.forget(k)
	}
	return nil
}

// leaveOutErased has a merged room not bring back who was erased. That somebody still says
// they are in it is kept: the next exchange says otherwise.
func (p *pass) leaveOutErased(m Room) {
	for _, e := range p.erased {
		k := Key(e.Key)
		delete(m.Members, k)
		for key := range m.Facts {
			if key == personKey(k) || strings.HasPrefix(key, sensorsKey(k)) {
				delete(m.Facts, key)
			}
		}
		for ref := range m.Sensors {
			if ref.Member == k {
				delete(m.Sensors, ref)
			}
		}
	}
}

// removeErased removes the names and sensors of people who were erased from the document,
// and from those that the room has left, as far as this server wrote them.
func (p *pass) removeErased(ctx context.Context) error {
	if !p.writable() {
		return nil
	}
	for _, e := range p.erased {
		k := Key(e.Key)
		wiped := false
		p.note(func() { wiped = p.r.erasure(k).wiped })
		if wiped {
			continue
		}
		for _, prefix := range []string{personKey(k), sensorsKey(k)} {
			if err := p.removeEverywhere(ctx, prefix); err != nil {
				return err
			}
		}
		p.note(func() { p.r.erasure(k).wiped = true })
	}
	return nil
}

// settleErased forgets who was erased where the others know, or nobody else has the room.
func (p *pass) settleErased(ctx context.Context, m Room) error {
	leaves := !p.own && p.leaves(m) // where it follows with their keys they are removed there, too
	tells := false
	for _, e := range p.erased {
		known := time.Since(e.ErasedAt) > erasedMost
		if leaves && !known || !leaves && !p.isOut(Key(e.Key), m) {
			continue
		}
		p.note(func() {
			told, tell := p.r.spreads(&p.r.erasure(Key(e.Key)).spread, time.Now())
			known, tells = known || told, tells || tell
		})
		if !known {
			continue
		}
		if err := p.forgetErased(ctx, Key(e.Key)); err != nil {
			return err
		}
		p.note(func() { delete(p.r.erasures, Key(e.Key)) })
	}
	if tells {
		return p.options.Sidecar.Sync(ctx, p.room.Doc)
	}
	return nil
}

// isOut reports whether the document says of somebody who was erased that they are out.
// Otherwise an exchange that says so follows.
func (p *pass) isOut(k Key, m Room) bool {
	key := memberKey(k)
	if f, ok := m.Facts[key]; ok && !f.Deleted {
		if b := p.base[key]; b == nil || b.Deleted { // that others say so was not known here: now it is
			p.note(func() { p.r.changed(time.Now()) })
		}
		return false
	}
	return !slices.ContainsFunc(p.found, func(e Entry) bool { return e.Key == key && e.State == "missing" })
}
