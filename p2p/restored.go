package p2p

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// A server whose database was put back, from a backup or as a file, has its rooms in the
// documents of then. Where the sidecar's directory was not lost, it has those to which the
// rooms have moved since, which no room here knows: strays.

// moveNumber returns the number of the next move of a room: greater than the one before,
// and than all that this server has given since the backup from which it was restored.
func moveNumber(last int64, now time.Time) int64 { return max(last+1, now.Unix()) }

// stray is a document of the sidecar that no room here has, though a room's key says that
// it has moved there.
type stray struct {
	doc    string
	ticket string
	write  bool
	moves  int64
}

// strays are what there is of them, by room. They are looked for once in each run of the
// sidecar.
type strays struct {
	look chan struct{} // a token for whoever looks; what follows is theirs
	of   int           // the start of the sidecar
	docs []string      // what it had then
	rest []DocStatus   // of these, what is to be looked at
	all  map[string][]stray
}

// straysOf returns the strays of a room. What a member's server has left it has dropped: as
// long as it has the room's document, that leads on, and another may be on its way.
func (p *pass) straysOf(ctx context.Context) ([]stray, error) {
	select {
	case p.strays.look <- struct{}{}:
		defer func() { <-p.strays.look }()
	case <-ctx.Done():
		return nil, timedOut(ctx)
	}
	if err := p.listDocs(ctx); err != nil {
		return nil, err
	}
	if !p.own && slices.Contains(p.strays.docs, p.room.Doc) {
		return nil, nil
	}
	for len(p.strays.rest) > 0 {
		if ctx.Err() != nil { // the next exchange goes on here
			return nil, timedOut(ctx)
		}
		roomID, found, err := p.inspect(ctx, p.strays.rest[0])
		if errors.Is(err, errDown) {
			return nil, err
		}
		if err != nil && sensocto.ErrorCode(err) != sensocto.CodeNotFound { // it may have been dropped since it was listed
			p.log.Warn("a document that no room has cannot be read, and is not looked at again before the sidecar is restarted", "err", err)
		}
		if roomID != "" {
			p.strays.all[roomID] = append(p.strays.all[roomID], found)
		}
		p.strays.rest = p.strays.rest[1:]
	}
	return p.strays.all[p.room.RoomID], nil
}

// listDocs asks for the documents of the sidecar, once in each of its runs. What is open
// then somebody has or makes.
func (s *RoomSync) listDocs(ctx context.Context) error {
	starts := s.options.Sidecar.State().Starts
	if starts > 0 && s.strays.of == starts {
		return nil
	}
	all, err := s.options.Sidecar.Docs(ctx)
	if err != nil {
		return err
	}
	s.strays.of, s.strays.docs, s.strays.rest, s.strays.all = starts, nil, nil, map[string][]stray{}
	for _, d := range all {
		s.strays.docs = append(s.strays.docs, d.Doc)
		if !d.Open {
			s.strays.rest = append(s.strays.rest, d)
		}
	}
	return nil
}

// inspectTime bounds the look into one document.
const inspectTime = 5 * time.Second

// inspect finds out whether a document is a stray, and of which room. It is closed again
// also where the exchange ends meanwhile.
func (s *RoomSync) inspect(ctx context.Context, d DocStatus) (roomID string, found stray, err error) {
	leave, _ := s.bring(d.Doc)
	if leave == nil {
		return "", found, nil // a room has it, or is being brought here
	}
	defer leave()
	ctx = context.WithoutCancel(ctx)
	looking, done := context.WithTimeout(ctx, inspectTime)
	defer done()
	defer func() {
		closing, done := context.WithTimeout(ctx, openTime)
		defer done()
		err = cmp.Or(err, s.options.Sidecar.Close(closing, d.Doc))
	}()
	if _, err := s.options.Sidecar.Open(looking, d.Doc); err != nil {
		return "", found, err
	}
	entries, err := s.options.Sidecar.Get(looking, d.Doc, documentKey(d.Doc))
	if err != nil {
		return "", found, err
	}
	for _, e := range entries {
		if room, moves := s.numberIn(e); room != "" && moves > found.moves {
			roomID, found = room, stray{doc: d.Doc, write: d.Write, moves: moves}
		}
	}
	if roomID != "" {
		found.ticket, err = s.options.Sidecar.Share(looking, d.Doc, d.Write)
	}
	return roomID, found, err
}

// numberIn returns which room of this server an entry says to have moved to its document,
// and the number of the move; "" where it does not, or not by the room's key.
func (s *RoomSync) numberIn(e Entry) (roomID string, moves int64) {
	var v envelope
	var f Fact
	if json.Unmarshal(e.Value, &v) != nil || json.Unmarshal([]byte(v.Body), &f) != nil {
		return "", 0
	}
	room, ok := s.known(f.Room)
	if !ok {
		return "", 0
	}
	said, err := decodeFact(room.RoomID, e)
	if err != nil || said.Deleted || said.signer != Key(room.Root) || !said.authentic() || json.Unmarshal(said.Value, &moves) != nil || !validCount(moves) {
		return "", 0
	}
	return room.RoomID, moves
}

// findLater has a room whose database was put back go on in the last document that is here.
func (p *pass) findLater(ctx context.Context) error {
	all, err := p.straysOf(ctx)
	if err != nil {
		return err
	}
	later := slices.DeleteFunc(slices.Clone(all), func(d stray) bool {
		return d.moves <= p.room.Moves || (!d.write && p.writable())
	})
	if len(later) == 0 {
		return nil
	}
	slices.SortFunc(later, func(a, b stray) int { return cmp.Compare(a.moves, b.moves) })
	room := p.room
	for _, d := range later {
		if p.own { // members may be in each of them
			room.Left = append(slices.Clone(room.Left), sensocto.LeftDoc{Doc: room.Doc, Ticket: room.Ticket, At: time.Now().UTC()})
		}
		room.Doc, room.Ticket, room.Moves = d.doc, d.ticket, d.moves
	}
	return p.replace(ctx, room)
}

// settleRestored notes that a room is no longer as a backup has brought it back, once the
// servers were met that know where it goes on.
func (p *pass) settleRestored(ctx context.Context, m Room) error {
	if !p.room.Restored || !p.metAll(m) {
		return nil
	}
	room := p.room
	room.Restored = false
	if err := p.options.Store.PutSharedRoom(ctx, room); err != nil {
		return err
	}
	p.room = room
	p.noteRoom(room)
	return nil
}

// metAll reports whether the servers were met in the room's document that know where it
// goes on: those of all members where the room was made here, else that of its owner.
func (p *pass) metAll(m Room) (all bool) {
	p.note(func() {
		all = p.own || len(p.r.met) > 0
		for k, member := range m.Members {
			if !p.people.local(k) && (p.own || k == m.Owner) && member.Endpoint != "" && !p.r.met[member.Endpoint] {
				all = false
			}
		}
	})
	return all
}
