package p2p

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

var (
	errNotMover   = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "a room moves only at the server that made it: ask its owner there"}
	errNotShared  = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "room_not_shared", Message: "the room is not shared with other servers yet: try again in a moment"}
	errReads      = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "ticket_reads", Message: "people of this server are members of the room, and this ticket leads to where it goes on for reading alone: ask for a ticket that admits"}
	errMovedSince = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "room_moved", Message: "the room moved at this moment, and the ticket would have led to where it was: try again"}
)

// leftTimes say how long the owner's server keeps a document that a room has left: at
// least so long that servers hear of it that no longer belong to the room, and at most
// so long for members who have not followed.
type leftTimes struct{ least, most time.Duration }

var defaultLeftTimes = leftTimes{24 * time.Hour, 30 * 24 * time.Hour}

// maxLeft is how many documents that it has left a room keeps; of more, the oldest goes.
const maxLeft = 4

// maxAllLeft is how many documents all rooms of this server may have left: they are open
// in the sidecar, too, which opens 1,000.
const maxAllLeft = 120

// maxOwnerLeft is how many of them may be of rooms of one owner, so that nobody keeps the
// others from locking anybody out.
const maxOwnerLeft = 16

var errOwnMoves = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "too_many_moves", Message: "rooms of this owner have moved so often within a day that no more may now: try again tomorrow"}

var errMoves = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "too_many_moves", Message: "rooms of this server have moved so often within a day that no more may now: try again tomorrow"}

// over reports whether nobody needs a document any more.
func (t leftTimes) over(age time.Duration, followed bool) bool {
	return age > t.most || (followed && age > t.least)
}

// Move has a room go on in a new document, of which the members' servers alone are
// told: all tickets end, and who was removed reads no further. Who may do that the
// caller has checked. It returns when the new document has what the room says; the
// exchanges that follow tell the members.
func (s *RoomSync) Move(ctx context.Context, roomID string) error {
	room, ok := s.known(roomID)
	if !ok {
		return errNotShared
	}
	if room.Root != string(s.options.Keys.Room(roomID).Key) {
		return errNotMover
	}
	if err := s.mayMove(ctx, roomID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	r, release, err := s.hold(ctx, roomID)
	if err != nil {
		return err
	}
	defer release()
	p, merged, err := s.meet(ctx, r)
	if err != nil {
		return err
	}
	if err := p.adopt(ctx, merged); err != nil {
		return err
	}
	return p.move(ctx, merged)
}

// mayMove checks that not too many documents are kept that rooms have left. Where there are
// too many, those go that nobody needs to find the room, so that who is to be locked out
// is; where all are needed, the room stays where it is.
func (s *RoomSync) mayMove(ctx context.Context, roomID string) error {
	c, err := s.options.Rooms.Content(ctx, roomID)
	if err != nil {
		return err
	}
	all, owned := s.allLeft(), map[string]int{}
	for id, n := range all {
		of, err := s.options.Rooms.Content(ctx, id)
		if err == nil && of.OwnerID == c.OwnerID {
			owned[id] = n
		} else if err != nil && !errors.Is(err, sensocto.ErrNotFound) {
			return err
		}
	}
	switch {
	case sum(owned) >= maxOwnerLeft && !s.makeWay(owned):
		err = errOwnMoves
	case sum(all) >= maxAllLeft && !s.makeWay(all):
		err = errMoves
	}
	if err != nil {
		s.counts.movesRefused.Add(1)
	}
	return err
}

func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// makeWay has that of the rooms drop the documents that it has left which left the first of
// them before all others, of those whose members have all followed. It returns false where
// there is none.
func (s *RoomSync) makeWay(rooms map[string]int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first *shared
	for id := range rooms {
		r := s.rooms[id]
		if r == nil || !r.allFollowed || r.crowded || len(r.room.Left) == 0 {
			continue
		}
		if first == nil || r.room.Left[0].At.Before(first.room.Left[0].At) {
			first = r
		}
	}
	if first == nil {
		return false
	}
	first.crowded, first.urgent = true, true
	s.notify()
	return true
}

// allLeft counts the documents that rooms of this server have left and that are open, by
// room. Those of rooms that were deleted are not among them, so that they keep no room from
// moving: there are at most maxClosed such rooms, with maxLeft documents each.
func (s *RoomSync) allLeft() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]int{}
	for id, r := range s.rooms {
		if n := len(r.room.Left); n > 0 && r.room.ClosedAt.IsZero() {
			all[id] = n
		}
	}
	return all
}

