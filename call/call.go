package call

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// DefaultLimit is how many peers a call has at most by default: each sends to each
// other, so the upload of everybody grows with it.
const DefaultLimit = 8

// devices is how many places one person has in a call at most: nobody takes those of
// others. The oldest gives way: it may be what a broken connection left.
const devices = 2

// Options of New. The zero value works: calls without STUN and TURN, which reach
// as far as the local network.
type Options struct {
	// Limit is how many peers a call has at most; DefaultLimit by default.
	Limit int
	// ICEServers returns further servers for one peer; nil means none.
	ICEServers func(peerID string) []sensocto.ICEServer
	// Now is the clock of the limits; time.Now by default.
	Now func() time.Time
}

// Calls are the calls of all rooms. It is safe for concurrent use.
type Calls struct {
	options Options
	count   counters
	relayed relayCounters
	relay   *Relay // nil unless there is one

	mu          sync.Mutex // guards what follows, and keeps what a peer hears in order
	rooms       map[string][]*seat
	peers       map[string]*seat // by peer id
	allocations int              // of the relay
	// allocationsOf are those of each person, in all calls and of peers that left as well.
	allocationsOf map[string]int

	changes atomic.Uint64 // counts changes of what the relay asks
}

// New returns Calls without a peer.
func New(o Options) *Calls {
	o.Limit = cmp.Or(o.Limit, DefaultLimit)
	if o.ICEServers == nil {
		o.ICEServers = func(string) []sensocto.ICEServer { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Calls{options: o, rooms: make(map[string][]*seat), peers: make(map[string]*seat), allocationsOf: make(map[string]int)}
}

// Join adds a peer to the call of a room, and tells the others. It returns a
// *sensocto.CallFullError where there are too many. A person has two places, and in a
// full call one: the oldest is given to the new peer.
func (c *Calls) Join(roomID string, who sensocto.Identity, out sensocto.CallOutlet) (sensocto.CallSeat, error) {
	now := c.options.Now()
	s := &seat{
		calls: c, roomID: roomID, out: out, rates: newRates(now), joined: now,
		peer: sensocto.Peer{ID: rand.Text(), UserID: who.UserID, Name: who.Name},
	}
	servers := c.options.ICEServers(s.peer.ID)
	if c.relay != nil {
		servers = append(servers, c.relay.server(s.peer.ID))
	}
	old, err := c.admit(s, servers)
	if old != nil {
		old.out.Send(sensocto.EventReplaced, []byte("{}"))
		old.out.End()
		old.closeAllocations()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// admit seats a peer, and returns the seat that gave way to it, if one did.
func (c *Calls) admit(s *seat, servers []sensocto.ICEServer) (old *seat, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old = c.givesWay(s); old != nil {
		c.count.replaced.Add(1)
		c.remove(old)
	}
	others := c.rooms[s.roomID]
	if len(others) >= c.options.Limit {
		c.count.refused("call_full")
		return old, &sensocto.CallFullError{Limit: c.options.Limit}
	}
	s.reply = sensocto.CallReply{PeerID: s.peer.ID, ICEServers: append([]sensocto.ICEServer{}, servers...), Peers: []sensocto.Peer{}}
	for _, other := range others {
		s.reply.Peers = append(s.reply.Peers, other.peer)
	}
	tell(others, nil, sensocto.EventPeerJoined, s.peer)
	c.rooms[s.roomID] = append(others, s)
	c.peers[s.peer.ID] = s
	c.count.joined.Add(1)
	c.changes.Add(1)
	return old, nil
}

// givesWay returns the oldest seat of the same person where there is none left for a
// new one. The caller holds mu.
func (c *Calls) givesWay(newer *seat) *seat {
	others := c.rooms[newer.roomID]
	own := slices.DeleteFunc(slices.Clone(others), func(s *seat) bool { return s.peer.UserID != newer.peer.UserID })
	if len(own) >= devices || len(others) >= c.options.Limit && len(own) > 0 {
		return own[0]
	}
	return nil
}

// find returns a peer of the same call. The caller holds mu.
func (c *Calls) find(roomID, peerID string) *seat {
	for _, s := range c.rooms[roomID] {
		if s.peer.ID == peerID {
			return s
		}
	}
	return nil
}

// remove takes a peer out and tells the others. The caller holds mu.
func (c *Calls) remove(s *seat) {
	s.left = true
	c.count.left.Add(1)
	c.changes.Add(1)
	delete(c.peers, s.peer.ID)
	others := slices.DeleteFunc(c.rooms[s.roomID], func(o *seat) bool { return o == s })
	if len(others) == 0 {
		delete(c.rooms, s.roomID)
		return
	}
	c.rooms[s.roomID] = others
	tell(others, nil, sensocto.EventPeerLeft, struct {
		ID string `json:"peer_id"`
	}{s.peer.ID})
}

// tell sends an event to all but one.
func tell(seats []*seat, but *seat, event string, payload any) {
	text := encode(payload)
	for _, s := range seats {
		if s != but {
			s.out.Send(event, text)
		}
	}
}

func encode(payload any) []byte {
	text, err := json.Marshal(payload)
	if err != nil {
		panic(err) // strings, bools, and JSON that was checked always encode
	}
	return text
}
