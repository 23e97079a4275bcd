package p2p

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// Rooms are the rooms of this server; *room.Rooms.
type Rooms interface {
	Content(ctx context.Context, roomID string) (sensocto.RoomContent, error)
	Adopt(ctx context.Context, roomID string, have, want sensocto.RoomContent) (left []string, err error)
	AdoptRoom(ctx context.Context, roomID string, c sensocto.RoomContent) error
	Erase(ctx context.Context, roomID string) error
	Forget(ctx context.Context, roomID string, members int) error
}

// Store keeps what is shared; *peopledb.DB is one.
type Store interface {
	SharedRooms(ctx context.Context) ([]sensocto.SharedRoom, error)
	PutSharedRoom(ctx context.Context, r sensocto.SharedRoom) error
	RemoveSharedRoom(ctx context.Context, roomID string) error
	RoomFacts(ctx context.Context, roomID string) ([]sensocto.RoomFact, error)
	PutRoomFacts(ctx context.Context, roomID string, put []sensocto.RoomFact, remove []string) error
	PersonKeys(ctx context.Context) ([]sensocto.PersonKey, error)
	PutPerson(ctx context.Context, key string, u sensocto.User) (userID string, err error)
	LinkPerson(ctx context.Context, key, userID string) error
	ErasedMembers(ctx context.Context, roomID string) ([]sensocto.ErasedMember, error)
	RemoveErasedMember(ctx context.Context, roomID, key string) (left int, err error)
	User(ctx context.Context, id string) (sensocto.User, error)
	Bans(ctx context.Context, roomID, after string, limit int) ([]sensocto.Ban, error)
	OnChange(f func([]sensocto.Change)) (stop func())
}

// SyncOptions are what NewRoomSync needs. All but Sensor and Live are required.
type SyncOptions struct {
	Sidecar SidecarOptions // its Event and Up are RoomSync's own
	Keys    *Keys
	Rooms   Rooms
	Store   Store
	// Sensor returns what is known of a sensor of this server.
	Sensor func(id string) (sensocto.Sensor, bool)
	// Live is what it takes to see sensors of other servers; nil where they are only
	// named.
	Live *Live
	Log  *slog.Logger
}

// RoomSync exchanges rooms with other servers. What changes here is found by
// comparing the room with the facts as they were last exchanged, both in the
// database: so nothing is lost where the server is killed, and what came from
// others is not sent back. It is safe for concurrent use.
type RoomSync struct {
	options resolved
	people  *people
	log     *slog.Logger
	sensors sync.Map // id here → RemoteSensor
	wake    chan struct{}
	making  chan struct{} // a token for whoever makes a document
	left    leftTimes
	// fetchPause is how long a room that is to be forgotten stays for others to fetch what it says.
	fetchPause time.Duration
	strays     strays
	counts     counts
	live       *live // nil where sensors of other servers are only named

	mu      sync.Mutex // guards what follows
	rooms   map[string]*shared
	docs    map[string]string // room by document
	joining map[string]bool   // rooms and documents that are being brought here
}

// resolved are the options with the sidecar that they describe.
type resolved struct {
	Sidecar *Sidecar
	Keys    *Keys
	Rooms   Rooms
	Store   Store
	Sensor  func(id string) (sensocto.Sensor, bool)
}

// shared is a room that other servers have, too, or may have: without a document it
// has just been made.
type shared struct {
	schedule  // guarded by RoomSync.mu
	room      sensocto.SharedRoom
	running   bool // an exchange is under way, or the room is held
	held      int  // who hold the room or wait for that
	openedIn  int  // the start of the sidecar in which the document was opened
	pending   int  // changes that have not been sent
	refused   map[string]int
	problem   string           // of the last exchange; "" where it succeeded
	outside   bool             // other servers have it, or may: there are tickets, or members there
	moved     bool             // the room goes on in another document, and nobody here is told where
	following bool             // the room goes on in another document, which has not arrived
	next      string           // that document; "" for none
	nextWait  missingWait      // for its values
	told      map[string]*told // what is in the documents that the room has left; of one exchange at a time
	besides   map[string]int   // documents that were opened besides the room's, with the start of the sidecar
	behind    []string         // names of members whose servers have not followed the room
	// allFollowed says that nobody needs the documents that the room has left to find it, and
	// crowded that they are to go for others that do.
	allFollowed, crowded bool
	people               map[string][]string // names of members by the endpoint where they say they are
	passedAt             time.Time
	metAt                time.Time       // when the document was last exchanged with another server, since the start
	met                  map[string]bool // the endpoints with which it was
	erasures             map[Key]*erasure
	emptied              *emptied // nobody of this server is in it any more; nil where somebody is
	coming               int      // people who come to it by a ticket now
	going                bool     // it is being forgotten

	// What the room says of sensors, since it was last exchanged.
	members map[Key]Member
	sensors map[SensorRef]Sensor
	places  map[string]place // of sensors of other servers, by their ids here
}