// OwnedHere reports whether the owner of a room is a user of this server.
func (s *RoomSync) OwnedHere(ctx context.Context, roomID string) (bool, error) {
	c, err := s.options.Rooms.Content(ctx, roomID)
	if err != nil {
		return false, err
	}
	k, err := s.people.key(ctx, c.OwnerID)
	return err == nil && s.people.local(k), err
}

// hold keeps a room from being exchanged until release, which has it exchanged. No
// exchange begins while somebody waits: otherwise whoever changes the room all the time,
// as somebody who is to be locked out may, would hold off the move.
func (s *RoomSync) hold(ctx context.Context, roomID string) (*shared, func(), error) {
	s.mu.Lock()
	r := s.rooms[roomID]
	if r == nil || r.room.Doc == "" {
		s.mu.Unlock()
		return nil, nil, errNotShared
	}
	r.held++
	s.mu.Unlock()
	for {
		held, err := s.tryHold(r)
		if err == nil && !held {
			select {
			case <-ctx.Done():
				err = timedOut(ctx)
			case <-time.After(20 * time.Millisecond):
				continue
			}
		}
		if err != nil {
			s.update(func() { r.held-- })
			return nil, nil, err
		}
		return r, func() {
			s.update(func() { r.held, r.running, r.urgent = r.held-1, false, true })
		}, nil
	}
}

// tryHold takes the place of an exchange where none is under way.
func (s *RoomSync) tryHold(r *shared) (held bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[r.room.RoomID] != r { // it was forgotten meanwhile
		return false, errNotShared
	}
	if r.running {
		return false, nil
	}
	r.running = true
	return true, nil
}

// update changes what is guarded, and has what is due looked for again.
func (s *RoomSync) update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.notify()
}

// move writes what the room says into a new document, and has the room go on there.
func (p *pass) move(ctx context.Context, m Room) error {
	sidecar := p.options.Sidecar
	doc, err := sidecar.Create(ctx)
	if err != nil {
		return err
	}
	room := p.room
	room.Doc, room.Moves, room.Restored = doc, moveNumber(p.room.Moves, time.Now()), false
	known := p.knownElsewhere(m)
	if known {
		room.Left = append(slices.Clone(p.room.Left), sensocto.LeftDoc{Doc: p.room.Doc, Ticket: p.room.Ticket, At: time.Now().UTC()})
	}
	err = func() error {
		values, err := p.carried(m)
		if err != nil {
			return err
		}
		if room.Ticket, err = sidecar.Share(ctx, doc, true); err != nil {
			return err
		}
		if err := sidecar.Set(ctx, doc, values); err != nil {
			return err
		}
		return p.options.Store.PutSharedRoom(ctx, room)
	}()
	if err != nil {
		return errors.Join(err, sidecar.Drop(context.WithoutCancel(ctx), doc))
	}
	if err := p.sayNumber(ctx, room); err != nil {
		p.log.Warn("that a shared room has moved is said with its next exchange", "room", room.RoomID, "err", err)
	}
	p.noteRoom(room)
	p.note(func() {
		p.r.behind = namesOf(p.behind(m, room.Moves))
		p.r.allFollowed = len(p.r.behind) == 0
	})
	p.log.Info("a shared room has moved", "room", room.RoomID, "moves", room.Moves)
	if !known {
		if err := sidecar.Drop(ctx, p.room.Doc); err != nil {
			p.log.Warn("the document that a shared room has left was not removed", "room", room.RoomID, "err", err)
		}
	}
	return nil
}

// knownElsewhere reports whether another server may have the document: a ticket was made
// once, or somebody there is or was a member.
func (p *pass) knownElsewhere(m Room) bool {
	for key := range m.Facts {
		kind, parts, _ := splitKey(key)
		if kind == prefixInvite || (kind == prefixMember && !p.people.local(Key(parts[0]))) {
			return true
		}
	}
	return p.elsewhere(m)
}

