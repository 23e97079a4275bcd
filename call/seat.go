package call

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// Bounds of what a peer sends to another, in bytes.
const (
	MaxSDP       = 64 << 10
	MaxCandidate = 4 << 10
)

var (
	errUnknownPeer    = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "unknown_peer", Message: "to must be the peer_id of another peer of this call"}
	errDescription    = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_description", Message: "description must be {type, sdp}, with the event's name as type"}
	errSDPTooLarge    = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "description_too_large", Message: "an SDP has at most 64 KiB"}
	errCandidate      = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_candidate", Message: "candidate must be an object, or null at the end of candidates"}
	errCandidateLarge = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "candidate_too_large", Message: "a candidate has at most 4 KiB"}
	errTooMany        = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_signals", Message: "too many messages of this kind in a short time: wait, or gather candidates into the description"}
)

// seat is one peer's place.
type seat struct {
	calls  *Calls
	roomID string
	out    sensocto.CallOutlet
	reply  sensocto.CallReply
	joined time.Time

	peer     sensocto.Peer // what follows is guarded by the calls' mu
	rates    rates
	left     bool
	reported bool
	// addresses are where the peer says that it can be reached; allocations are
	// those that it has at the relay, by their addresses.
	addresses   map[netip.Addr]bool
	allocations map[netip.AddrPort]*relayed
}

// Reply implements sensocto.CallSeat.
func (s *seat) Reply() sensocto.CallReply { return s.reply }

// Describe implements sensocto.CallSeat.
func (s *seat) Describe(to string, d sensocto.SessionDescription) error {
	switch {
	case d.Type != sensocto.EventOffer && d.Type != sensocto.EventAnswer, d.SDP == "":
		return s.refuse(errDescription)
	case len(d.SDP) > MaxSDP:
		return s.refuse(errSDPTooLarge)
	}
	return s.send(to, d.Type, kindDescription, func() ([]netip.Addr, []byte) {
		return addressesOf(d.SDP), encode(struct {
			From        string                      `json:"from"`
			Description sensocto.SessionDescription `json:"description"`
		}{s.peer.ID, d})
	})
}

// Candidate implements sensocto.CallSeat.
func (s *seat) Candidate(to string, candidate json.RawMessage) error {
	switch {
	case len(candidate) > MaxCandidate:
		return s.refuse(errCandidateLarge)
	case string(candidate) != "null" && (len(candidate) == 0 || candidate[0] != '{' || !json.Valid(candidate)):
		return s.refuse(errCandidate)
	}
	return s.send(to, sensocto.EventICECandidate, kindCandidate, func() ([]netip.Addr, []byte) {
		return addressesOf(candidateLine(candidate)), encode(struct {
			From      string          `json:"from"`
			Candidate json.RawMessage `json:"candidate"`
		}{s.peer.ID, candidate})
	})
}

// send hands a message to another peer of the call. read, which costs more than the
// checks before it and holds no lock, returns where the message says that its sender can
// be reached, and its text.
func (s *seat) send(to, event string, k kind, read func() ([]netip.Addr, []byte)) error {
	if err := s.maySend(to, k); err != nil {
		return s.refuse(err)
	}
	addresses, text := read()
	c := s.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	other := c.find(s.roomID, to)
	if s.left || other == nil { // meanwhile
		return s.refuse(errUnknownPeer)
	}
	s.reachableAt(addresses)
	c.count.sent[k].Add(1)
	other.out.Send(event, text)
	return nil
}

// maySend counts a message to another peer, and returns what is against it, or nil.
func (s *seat) maySend(to string, k kind) *sensocto.Error {
	c := s.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	other := c.find(s.roomID, to)
	switch {
	case s.left || other == nil || other == s:
		return errUnknownPeer
	case !s.rates.allow(k, c.options.Now()):
		return errTooMany
	}
	return nil
}

// SetMedia implements sensocto.CallSeat.
func (s *seat) SetMedia(m sensocto.Media) error {
	c := s.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.left {
		return nil
	}
	if !s.rates.allow(kindMedia, c.options.Now()) {
		return s.refuse(errTooMany)
	}
	s.peer.Media = m
	c.count.sent[kindMedia].Add(1)
	tell(c.rooms[s.roomID], s, sensocto.EventMediaState, struct {
		ID string `json:"peer_id"`
		sensocto.Media
	}{s.peer.ID, m})
	return nil
}

// Leave implements sensocto.CallSeat.
func (s *seat) Leave() {
	c := s.calls
	c.mu.Lock()
	if !s.left {
		c.remove(s)
	}
	c.mu.Unlock()
	s.closeAllocations()
}

// closeAllocations closes those of a peer that has left; there are no new ones.
func (s *seat) closeAllocations() {
	s.calls.mu.Lock()
	allocations := slices.Collect(maps.Values(s.allocations))
	s.calls.mu.Unlock()
	for _, a := range allocations {
		a.Close()
	}
}

func (s *seat) refuse(err *sensocto.Error) error {
	s.calls.count.refused(err.Reason)
	return err
}