// NewRoomSync returns a RoomSync that Run starts, with its sidecar.
func NewRoomSync(o SyncOptions) *RoomSync {
	if o.Sensor == nil {
		o.Sensor = func(string) (sensocto.Sensor, bool) { return sensocto.Sensor{}, false }
	}
	s := &RoomSync{people: newPeople(o.Keys, o.Store), log: o.Log, wake: make(chan struct{}, 1), making: make(chan struct{}, 1), strays: strays{look: make(chan struct{}, 1)}, rooms: map[string]*shared{}, docs: map[string]string{}, joining: map[string]bool{}, left: defaultLeftTimes, fetchPause: fetchPause}
	s.live = newLive(o.Live, s)
	o.Sidecar.Event, o.Sidecar.Up, o.Sidecar.Log = s.event, s.up, cmp.Or(o.Sidecar.Log, o.Log)
	s.options = resolved{NewSidecar(o.Sidecar), o.Keys, o.Rooms, o.Store, o.Sensor}
	return s
}

// maxExchanges is how many rooms are exchanged at once.
const maxExchanges = 4

// Run exchanges rooms until the context ends.
func (s *RoomSync) Run(ctx context.Context) error {
	if !s.load(ctx) {
		return nil
	}
	stop := s.options.Store.OnChange(s.storeChanged)
	defer stop()
	var running sync.WaitGroup
	defer running.Wait()
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	if s.live != nil {
		running.Go(func() { s.live.run(working) })
	}
	running.Go(func() { _ = s.options.Sidecar.Run(working) })
	places := make(chan struct{}, maxExchanges)
	for {
		roomID, wait := s.next(time.Now())
		if roomID == "" {
			if !s.pause(ctx, wait) {
				return nil
			}
			continue
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		running.Go(func() {
			defer func() { <-places }()
			s.exchange(working, roomID)
		})
	}
}

// load reads the shared rooms, again and again while the database is away; it
// returns false where ctx ends.
func (s *RoomSync) load(ctx context.Context) bool {
	for {
		err := s.tryLoad(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err() == nil
		}
		s.log.Warn("shared rooms are not exchanged yet", "err", err)
		if s.pause(ctx, 5*time.Second); ctx.Err() != nil {
			return false
		}
	}
}

func (s *RoomSync) tryLoad(ctx context.Context) error {
	if err := s.people.load(ctx); err != nil {
		return err
	}
	all, err := s.options.Store.SharedRooms(ctx)
	if err != nil {
		return fmt.Errorf("read shared rooms: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range all {
		s.add(r)
	}
	return nil
}

// add notes a shared room, with s.mu held.
func (s *RoomSync) add(r sensocto.SharedRoom) {
	known := s.rooms[r.RoomID]
	if known == nil {
		known = &shared{}
		s.rooms[r.RoomID] = known
	}
	if known.room.Doc != r.Doc {
		delete(s.docs, known.room.Doc)
		known.openedIn, known.erasures, known.emptied, known.met = 0, nil, nil, nil
	}
	for _, old := range known.room.Left {
		delete(s.docs, old.Doc)
	}
	known.room, known.urgent = r, true
	s.docs[r.Doc] = r.RoomID
	for _, old := range r.Left { // members say there that they are called otherwise, or to whom to seal
		s.docs[old.Doc] = r.RoomID
	}
}

// next takes the room that is due, or returns how long none is.
func (s *RoomSync) next(now time.Time) (roomID string, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = time.Hour
	var first time.Time
	for id, r := range s.rooms {
		due, ok := r.due()
		if !ok || r.running || r.held > 0 {
			continue
		}
		if d := due.Sub(now); d > 0 {
			wait = min(wait, d)
		} else if roomID == "" || due.Before(first) {
			roomID, first = id, due
		}
	}
	if roomID != "" {
		s.rooms[roomID].begin()
		s.rooms[roomID].running = true
	}
	return roomID, wait
}

// pause waits until something may be due; it returns false where ctx ends.
func (s *RoomSync) pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-s.wake:
	}
	return true
}