// noteRoom notes in which document the room is from now on.
func (s *RoomSync) noteRoom(room sensocto.SharedRoom) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(room)
	s.notify()
}

// carried returns what the new document of a room says: what counts, but the tickets
// have ended. That the room has moved there is said once that is stored: a document that
// says so is one that the room has.
func (p *pass) carried(m Room) (map[string][]byte, error) {
	by := p.options.Keys.Room(p.room.RoomID)
	values := map[string][]byte{}
	for key, f := range m.Facts {
		kind, _, _ := splitKey(key)
		switch {
		case kind == prefixMoved || kind == prefixDocument: // of the old document
		case kind == prefixMember && f.Deleted && f.Signer != p.root: // of somebody who was never in the room
		case kind == prefixInvite && !f.Deleted:
			value, err := by.Sign(key, next(p.room.RoomID, &signed{Fact: f.Fact}, nil, time.Now()))
			if err != nil {
				return nil, err
			}
			values[key] = value
		default:
			values[key] = f.Value
		}
	}
	return values, nil
}

// tell says in the documents that a room has left where it goes on, to members who have
// not followed, and drops those that nobody needs.
func (p *pass) tell(ctx context.Context, m Room) error {
	waiting := p.behind(m, p.room.Moves)
	var times leftTimes
	p.note(func() {
		p.r.behind, p.r.allFollowed, times = namesOf(waiting), len(waiting) == 0, p.left
		if p.r.crowded {
			p.r.crowded, times.least = false, 0
		}
	})
	if err := p.number(ctx, m); err != nil {
		return err
	}
	var left []sensocto.LeftDoc
	var failed error // one document that fails holds off no other
	for i, old := range p.room.Left {
		over := len(p.room.Left)-i > maxLeft || times.over(time.Since(old.At), len(waiting) == 0)
		if over && p.drop(ctx, old, &failed) {
			continue
		}
		left = append(left, old)
		if !over {
			failed = errors.Join(failed, p.tellIn(ctx, old, m, waiting))
		}
	}
	if len(left) == len(p.room.Left) {
		return failed
	}
	room := p.room
	room.Left = left
	if err := p.options.Store.PutSharedRoom(ctx, room); err != nil {
		return errors.Join(failed, err)
	}
	p.room = room
	p.noteRoom(room)
	return failed
}

// drop removes a document that the room has left.
func (p *pass) drop(ctx context.Context, old sensocto.LeftDoc, failed *error) (dropped bool) {
	err := p.options.Sidecar.Drop(ctx, old.Doc)
	if err != nil && sensocto.ErrorCode(err) != sensocto.CodeNotFound {
		*failed = errors.Join(*failed, err)
		return false
	}
	p.note(func() {
		delete(p.r.told, old.Doc)
		delete(p.r.besides, old.Doc)
	})
	return true
}

// number says again what a document has lost with the sidecar's directory, or what was not
// said when the room moved: that it has moved there.
func (p *pass) number(ctx context.Context, m Room) error {
	if m.Documents[p.room.Doc] >= p.room.Moves {
		return nil
	}
	return p.sayNumber(ctx, p.room)
}

// sayNumber writes into the document of a room that it has moved there.
func (p *pass) sayNumber(ctx context.Context, room sensocto.SharedRoom) error {
	key := documentKey(room.Doc)
	value, err := p.options.Keys.Room(room.RoomID).Sign(key, Fact{Room: room.RoomID, Version: 1, AtUS: time.Now().UnixMicro(), Value: fmt.Append(nil, room.Moves)})
	if err != nil {
		return err
	}
	return p.options.Sidecar.Set(ctx, room.Doc, map[string][]byte{key: value})
}

// behind returns members of other servers that have not followed so many moves.
func (p *pass) behind(m Room, moves int64) map[Key]Member {
	behind := map[Key]Member{}
	for k, member := range m.Members {
		if !p.people.local(k) && member.Moves < moves {
			behind[k] = member
		}
	}
	return behind
}

