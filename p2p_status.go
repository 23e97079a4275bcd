package sensocto

import "time"

// P2PStatus is how rooms are shared with other servers: docs/p2p.md.
type P2PStatus struct {
	Running  bool      `json:"running" doc:"The sidecar runs, through which rooms are shared."`
	Problem  string    `json:"problem" doc:"Why it does not, and what to do; empty while it does."`
	Endpoint string    `json:"endpoint" doc:"The id by which other servers know this one; empty before the first start."`
	Relay    string    `json:"relay" doc:"The relay in use; empty for none."`
	Restarts int       `json:"restarts" doc:"Starts of the sidecar after it had ended or was killed."`
	Peers    []P2PPeer `json:"peers" nullable:"false"`
	Rooms    []P2PRoom `json:"rooms" nullable:"false"`
}

// P2PPeer is another server that has a room of this one.
type P2PPeer struct {
	Endpoint string `json:"endpoint"`
	Path     string `json:"path" enum:"direct,relay,none" doc:"How it is reached now."`
}

// P2PRoom is how one room is shared.
type P2PRoom struct {
	RoomID   string         `json:"room_id"`
	Own      bool           `json:"own" doc:"Made at this server, which makes its tickets."`
	Peers    []P2PPeer      `json:"peers" nullable:"false" doc:"Servers that have the room and are connected."`
	SyncedAt *time.Time     `json:"synced_at" doc:"When it was last exchanged with another server; null for never."`
	Pending  int            `json:"pending" doc:"Changes here that have not been sent."`
	Missing  int            `json:"missing" doc:"Values of others that have not arrived."`
	Entries  int            `json:"entries" doc:"Entries of the room's document."`
	Flooded  bool           `json:"flooded" doc:"Somebody wrote so much that the room is no longer exchanged."`
	Refused  map[string]int `json:"refused" doc:"Entries that do not count, by reason."`
	Problem  string         `json:"problem" doc:"Why the last exchange failed; empty where it did not."`
}