func (s *RoomSync) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// storeChanged notes changes of rooms and people here. Those that an exchange makes
// are among them: another exchange follows then, and finds nothing.
func (s *RoomSync) storeChanged(changes []sensocto.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, c := range changes {
		switch c.Kind {
		case sensocto.ChangeRoom:
			r := s.rooms[c.ID]
			closed, _ := s.closedRooms()
			if r == nil && len(s.rooms)-closed < maxMade { // perhaps it was made now
				r = &shared{room: sensocto.SharedRoom{RoomID: c.ID}}
				s.rooms[c.ID] = r
			}
			if r != nil {
				r.changed(now)
			}
		case sensocto.ChangeUser: // perhaps a name
			for _, r := range s.rooms {
				r.changed(now)
			}
		}
	}
	s.notify()
}

// event follows the sidecar.
func (s *RoomSync) event(e Event) {
	switch e.Name {
	case eventChanged:
		s.urgent(e.Doc)
	case eventLagged:
		s.everything()
	case eventFlooded:
		s.counts.flooded.Add(1)
		s.log.Warn("a shared room has so many entries that it is no longer exchanged: somebody floods it; share it anew", "room", s.roomOf(e.Doc), "entries", e.Entries)
	case eventStream:
		if e.Protocol == sensorProtocol && s.live != nil {
			s.live.accept(e)
		}
	case eventSynced:
		s.counts.synced.Add(1)
		s.met(e.Doc, e.Peer)
	case eventSyncFailed:
		s.counts.syncFailed.Add(1)
	}
}

// urgent has the room of a document exchanged now; of one that the room has left, later:
// who was locked out can still write there.
func (s *RoomSync) urgent(doc string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[s.docs[doc]]
	switch {
	case r == nil:
		return
	case slices.ContainsFunc(r.room.Left, func(old sensocto.LeftDoc) bool { return old.Doc == doc }):
		r.onceMore(time.Now())
	default:
		r.urgent = true
	}
	s.notify()
}

// roomOf returns the room of a document, whose id is no word for a log: who knows it can
// read the document.
func (s *RoomSync) roomOf(doc string) (roomID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.docs[doc]
}

// up is called when the sidecar has started.
func (s *RoomSync) up() {
	if s.live != nil {
		s.live.up()
	}
	s.everything()
}

// everything has all rooms exchanged now: the sidecar has started, or events were
// lost.
func (s *RoomSync) everything() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rooms {
		r.urgent, r.retryAt, r.failures = true, time.Time{}, 0
	}
	s.notify()
}

// exchangeTime bounds one exchange.
const exchangeTime = 30 * time.Second

// exchange exchanges one room.
func (s *RoomSync) exchange(working context.Context, roomID string) {
	ctx, cancel := context.WithTimeout(working, exchangeTime)
	defer cancel()
	s.mu.Lock()
	r := s.rooms[roomID]
	s.mu.Unlock()
	if r == nil {
		return
	}
	err := s.pass(ctx, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	r.running, r.passedAt = false, time.Now()
	if err != nil {
		s.counts.failures.Add(1)
		if sensocto.ErrorCode(err) == sensocto.CodeNotFound { // perhaps the sidecar has lost the document
			r.openedIn = 0
		}
		if message := err.Error(); message != r.problem && working.Err() == nil && !errors.Is(err, errDown) { // that it is down is logged once
			s.log.Warn("a shared room was not exchanged; it is tried again", "room", roomID, "err", err)
			r.problem = message
		}
		r.failed(time.Now())
	} else {
		r.problem = ""
		r.done()
	}
	s.notify()
}