func namesOf(members map[Key]Member) []string {
	var names []string
	for k, m := range members {
		if m.Name == "" {
			m.Name = "Member " + string(k[:6])
		}
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}

// told says what is known to be in a document that the room has left, since the start
// of the server: it is not read again, as it may be large and change all the time.
type told struct {
	moves int64             // the move for which all of this was said
	there map[string]string // what an entry of the room's key says, by its key
}

// toldIn returns what is known to be in a document that the room has left.
func (p *pass) toldIn(doc string) (t *told) {
	p.note(func() {
		if t = p.r.told[doc]; t != nil {
			return
		}
		if p.r.told == nil {
			p.r.told = map[string]*told{}
		}
		t = &told{there: map[string]string{}}
		p.r.told[doc] = t
	})
	return t
}

// tellIn writes into a document that the room has left who is out, which tickets have
// ended, and where the room is now.
func (p *pass) tellIn(ctx context.Context, old sensocto.LeftDoc, m Room, waiting map[Key]Member) error {
	if p.toldIn(old.Doc).moves == p.room.Moves && len(waiting) == 0 {
		return nil // nobody has to hear more
	}
	if err := p.openOnce(ctx, old.Doc, old.Ticket); err != nil {
		return err
	}
	t := p.toldIn(old.Doc)
	values, err := p.endedIn(ctx, old.Doc, m, t)
	if err != nil {
		return err
	}
	if err := p.lead(ctx, old.Doc, t, waiting, values); err != nil {
		return err
	}
	if err := p.options.Sidecar.Set(ctx, old.Doc, values); err != nil {
		return err
	}
	for key := range values {
		t.there[key] = p.saying(key, m)
	}
	t.moves = p.room.Moves
	return nil
}

// saying tells apart what an entry of a document that the room has left may say.
func (p *pass) saying(key string, m Room) string {
	if strings.HasPrefix(key, prefixMoved) {
		return fmt.Sprint(p.room.Moves)
	}
	return string(m.Facts[key].Value)
}

// endedIn returns who is out and which tickets have ended, of those that a document names.
func (p *pass) endedIn(ctx context.Context, doc string, m Room, t *told) (map[string][]byte, error) {
	values := map[string][]byte{}
	for key, f := range m.Facts {
		if kind, _, _ := splitKey(key); !f.Deleted || (kind != prefixMember && kind != prefixInvite) || t.there[key] == string(f.Value) {
			continue
		}
		entries, err := p.options.Sidecar.Get(ctx, doc, key)
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 && !slices.ContainsFunc(entries, func(e Entry) bool { return bytes.Equal(e.Value, f.Value) }) {
			values[key] = f.Value
			continue
		}
		t.there[key] = string(f.Value)
	}
	return values, nil
}

// lead adds for each member who waits where the room is now, sealed.
func (p *pass) lead(ctx context.Context, doc string, t *told, waiting map[Key]Member, values map[string][]byte) error {
	var where move
	for _, k := range slices.Sorted(maps.Keys(waiting)) {
		key, now := movedKey(k), fmt.Sprint(p.room.Moves)
		if t.there[key] == now {
			continue
		}
		before, err := p.lastOf(ctx, doc, key, p.root)
		if err != nil {
			return err
		}
		if before != nil && before.Version >= p.room.Moves {
			t.there[key] = now
			continue
		}
		seal, err := p.sealOf(ctx, doc, k, waiting[k])
		if err != nil {
			return err
		}
		if seal == "" {
			continue
		}
		if where.Doc == "" {
			ticket, err := p.options.Sidecar.Share(ctx, p.room.Doc, true)
			if err != nil {
				return err
			}
			where = move{Doc: ticket, Keys: keysOf(p.found)}
		}
		value, err := p.leads(where, k, seal)
		if err != nil {
			p.log.Warn("a member cannot be told where the room goes on: give them a new ticket", "room", p.room.RoomID, "err", err)
			continue
		}
		values[key] = value
	}
	return nil
}

// sealOf returns the key for which to seal what a member alone is to read: as they say in
// a document that the room has left, where they still are, or as they said last.
func (p *pass) sealOf(ctx context.Context, doc string, k Key, known Member) (string, error) {
	f, err := p.lastOf(ctx, doc, personKey(k), k)
	if err != nil {
		return "", err
	}
	var v personValue
	if f != nil && !f.Deleted && json.Unmarshal(f.Value, &v) == nil && v.Seal != "" && len(v.Seal) <= 64 {
		return v.Seal, nil
	}
	return known.Seal, nil
}

// lastOf returns what a signer said last under a key of a document, or nil.
func (p *pass) lastOf(ctx context.Context, doc, key string, by Key) (last *signed, err error) {
	entries, err := p.options.Sidecar.Get(ctx, doc, key)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.State != "" {
			continue
		}
		f, err := decodeFact(p.room.RoomID, e)
		if err == nil && f.signer == by && (last == nil || last.before(f)) && f.authentic() {
			last = f
		}
	}
	return last, nil
}

