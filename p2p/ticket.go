package p2p

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/sensocto/sensocto"
)

// Ticket lets a server join a room: who has one may read the room, and with Invite
// become a member. It is a secret.
type Ticket struct {
	Version int    `json:"v"`
	Room    string `json:"room"` // the room's id
	Root    Key    `json:"root"` // the room's key: what it signs counts
	Name    string `json:"name"` // of the room, when the ticket was made
	Doc     string `json:"doc"`  // Iroh's ticket of the document
	// Invite is the seed of a key that admits its bearer; nil in a read ticket.
	Invite []byte `json:"invite,omitempty"`
}

const (
	ticketVersion = 1
	ticketPrefix  = "sensocto-room-"
	maxTicket     = 8 << 10
)

var (
	errTicket        = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_ticket", Message: "that is not a ticket of a room: copy it whole, it begins with " + ticketPrefix}
	errTicketVersion = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "ticket_version", Message: "the ticket is of another version of SensOcto: update this server, or that which made it"}

	roomID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// String returns the text of a ticket.
func (t Ticket) String() string {
	t.Version = ticketVersion
	b, err := json.Marshal(t)
	if err != nil {
		panic(err) // it has no field that cannot be encoded
	}
	return ticketPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// ParseTicket reads the text of a ticket, or a link that ends with one.
func ParseTicket(text string) (Ticket, error) {
	text = strings.TrimSpace(text)
	if i := strings.LastIndex(text, ticketPrefix); i > 0 && strings.ContainsAny(text[i-1:i], "#=/") {
		text = text[i:]
	}
	encoded, ok := strings.CutPrefix(text, ticketPrefix)
	if !ok || len(text) > maxTicket {
		return Ticket{}, errTicket
	}
	b, err := base64.RawURLEncoding.DecodeString(encoded)
	var t Ticket
	if err != nil || json.Unmarshal(b, &t) != nil {
		return Ticket{}, errTicket
	}
	if t.Version != ticketVersion {
		return Ticket{}, errTicketVersion
	}
	if !roomID.MatchString(t.Room) || !t.Root.Valid() || t.Doc == "" || (t.Invite != nil && len(t.Invite) != seedBytes) {
		return Ticket{}, errTicket
	}
	if sensocto.CheckName(t.Name) != nil {
		t.Name = "Shared room"
	}
	return t, nil
}
