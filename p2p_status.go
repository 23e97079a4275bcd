package sensocto

import "time"

// P2PStatus is how rooms are shared with other servers: docs/p2p.md.
type P2PStatus struct {
	Sidecar  string    `json:"sidecar" enum:"off,running,absent,down" doc:"Whether the program runs through which rooms are shared: off where p2p.listen is not set, absent where it is not installed, down while it is started."`
	Running  bool      `json:"running" doc:"The sidecar runs, through which rooms are shared."`
	Problem  string    `json:"problem" doc:"Why it does not, and what to do; empty while it does."`
	Endpoint string    `json:"endpoint" doc:"The id by which other servers know this one; empty before the first start."`
	Relay    string    `json:"relay" doc:"The relay in use; empty for none."`
	Restarts int       `json:"restarts" doc:"Starts of the sidecar after it had ended or was killed."`
	Sent     uint64    `json:"sent_bytes" doc:"Bytes of facts and streams sent since the start, without what the network adds."`
	Received uint64    `json:"received_bytes" doc:"The same that came from others."`
	Peers    []P2PPeer `json:"peers" nullable:"false"`
	Rooms    []P2PRoom `json:"rooms" nullable:"false"`
}

// P2PPeer is another server that has a room of this one.
type P2PPeer struct {
	Endpoint string   `json:"endpoint"`
	Path     string   `json:"path" enum:"direct,relay,none" doc:"How it is reached now."`
	Names    []string `json:"names" nullable:"false" doc:"Members of the room who say that they are there."`
}

// P2PRoom is how one room is shared.
type P2PRoom struct {
	RoomID    string         `json:"room_id"`
	Own       bool           `json:"own" doc:"Made at this server, which makes its tickets."`
	Shared    bool           `json:"shared" doc:"Other servers have the room, or may have: it came by a ticket, or tickets were made for it."`
	ReadOnly  bool           `json:"read_only" doc:"It came by a ticket that only reads: what is changed here stays here."`
	Sidecar   string         `json:"sidecar" enum:"running,absent,down" doc:"Whether the program runs through which rooms are shared: absent where it is not installed, down while it is started."`
	Loopback  bool           `json:"loopback_only" doc:"Only servers on the same machine reach this one: p2p.listen is a loopback address."`
	Peers     []P2PPeer      `json:"peers" nullable:"false" doc:"Servers that have the room and are connected."`
	SyncedAt  *time.Time     `json:"synced_at" doc:"When it was last exchanged with another server; null for never."`
	Pending   int            `json:"pending" doc:"Changes here that have not been sent."`
	LagMS     int64          `json:"lag_ms" doc:"How long the oldest of them has waited, in ms."`
	Retries   int            `json:"retries" doc:"Exchanges that failed since the last that succeeded."`
	Missing   int            `json:"missing" doc:"Values of others that have not arrived."`
	Entries   int            `json:"entries" doc:"Entries of the room's document."`
	Flooded   bool           `json:"flooded" doc:"Somebody wrote so much that the room is no longer exchanged."`
	Moved     bool           `json:"moved" doc:"The room goes on in another document, and this server was not told where: a new ticket leads there."`
	Following bool           `json:"following" doc:"The room goes on in another document, which this server fetches."`
	Restored  bool           `json:"restored" doc:"A backup has brought the room back, and the servers that know whether it has moved since were not met."`
	Waiting   []string       `json:"waiting" nullable:"false" doc:"Members whose servers have not followed the room to where it moved; at the server that made it."`
	Refused   map[string]int `json:"refused" doc:"Entries that do not count, by reason."`
	Problem   string         `json:"problem" doc:"Why the last exchange failed; empty where it did not."`
}

// P2PTicket is a ticket that admits people to a room, without its secret.
type P2PTicket struct {
	ID     string    `json:"id" doc:"The public key of the invitation."`
	Role   Role      `json:"role" enum:"member,guest"`
	MadeAt time.Time `json:"made_at"`
}