func (p *pass) leads(where move, k Key, seal string) ([]byte, error) {
	sealed, err := where.seal(seal, p.room.RoomID, p.room.Moves)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(sealed)
	if err != nil {
		return nil, err
	}
	return p.options.Keys.Room(p.room.RoomID).Sign(movedKey(k), Fact{Room: p.room.RoomID, Version: p.room.Moves, AtUS: time.Now().UnixMicro(), Value: raw})
}

// keysOf counts the keys whose values have arrived, but for those that may go again:
// names of people who are no longer in the room.
func keysOf(entries []Entry) int {
	keys := map[string]bool{}
	for _, e := range entries {
		if e.State != "missing" && !strings.HasPrefix(e.Key, prefixMoved) && !strings.HasPrefix(e.Key, prefixPerson) {
			keys[e.Key] = true
		}
	}
	return len(keys)
}

// follow goes where the room goes on, if a user of this server is told.
func (p *pass) follow(ctx context.Context, m Room) error {
	if moves := m.Documents[p.room.Doc]; moves > p.room.Moves { // it came by a ticket
		room := p.room
		room.Moves = moves
		if err := p.options.Store.PutSharedRoom(ctx, room); err != nil {
			return err
		}
		p.room = room
		p.noteRoom(room)
	}
	where, moves := p.told(m)
	p.note(func() { p.r.following, p.r.moved = moves > p.room.Moves, moves <= p.room.Moves && p.leaves(m) })
	if moves <= p.room.Moves {
		return nil
	}
	doc, write, err := p.options.Sidecar.TicketDoc(ctx, where.Doc)
	if err != nil {
		return err
	}
	if !write {
		return errReads
	}
	before, err := p.claim(doc)
	if err != nil {
		return err
	}
	if before != "" { // the room has moved once more meanwhile
		if err := p.options.Sidecar.Drop(ctx, before); err != nil && sensocto.ErrorCode(err) != sensocto.CodeNotFound {
			return err
		}
	}
	if err := p.openOnce(ctx, doc, where.Doc); err != nil {
		return err
	}
	arrived, err := p.arrived(ctx, doc, where.Keys)
	if err != nil || !arrived.complete || arrived.Documents[doc] != moves {
		return err // what arrives later has the room exchanged again
	}
	room := p.room
	room.Doc, room.Ticket, room.Moves = doc, where.Doc, moves
	return p.replace(ctx, room)
}

// leaves reports whether the room has moved from the document here.
func (p *pass) leaves(m Room) bool {
	for _, to := range m.Moved {
		if to.Moves > p.room.Moves {
			return true
		}
	}
	return false
}

// told returns the last move that a user of this server can open. Members see those
// of others, too, which they cannot.
func (p *pass) told(m Room) (where move, moves int64) {
	for _, k := range slices.Sorted(maps.Keys(m.Moved)) {
		to := m.Moved[k]
		if !p.people.local(k) || to.Moves <= p.room.Moves || to.Moves <= moves {
			continue
		}
		opened, err := p.options.Keys.openMove(p.people.known(k), p.room.RoomID, to.Moves, to.Sealed)
		if err != nil {
			p.log.Warn("where a shared room goes on cannot be read: ask its owner for a ticket", "room", p.room.RoomID, "err", err)
			continue
		}
		where, moves = opened, to.Moves
	}
	return where, moves
}

