package sensocto

import (
	"encoding/json"
	"fmt"
)

// Events of room:{id}:call (protocol section 8).
const (
	EventPeerJoined   = "peer_joined"
	EventPeerLeft     = "peer_left"
	EventOffer        = "offer"
	EventAnswer       = "answer"
	EventICECandidate = "ice_candidate"
	EventMediaState   = "media_state"
	EventReport       = "report"
	EventReplaced     = "replaced"
)

// Media says what a peer of a call sends.
type Media struct {
	Audio  bool `json:"audio"`
	Video  bool `json:"video"`
	Screen bool `json:"screen"`
}

// Peer is one joined channel of a call: a person with two devices is two peers.
type Peer struct {
	ID     string `json:"peer_id"`
	UserID string `json:"user_id"`
	Name   string `json:"name"`
	Media  Media  `json:"media"`
}

// ICEServer is an RTCIceServer of WebRTC: a STUN or TURN server.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// CallReply answers the join of a call.
type CallReply struct {
	PeerID     string      `json:"peer_id"`
	ICEServers []ICEServer `json:"ice_servers"`
	Peers      []Peer      `json:"peers"` // the others
}

// SessionDescription is an RTCSessionDescription of WebRTC.
type SessionDescription struct {
	Type string `json:"type"` // offer or answer
	SDP  string `json:"sdp"`
}

// CallSeat is a peer's place in a call, until Leave.
type CallSeat interface {
	Reply() CallReply
	// Describe sends an offer or an answer to another peer.
	Describe(to string, d SessionDescription) error
	// Candidate sends an ICE candidate, a JSON object, or null after the last one.
	Candidate(to string, candidate json.RawMessage) error
	// SetMedia tells the others what the peer sends.
	SetMedia(m Media) error
	// Report counts what the peer tells of its call, once.
	Report(r CallReport) error
	// Leave may be called twice.
	Leave()
}

// CallReport is what a peer tells of its call when it leaves: how its connections to
// the other peers were, without saying to whom or where.
type CallReport struct {
	// JoinMS is how long the first connection to a peer took after the join, 0 where
	// there was nobody, or none came about.
	JoinMS float64 `json:"join_ms"`
	// Seconds are the seconds of all connections, by how they were.
	Seconds struct {
		Good        float64 `json:"good"`
		Fair        float64 `json:"fair"`
		Poor        float64 `json:"poor"`
		Interrupted float64 `json:"interrupted"`
	} `json:"seconds"`
	// Links are the connections by their way; those that never came about failed.
	Links struct {
		Direct  int `json:"direct"`
		Relayed int `json:"relayed"`
		Failed  int `json:"failed"`
	} `json:"links"`
	// Interruptions is how often media stopped for want of a connection.
	Interruptions int `json:"interruptions"`
}

// CallOutlet is where a peer hears of the others. Neither method may block.
type CallOutlet interface {
	// Send is called with events in order, one at a time.
	Send(event string, payload []byte)
	// End is called when the peer's place was given to another device of the same
	// person, after the event that says so. The seat has left.
	End()
}

// CallFullError refuses a peer where a call has its limit of peers.
type CallFullError struct{ Limit int }

// Error says how many peers there may be.
func (e *CallFullError) Error() string {
	return fmt.Sprintf("the call has %d peers, which is the limit", e.Limit)
}

// Unwrap returns the code and the reason.
func (e *CallFullError) Unwrap() error {
	return &Error{Code: CodeConflict, Reason: "call_full", Message: e.Error()}
}
