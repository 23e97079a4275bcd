package p2p

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// pass is one exchange of a room: it sends what changed here, merges it with what
// the document says, and brings that into the room.
type pass struct {
	*RoomSync
	r     *shared
	room  sensocto.SharedRoom
	root  Key
	own   bool // the room was made here
	have  sensocto.RoomContent
	base  map[string]*signed // the facts as they were last exchanged
	kept  []Entry            // the same, as entries
	found []Entry            // the document
	// erased were members until their accounts were erased here, and others may not know.
	erased []sensocto.ErasedMember
}

// pass exchanges a room.
func (s *RoomSync) pass(ctx context.Context, r *shared) error {
	s.mu.Lock()
	room := r.room
	s.mu.Unlock()
	if room.Doc == "" {
		return s.make(ctx, room.RoomID)
	}
	p, merged, err := s.meet(ctx, r)
	if errors.Is(err, errDeleted) {
		return p.ended(ctx)
	}
	if err != nil {
		return err
	}
	if merged.Closed && !p.own {
		return p.closed(ctx)
	}
	if err := p.adopt(ctx, merged); err != nil {
		return err
	}
	doc := p.room.Doc
	if p.own {
		err = p.tell(ctx, merged)
	} else {
		err = p.follow(ctx, merged)
	}
	if p.room.Doc != doc { // what goes on elsewhere is exchanged there first
		return err
	}
	if err == nil {
		err = p.settleRestored(ctx, merged)
	}
	return errors.Join(err, p.settleErased(ctx, merged), p.settleEmptied(ctx, merged)) // nobody, and no room, is kept for what fails
}

// errDeleted says that the room is no longer here.
var errDeleted = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_room", Message: "the room was deleted"}

// meet sends what changed here, and returns what the room says together with what the
// document says.
func (s *RoomSync) meet(ctx context.Context, r *shared) (p *pass, merged Room, err error) {
	p = &pass{RoomSync: s, r: r}
	p.note(func() { p.room = r.room })
	p.root = Key(p.room.Root)
	p.own = p.options.Keys.Room(p.room.RoomID).Key == p.root
	if !p.own && !p.room.ClosedAt.IsZero() { // its owner has deleted it, whatever is still here
		return p, merged, errDeleted
	}
	if err := p.read(ctx); err != nil {
		return p, merged, err
	}
	if p.have, err = p.options.Rooms.Content(ctx, p.room.RoomID); errors.Is(err, sensocto.ErrNotFound) {
		return p, merged, errDeleted
	} else if err != nil {
		return p, merged, err
	}
	later := p.findLater(ctx)
	if err := p.readErased(ctx); err != nil { // after it: how far a room is with them begins anew in another document
		return p, merged, err
	}
	changes, err := p.count(ctx)
	if err := cmp.Or(err, later); err != nil {
		return p, merged, err
	}
	merged, err = p.exchanged(ctx, changes)
	return p, merged, err
}

// count returns what changed here since the last exchange, and notes how much that is, also
// where nothing can be sent.
func (p *pass) count(ctx context.Context) ([]change, error) {
	now, err := p.factsOf(ctx, p.have, p.room.Moves, p.base, p.own)
	if err != nil {
		return nil, err
	}
	changes := p.changes(p.room.RoomID, now, p.base, p.own, time.Now())
	p.note(func() { p.r.found(len(changes), p.base) })
	return changes, nil
}

// exchanged sends what changed here and returns the merged room.
func (p *pass) exchanged(ctx context.Context, changes []change) (merged Room, err error) {
	if err := p.open(ctx); err != nil {
		return merged, err
	}
	if p.found, err = p.options.Sidecar.Entries(ctx, p.room.Doc); err != nil {
		return merged, err
	}
	if merged, err = p.merge(ctx, changes); err != nil || (merged.Closed && !p.own) { // nothing more is said in a room that has ended
		return merged, err
	}
	p.leaveOutErased(merged)
	if err := p.send(ctx, merged); err != nil {
		return merged, err
	}
	if err := p.removeNames(ctx, merged); err != nil {
		return merged, err
	}
	if err := p.removeErased(ctx); err != nil {
		return merged, err
	}
	elsewhere := p.elsewhere(merged)
	p.note(func() {
		p.r.sent(len(changes), merged, &p.counts)
		p.r.outside = p.r.outside || elsewhere
	})
	return merged, nil
}