// claim has changes of a document lead to the room that goes there, and returns the one
// where it went before it arrived, or "". A document of another room it leaves alone.
func (p *pass) claim(doc string) (before string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if used := p.docs[doc]; (used != "" && used != p.room.RoomID) || p.joining[doc] {
		return "", fmt.Errorf("the room has moved to a document that another room here has: %w", errJoined)
	}
	if before = p.r.next; before == doc {
		before = ""
	} else {
		p.r.nextWait = missingWait{}
	}
	delete(p.docs, before)
	p.docs[doc], p.r.next = p.room.RoomID, doc
	return before, nil
}

// arrival is what has come of a document.
type arrival struct {
	Room
	complete bool
}

// arrived reads a document that is not the room's yet.
func (p *pass) arrived(ctx context.Context, doc string, keys int) (arrival, error) {
	entries, err := p.options.Sidecar.Entries(ctx, doc)
	if err != nil {
		return arrival{}, err
	}
	m := Merge(p.room.RoomID, p.root, entries)
	complete := m.Owner != "" && m.Name != "" && keysOf(entries) >= keys
	if missing := missing(entries); complete {
		p.note(func() {
			if complete = p.r.nextWait.over(missing, time.Now()); !complete {
				p.r.at(time.Now().Add(missingTime))
			}
		})
	}
	return arrival{m, complete}, nil
}

// replace has a room go on in another document, and drops the one before unless it is
// kept for members who have not followed.
func (p *pass) replace(ctx context.Context, room sensocto.SharedRoom) error {
	before := p.room.Doc
	if err := p.options.Store.PutSharedRoom(ctx, room); err != nil {
		return err
	}
	p.room = room
	p.noteRoom(room)
	p.note(func() { p.r.following, p.r.moved, p.r.next = false, false, "" })
	p.log.Info("a shared room goes on in another document", "room", room.RoomID, "moves", room.Moves)
	if slices.ContainsFunc(room.Left, func(old sensocto.LeftDoc) bool { return old.Doc == before }) {
		return nil
	}
	if err := p.options.Sidecar.Drop(ctx, before); err != nil && sensocto.ErrorCode(err) != sensocto.CodeNotFound {
		p.log.Warn("the document that a shared room has left was not removed", "room", room.RoomID, "err", err)
	}
	return nil
}

// openOnce opens a document besides that of the room, once in each run of the sidecar.
func (p *pass) openOnce(ctx context.Context, doc, ticket string) error {
	starts := p.options.Sidecar.State().Starts
	var opened int
	p.note(func() { opened = p.r.besides[doc] })
	if opened == starts && starts > 0 {
		return nil
	}
	_, err := p.options.Sidecar.Open(ctx, doc)
	if sensocto.ErrorCode(err) == sensocto.CodeNotFound { // the sidecar has lost it, and what was said there
		p.note(func() { delete(p.r.told, doc) })
		_, _, err = p.options.Sidecar.Import(ctx, ticket)
	}
	if err == nil {
		p.note(func() {
			if p.r.besides == nil {
				p.r.besides = map[string]int{}
			}
			p.r.besides[doc] = starts
		})
	}
	return err
}

