package p2p

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// A server that was restored from a backup has its rooms in the documents of then. Where
// the sidecar's directory was not lost, it has those to which the rooms have moved since,
// which no room here knows: strays.

// moveNumber returns the number of the next move of a room: greater than the one before,
// and than all that this server has given since the backup from which it was restored.
func moveNumber(last int64, now time.Time) int64 { return max(last+1, now.Unix()) }

// stray is a document of the sidecar that no room here has, though a room's key says that
// it has moved there.
type stray struct {
	doc   string
	write bool
	moves int64
}

// strays are what there is of them, by room. They are looked for once in each run of the
// sidecar.
type strays struct {
	look chan struct{} // a token for whoever looks; what follows is theirs
	of   int           // the start of the sidecar
	all  map[string][]stray
}

// straysOf returns the strays of a room.
func (s *RoomSync) straysOf(ctx context.Context, roomID string) ([]stray, error) {
	select {
	case s.strays.look <- struct{}{}:
		defer func() { <-s.strays.look }()
	case <-ctx.Done():
		return nil, timedOut(ctx)
	}
	starts := s.options.Sidecar.State().Starts
	if starts > 0 && s.strays.of == starts {
		return s.strays.all[roomID], nil
	}
	status, err := s.options.Sidecar.Status(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string][]stray{}
	for _, d := range status.Docs {
		roomID, found, err := s.inspect(ctx, d)
		if err != nil {
			return nil, err
		}
		if roomID != "" {
			all[roomID] = append(all[roomID], found)
		}
	}
	s.strays.of, s.strays.all = starts, all
	return all[roomID], nil
}

// inspect finds out whether a document is a stray, and of which room. What is open
// somebody has or makes.
func (s *RoomSync) inspect(ctx context.Context, d DocStatus) (roomID string, found stray, err error) {
	if d.Open {
		return "", found, nil
	}
	leave, err := s.bring(d.Doc)
	if leave == nil {
		return "", found, nil // a room has it, or is being brought here
	}
	defer leave()
	if _, err := s.options.Sidecar.Open(ctx, d.Doc); err != nil {
		return "", found, err
	}
	entries, err := s.options.Sidecar.Get(ctx, d.Doc, documentKey(d.Doc))
	if err := cmp.Or(err, s.options.Sidecar.Close(ctx, d.Doc)); err != nil {
		return "", found, err
	}
	for _, e := range entries {
		if room, moves := s.numberIn(e); room != "" && moves > found.moves {
			roomID, found = room, stray{d.Doc, d.Write, moves}
		}
	}
	return roomID, found, nil
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

// findLater has a room that came from a backup go on in the last document that is here.
func (p *pass) findLater(ctx context.Context) error {
	if !p.room.Restored {
		return nil
	}
	all, err := p.straysOf(ctx, p.room.RoomID)
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
		if _, err := p.options.Sidecar.Open(ctx, d.doc); err != nil {
			return err
		}
		if room.Ticket, err = p.options.Sidecar.Share(ctx, d.doc, d.write); err != nil {
			return err
		}
		room.Doc, room.Moves = d.doc, d.moves
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