// elsewhere reports whether a member is at another server.
func (p *pass) elsewhere(m Room) bool {
	for k := range m.Members {
		if !p.people.local(k) {
			return true
		}
	}
	return false
}

func (p *pass) note(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// read reads the facts as they were last exchanged.
func (p *pass) read(ctx context.Context) error {
	list, err := p.options.Store.RoomFacts(ctx, p.room.RoomID)
	if err != nil {
		return fmt.Errorf("read the facts of a room: %w", err)
	}
	p.base = map[string]*signed{}
	for _, f := range list {
		e := Entry{Key: f.Key, Value: f.Body}
		b, err := decodeFact(p.room.RoomID, e)
		if err != nil {
			continue // of another version; the document has what it says
		}
		p.base[f.Key], p.kept = b, append(p.kept, e)
	}
	return nil
}

// open opens the document, once in each run of the sidecar. A sidecar that has lost
// it gets it again.
func (p *pass) open(ctx context.Context) error {
	starts := p.options.Sidecar.State().Starts
	var opened int
	p.note(func() { opened = p.r.openedIn })
	if opened == starts && starts > 0 {
		return nil
	}
	_, err := p.options.Sidecar.Open(ctx, p.room.Doc)
	if sensocto.ErrorCode(err) == sensocto.CodeNotFound {
		_, _, err = p.options.Sidecar.Import(ctx, p.room.Ticket)
	}
	if err == nil {
		p.note(func() { p.r.openedIn = starts })
	}
	return err
}

// merge merges the document, what was known before and what changed here.
func (p *pass) merge(ctx context.Context, changes []change) (Room, error) {
	entries := slices.Concat(p.found, p.kept)
	merged := p.with(&entries, changes, Merge(p.room.RoomID, p.root, entries))
	if p.own {
		out, err := p.outBanned(ctx, merged)
		if err != nil {
			return merged, err
		}
		merged = p.with(&entries, out, merged)
	}
	return merged, p.confirm(&merged)
}

// with adds changes to the entries of a room, and returns what it says then.
func (p *pass) with(entries *[]Entry, changes []change, before Room) Room {
	if len(changes) == 0 {
		return before
	}
	for _, c := range changes {
		by, ok := p.signer(c, before)
		if !ok {
			continue // nobody here may say that; the merged room goes back to what it was
		}
		value, err := p.sign(by, beyond(by, c, before))
		if err != nil {
			p.log.Warn("a change cannot be shared", "room", p.room.RoomID, "err", err)
			continue
		}
		*entries = append(*entries, Entry{Key: c.key, Value: value})
	}
	return Merge(p.room.RoomID, p.root, *entries)
}

// sign signs a change; where an invitation admits a person, the person does, too.
func (p *pass) sign(by Signer, c change) ([]byte, error) {
	if p.room.Invite == nil || by.Key != signerOf(p.room.Invite).Key {
		return by.Sign(c.key, c.fact)
	}
	_, parts, _ := splitKey(c.key)
	person, ok := p.people.signer(Key(parts[0]))
	if !ok {
		return nil, errors.New("an invitation admits people of this server alone")
	}
	return by.Admit(c.key, c.fact, person)
}

// confirm signs with the room's key what administrators and invitations have said,
// so that it stays when their right ends. That somebody left needs no right; of who was in
// the room it is signed all the same: tickets that are made later admit beyond it.
func (p *pass) confirm(m *Room) error {
	if !p.own {
		return nil
	}
	for key, f := range m.Facts {
		kind, parts, _ := splitKey(key)
		leaving := kind == prefixMember && f.Deleted && f.Signer == Key(parts[0])
		if f.Signer == p.root || f.Generation > maxConfirmed || kind == prefixPerson || kind == prefixSensor || (leaving && !p.leftFrom(f, key, m)) {
			continue
		}
		fact := f.Fact
		if kind == prefixMember && m.Invites[f.Signer] == "" && !leaving { // of an administrator
			if fact.Generation > p.reached(key, m)+confirmAhead {
				continue
			}
			fact.Generation = max(fact.Generation, m.lastInvitedTo()) // as beyond does: their server may not have known of the newest tickets
		}
		value, err := p.options.Keys.Room(p.room.RoomID).Sign(key, fact)
		if err != nil {
			return err
		}
		m.Facts[key] = Said{fact, p.root, value}
	}
	return nil
}

// leftFrom reports whether somebody who says that they left was in the room, in that
// generation or a later one, or a ticket admits to it: others are made up, and would have
// later tickets admit to generations that have no end.
func (p *pass) leftFrom(f Said, key string, m *Room) bool {
	b := p.base[key]
	return b != nil && b.signer == p.root && f.Generation <= p.reached(key, m)
}

// reached returns the last generation of a member that the room has said or admits to.
func (p *pass) reached(key string, m *Room) (generation int64) {
	if b := p.base[key]; b != nil && b.signer == p.root {
		generation = b.Generation
	}
	return max(generation, m.lastInvitedTo())
}

// signer returns whose word a change is: of those here that may say it the one with
// the most rights.
func (p *pass) signer(c change, m Room) (Signer, bool) {
	kind, parts, ok := splitKey(c.key)
	if !ok {
		return Signer{}, false
	}
	if kind == prefixPerson || kind == prefixSensor {
		if by, ok := p.people.signer(Key(parts[0])); ok {
			return by, true
		}
	}
	if p.own {
		return p.options.Keys.Room(p.room.RoomID), true
	}
	if by, ok := p.admin(m); ok && (kind != prefixMember || !m.Members[Key(parts[0])].Role.AtLeast(sensocto.RoleAdmin)) {
		return by, true
	}
	if kind != prefixMember {
		return Signer{}, false
	}
	if c.fact.Deleted {
		return p.people.signer(Key(parts[0]))
	}
	if p.room.Invite == nil || !p.people.local(Key(parts[0])) {
		return Signer{}, false
	}
	return signerOf(p.room.Invite), true
}

// admin returns a user of this server who is an administrator of the room.
func (p *pass) admin(m Room) (Signer, bool) {
	for _, k := range slices.Sorted(maps.Keys(m.Members)) {
		if m.Members[k].Role.AtLeast(sensocto.RoleAdmin) {
			if by, ok := p.people.signer(k); ok {
				return by, true
			}
		}
	}
	return Signer{}, false
}

// send writes the facts that count and that the document lacks: those of here, and
// those that a sidecar lost with its directory.
func (p *pass) send(ctx context.Context, m Room) error {
	there := map[string][][]byte{}
	for _, e := range p.found {
		there[e.Key] = append(there[e.Key], e.Value)
	}
	values := map[string][]byte{}
	for key, f := range m.Facts {
		if p.mayLack(key, f) || slices.ContainsFunc(there[key], func(v []byte) bool { return bytes.Equal(v, f.Value) }) {
			continue
		}
		values[key] = f.Value
	}
	if len(values) == 0 || !p.writable() {
		return nil
	}
	if err := p.options.Sidecar.Set(ctx, p.room.Doc, values); err != nil {
		return err
	}
	p.counts.sent.Add(uint64(len(values)))
	for _, value := range values {
		p.counts.facts.sent.Add(uint64(len(value)))
	}
	return nil
}

// mayLack reports whether a fact is not written again where the document lacks it: what is
// of one document alone, and names of others. These are their server's to write, and of that
// which made the room: where they were removed, the word that the room has ended, or that
// they have left it, may still be on its way.
func (p *pass) mayLack(key string, f Said) bool {
	switch kind, parts, _ := splitKey(key); kind {
	case prefixMoved, prefixDocument:
		return true
	case prefixPerson, prefixSensor:
		return !p.own && !f.Deleted && !p.people.local(Key(parts[0]))
	}
	return false
}

// removeNames removes the names of people who are no longer in the room, and of their
// sensors, from the document, and from those that the room has left, as far as this server
// wrote them.
func (p *pass) removeNames(ctx context.Context, m Room) error {
	if !p.writable() {
		return nil
	}
	gone := map[string]bool{}
	for key := range p.base {
		kind, parts, _ := splitKey(key)
		if kind != prefixPerson && kind != prefixSensor {
			continue
		}
		if _, in := m.Members[Key(parts[0])]; in {
			continue
		}
		if kind == prefixSensor { // all at once: what is removed leaves a mark in the document
			key = sensorsKey(Key(parts[0]))
		}
		if gone[key] {
			continue
		}
		gone[key] = true
		if err := p.removeEverywhere(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// removeEverywhere removes what this server wrote under a key, and under all that begin
// with it, from the document and from those that the room has left. Where that fails, the
// exchange does, so that what is there is not forgotten.
func (p *pass) removeEverywhere(ctx context.Context, key string) error {
	err := p.options.Sidecar.Delete(ctx, p.room.Doc, key)
	if err == nil {
		err = p.removeLeft(ctx, key)
	}
	if err != nil {
		return fmt.Errorf("remove the name of a person from a shared room: %w", err)
	}
	return nil
}

// removeLeft removes what this server wrote under a key, and under all that begin with it,
// from the documents that the room has left. One that is lost has nothing to remove.
func (p *pass) removeLeft(ctx context.Context, key string) error {
	for _, old := range p.room.Left {
		err := p.openOnce(ctx, old.Doc, old.Ticket)
		if err == nil {
			err = p.options.Sidecar.Delete(ctx, old.Doc, key)
		}
		if err != nil && sensocto.ErrorCode(err) != sensocto.CodeNotFound {
			return err
		}
	}
	return nil
}

// writable reports whether this server may write into the document.
func (p *pass) writable() bool { return p.own || p.room.Invite != nil }

// adopt brings the merged room into the room here, and stores its facts as
// exchanged.
func (p *pass) adopt(ctx context.Context, m Room) error {
	want, err := p.content(ctx, p.have, m)
	if err != nil {
		return err
	}
	p.keepReaders(ctx, want)
	left, err := p.options.Rooms.Adopt(ctx, p.room.RoomID, p.have, want)
	if err != nil {
		return fmt.Errorf("bring changes into the room: %w", err)
	}
	p.show(m, want)
	var put []sensocto.RoomFact
	for key, f := range m.Facts {
		if kind, _, _ := splitKey(key); kind == prefixMoved || kind == prefixDocument {
			continue // of this document alone
		}
		if b := p.base[key]; (b == nil || !bytes.Equal(b.value, f.Value)) && !p.isLeft(key, f, left) {
			put = append(put, sensocto.RoomFact{Key: key, Body: f.Value})
		}
	}
	var remove []string
	for key := range p.base {
		if _, ok := m.Facts[key]; !ok {
			remove = append(remove, key)
		}
	}
	if len(put)+len(remove) == 0 {
		return nil
	}
	came := make(map[string]bool, len(p.found))
	for _, e := range p.found {
		came[e.Key+string(e.Value)] = true
	}
	for _, f := range put {
		if came[f.Key+string(f.Body)] { // not what was signed here just now
			p.counts.received.Add(1)
			p.counts.facts.received.Add(uint64(len(f.Body)))
		}
	}
	return p.options.Store.PutRoomFacts(ctx, p.room.RoomID, put, remove)
}

// keepReaders keeps who reads the room here: nobody else knows of them.
func (p *pass) keepReaders(ctx context.Context, want sensocto.RoomContent) {
	if p.writable() {
		return
	}
	for userID, role := range p.have.Members {
		if k, err := p.people.key(ctx, userID); err == nil && p.people.local(k) && want.Members[userID] == "" {
			want.Members[userID] = role
		}
	}
}

// isLeft reports whether a fact is one that the limits here do not allow: that it is
// missing here is no deletion.
func (p *pass) isLeft(key string, f Said, left []string) bool {
	if len(left) == 0 || f.Deleted {
		return false
	}
	kind, parts, _ := splitKey(key)
	switch kind {
	case prefixMember:
		return slices.Contains(left, p.people.known(Key(parts[0])))
	case prefixSensor:
		id, _ := p.remoteSensor(key)
		return slices.Contains(left, id)
	}
	return false
}

// closedTime is how long the document of a room that was deleted here stays for
// servers that have not heard of that yet.
const closedTime = 30 * 24 * time.Hour

// maxClosed is how many rooms that were deleted here keep their documents: they are open,
// too, and others need the place.
const maxClosed = 100

// closedRooms returns how many rooms were deleted here and keep their documents, and
// which of them first. s.mu is held.
func (s *RoomSync) closedRooms() (n int, first *shared) {
	for _, r := range s.rooms {
		if at := r.room.ClosedAt; !at.IsZero() {
			if n++; first == nil || at.Before(first.room.ClosedAt) {
				first = r
			}
		}
	}
	return n, first
}

// hasten has the room that was deleted first exchanged now where there are too many,
// with s.mu held: its document goes.
func (s *RoomSync) hasten() {
	if n, first := s.closedRooms(); n > maxClosed {
		first.urgent = true
		s.notify()
	}
}

// tooManyClosed reports whether this room was deleted first of too many.
func (p *pass) tooManyClosed() (is bool) {
	p.note(func() {
		n, first := p.closedRooms()
		is = n > maxClosed && first == p.r
	})
	return is
}

// outlived reports whether the document of a room that has ended was kept long enough, or
// others need its place.
func (p *pass) outlived() bool {
	return !p.room.ClosedAt.IsZero() && (time.Since(p.room.ClosedAt) > closedTime || p.tooManyClosed())
}

// ended tells the others that the room was deleted here, where that is its end.
func (p *pass) ended(ctx context.Context) error {
	switch {
	case !p.own && !p.room.ClosedAt.IsZero():
		return p.closed(ctx)
	case !p.own || p.outlived():
		return p.forget(ctx)
	}
	if err := p.open(ctx); err != nil {
		return err
	}
	entries, err := p.options.Sidecar.Entries(ctx, p.room.Doc)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(entries, func(e Entry) bool { return strings.HasPrefix(e.Key, prefixInvite) }) {
		return p.forget(ctx) // no ticket was made: nobody else has it
	}
	if err := p.noteEnd(ctx); err != nil {
		return err
	}
	return p.close(ctx)
}

// noteEnd stores that the room has ended, so that what is to be done then is done also after
// a restart.
func (p *pass) noteEnd(ctx context.Context) error {
	if !p.room.ClosedAt.IsZero() {
		return nil
	}
	room := p.room
	room.ClosedAt = time.Now().UTC()
	if err := p.options.Store.PutSharedRoom(ctx, room); err != nil {
		return err
	}
	p.room = room
	p.note(func() {
		p.r.room = room
		p.hasten()
	})
	return nil
}

// closed ends a room that its owner has deleted at another server, which keeps the document
// for a while. Here the room goes first, whatever fails afterwards. The names that this server
// wrote into the document follow, and then the document: that is tried again until it is done,
// or has failed for as long as the document is kept.
func (p *pass) closed(ctx context.Context) error {
	if err := p.noteEnd(ctx); err != nil {
		return err
	}
	if err := p.options.Rooms.Erase(ctx, p.room.RoomID); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return err
	}
	p.hide()
	p.log.Info("a room of another server ended: its owner has deleted it", "room", p.room.RoomID)
	if err := p.withdrawNames(ctx); err != nil {
		if !p.outlived() {
			return err
		}
		p.log.Warn("names of people of this server stay in the document of a shared room that has ended", "room", p.room.RoomID, "err", err)
	}
	return p.forget(ctx)
}

// withdrawNames removes all names of people and sensors that this server wrote into the
// document. One that fails holds off no other.
func (p *pass) withdrawNames(ctx context.Context) error {
	if !p.writable() {
		return nil
	}
	if err := p.open(ctx); err != nil {
		return err
	}
	var failed error
	for _, prefix := range []string{prefixPerson, prefixSensor} {
		failed = errors.Join(failed, p.removeEverywhere(ctx, prefix))
	}
	return errors.Join(failed, p.options.Sidecar.Sync(ctx, p.room.Doc))
}

// forget no longer shares a room.
func (p *pass) forget(ctx context.Context) error {
	var next string
	p.note(func() { next = p.r.next })
	docs := []string{p.room.Doc}
	for _, old := range p.room.Left {
		docs = append(docs, old.Doc)
	}
	if next != "" {
		docs = append(docs, next)
	}
	for _, doc := range docs {
		if err := p.options.Sidecar.Drop(ctx, doc); err != nil && sensocto.ErrorCode(err) != sensocto.CodeNotFound {
			return err
		}
	}
	if err := p.options.Store.RemoveSharedRoom(ctx, p.room.RoomID); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return err
	}
	p.note(func() {
		delete(p.rooms, p.room.RoomID)
		for _, doc := range docs {
			delete(p.docs, doc)
		}
	})
	p.recheck()
	return nil
}