// close tells in the room's document, and in those that it has left, that it was deleted,
// and keeps them open for those who have not heard. One document that fails holds off no
// other.
func (p *pass) close(ctx context.Context) error {
	failed := p.closeIn(ctx, p.room.Doc)
	for _, old := range p.room.Left {
		err := p.openOnce(ctx, old.Doc, old.Ticket)
		if err == nil {
			err = p.closeIn(ctx, old.Doc)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// closeIn tells in a document that the room was deleted, once, and removes the names of people
// and sensors there, which is tried again until they are gone.
func (p *pass) closeIn(ctx context.Context, doc string) error {
	said, err := p.lastOf(ctx, doc, keyClosed, p.root)
	if err != nil {
		return err
	}
	if said == nil {
		value, err := p.options.Keys.Room(p.room.RoomID).Sign(keyClosed, next(p.room.RoomID, nil, []byte("true"), time.Now()))
		if err != nil {
			return err
		}
		if err := p.options.Sidecar.Set(ctx, doc, map[string][]byte{keyClosed: value}); err != nil {
			return err
		}
	}
	return errors.Join(p.options.Sidecar.Delete(ctx, doc, prefixPerson), p.options.Sidecar.Delete(ctx, doc, prefixSensor))
}

// change changes how a room is shared, between exchanges.
func (s *RoomSync) change(ctx context.Context, roomID string, f func(*sensocto.SharedRoom)) error {
	r, release, err := s.hold(ctx, roomID)
	if err != nil {
		return err
	}
	defer release()
	s.mu.Lock()
	room := r.room
	s.mu.Unlock()
	f(&room)
	if err := s.options.Store.PutSharedRoom(ctx, room); err != nil {
		return err
	}
	s.noteRoom(room)
	return nil
}

// goByTicket has a room that is here go on in the document of a ticket, where the
// room's key says that it has moved there. It is the way of those who were not told.
//
// A room that is written here goes only where it can be written: otherwise nothing would
// be exchanged any more, and no later move be followed.
func (s *RoomSync) goByTicket(ctx context.Context, userID string, t Ticket, doc string, write bool) (moved bool, err error) {
	room, ok := s.known(t.Room)
	if !ok || room.Root != string(t.Root) || room.Root == string(s.options.Keys.Room(t.Room).Key) {
		return false, nil
	}
	if room.Doc == doc && room.Invite == nil && t.Invite != nil {
		return s.beginByTicket(ctx, userID, room, t)
	}
	if room.Doc == doc {
		return false, s.takeSecret(ctx, room, t, write)
	}
	leave, err := s.bring(doc)
	if leave == nil {
		return false, err
	}
	defer leave()
	if room.Invite != nil && !write {
		return false, errReads
	}
	if _, _, err := s.options.Sidecar.Import(ctx, t.Doc); err != nil {
		return false, err
	}
	room.Doc, room.Ticket = doc, t.Doc
	m, err := s.await(ctx, room, nil)
	if err == nil && m.Documents[doc] > room.Moves {
		room.Moves = m.Documents[doc]
		moved, err = s.goTo(ctx, arriving{room, m, userID}, t.Invite)
	}
	if !moved {
		err = errors.Join(err, s.options.Sidecar.Drop(context.WithoutCancel(ctx), doc))
	}
	return moved, err
}

// takeSecret takes from a ticket the secret to write a room's document, where people of
// this server are members and only the right to read it is here.
func (s *RoomSync) takeSecret(ctx context.Context, room sensocto.SharedRoom, t Ticket, write bool) error {
	if room.Invite == nil || !write {
		return nil
	}
	if _, has, err := s.options.Sidecar.TicketDoc(ctx, room.Ticket); err != nil || has {
		return err
	}
	if _, _, err := s.options.Sidecar.Import(ctx, t.Doc); err != nil {
		return err
	}
	return s.change(ctx, room.RoomID, func(r *sensocto.SharedRoom) {
		if r.Doc == room.Doc {
			r.Ticket = t.Doc
		}
	})
}

// bring keeps a document that no room here has for one that brings it here; leave is nil
// where a room has it.
func (s *RoomSync) bring(doc string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.docs[doc] != "" {
		return nil, nil
	}
	if s.joining[doc] {
		return nil, errJoining
	}
	s.joining[doc] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.joining, doc)
	}, nil
}

// arriving is a room in the document where it goes on, and what that says.
type arriving struct {
	room   sensocto.SharedRoom
	merged Room
	userID string // who brought the ticket
}

// goTo has a room go on in a document that has arrived, unless it has gone further
// meanwhile. An invitation, if there is one, takes the place of the one before.
func (s *RoomSync) goTo(ctx context.Context, to arriving, invite []byte) (moved bool, err error) {
	r, release, err := s.hold(ctx, to.room.RoomID)
	if err != nil {
		return false, err
	}
	defer release()
	p := &pass{RoomSync: s, r: r}
	p.note(func() { p.room = r.room })
	if to.room.Moves <= p.room.Moves {
		return false, nil
	}
	if to.room.Invite = p.room.Invite; invite != nil {
		role := to.merged.Invites[signerOf(invite).Key]
		if role == "" {
			return false, errTicketEnded
		}
		to.room.Invite = invite
		if !p.writable() {
			if err := p.beginWhole(ctx, to, role, func() error { return p.replace(ctx, to.room) }); err != nil {
				return false, err
			}
			return true, p.keepBegun(ctx, to, role)
		}
	}
	return true, p.replace(ctx, to.room)
}

// beginByTicket has a room that was only read here be written from now on, in the document
// where it is, by a ticket of that which admits. It returns false where somebody else has
// done so meanwhile.
func (s *RoomSync) beginByTicket(ctx context.Context, userID string, room sensocto.SharedRoom, t Ticket) (begun bool, err error) {
	if _, err := s.await(ctx, room, t.Invite); err != nil { // the ticket may have been made just now
		return false, err
	}
	r, release, err := s.hold(ctx, room.RoomID)
	if err != nil {
		return false, err
	}
	defer release()
	p := &pass{RoomSync: s, r: r}
	p.note(func() { p.room = r.room })
	if p.room.Doc != room.Doc || p.writable() {
		return false, nil
	}
	to := arriving{p.room, Room{}, userID}
	if to.merged, err = s.merged(ctx, p.room); err != nil {
		return false, err
	}
	role := to.merged.Invites[signerOf(t.Invite).Key]
	if role == "" {
		return false, errTicketEnded
	}
	to.room.Invite, to.room.Ticket = t.Invite, t.Doc
	err = p.beginWhole(ctx, to, role, func() error {
		if _, _, err := s.options.Sidecar.Import(ctx, t.Doc); err != nil { // it can be written from now on
			return err
		}
		if err := s.options.Store.PutSharedRoom(ctx, to.room); err != nil {
			return err
		}
		s.noteRoom(to.room)
		return nil
	})
	if err != nil {
		return false, err
	}
	return true, p.keepBegun(ctx, to, role)
}

// beginWhole begins to write a room and has store store how it is shared from then on. Where
// either fails, who is in the room here is as before.
func (p *pass) beginWhole(ctx context.Context, to arriving, role sensocto.Role, store func() error) error {
	before, err := p.options.Rooms.Content(ctx, p.room.RoomID)
	if err != nil {
		return err
	}
	if err = p.beginToWrite(ctx, to, role); err == nil {
		err = store()
	}
	if err == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	now, contentErr := p.options.Rooms.Content(ctx, p.room.RoomID)
	if contentErr == nil {
		_, contentErr = p.options.Rooms.Adopt(ctx, p.room.RoomID, now, before)
	}
	return errors.Join(err, contentErr)
}

// beginToWrite makes a room that was only read here one of whose members is the user who
// brought the invitation. Others who read it leave it: the exchange would sign them in,
// which they have not asked for.
func (p *pass) beginToWrite(ctx context.Context, to arriving, role sensocto.Role) error {
	k, err := p.people.key(ctx, to.userID)
	if err != nil {
		return err
	}
	if err := to.merged.mayCome(k, signerOf(to.room.Invite).Key); err != nil {
		return p.orBanned(ctx, p.room.RoomID, to.userID, err)
	}
	have, err := p.options.Rooms.Content(ctx, p.room.RoomID)
	if err != nil {
		return err
	}
	want := have
	want.Members = maps.Clone(have.Members)
	want.Members[to.userID] = role
	left, err := p.options.Rooms.Adopt(ctx, p.room.RoomID, have, want)
	if err == nil && slices.Contains(left, to.userID) {
		err = p.orBanned(ctx, p.room.RoomID, to.userID, errNotAdmitted)
	}
	if err != nil {
		return err
	}
	have, want.Members = want, maps.Clone(want.Members)
	for userID := range have.Members {
		k, err := p.people.key(ctx, userID)
		if err != nil {
			return err
		}
		if p.people.local(k) && userID != to.userID && to.merged.Members[k].Role == "" {
			delete(want.Members, userID)
		}
	}
	_, err = p.options.Rooms.Adopt(ctx, p.room.RoomID, have, want)
	return err
}
