package sensocto

import (
	"encoding/json"
	"time"
)

// SharedRoom is a room that other servers have, too: docs/p2p.md.
type SharedRoom struct {
	RoomID string
	Doc    string // id of the room's document
	Ticket string // of the document; a secret
	Root   string // the room's public key
	// Invite is the seed of the key that admitted this server's first member; nil
	// where the room was made here, and where it is only read.
	Invite   []byte
	ClosedAt time.Time // when the room was deleted here, or it was heard that its owner has; zero while it is there
	Moves    int64     // the number of its last move to another document; 0 for none
	Restored bool      // a backup has brought it back, and who knows where it goes on was not met since
	// Left are the documents that the room has left, at the server that made it, the
	// oldest first: members may not have followed yet.
	Left []LeftDoc
}

// LeftDoc is a document that a room has left.
type LeftDoc struct {
	Doc    string    `json:"doc"`
	Ticket string    `json:"ticket"` // a secret
	At     time.Time `json:"at"`
}

// RoomFact is a fact of a shared room as it was last exchanged.
type RoomFact struct {
	Key  string
	Body json.RawMessage // the signed value of its entry
}

// PersonKey is the public key of a person in a shared room, and the account that is
// the person's or stands for it here.
type PersonKey struct {
	Key    string
	UserID string
	Name   string
}

// ErasedMember is a person whose account was erased, and whose removal from a shared room
// other servers may not have: the key, and the id of the account that it is made from.
type ErasedMember struct {
	Key      string
	UserID   string
	ErasedAt time.Time
}

// RoomContent is what servers that share a room have in common.
type RoomContent struct {
	Name        string
	Description string
	OwnerID     string // User.ID
	Settings    map[string]json.RawMessage
	Members     map[string]Role  // by User.ID, the owner among them
	Shares      map[string]Share // by sensor id
}
