package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// P2P shares rooms with other servers.
type P2P interface {
	// Ticket returns a ticket that lets others join a room in a role, or read it ("").
	Ticket(ctx context.Context, id sensocto.Identity, roomID string, role sensocto.Role) (string, error)
	// Tickets returns the tickets of a room that admit people, without their secrets.
	Tickets(ctx context.Context, id sensocto.Identity, roomID string) ([]sensocto.P2PTicket, error)
	// EndTicket has a ticket admit nobody any more.
	EndTicket(ctx context.Context, id sensocto.Identity, roomID, ticketID string) error
	// Move has a room go on in a new document, which no ticket of before leads to.
	Move(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.P2PRoom, error)
	// Join brings the room of a ticket here and returns its id.
	Join(ctx context.Context, id sensocto.Identity, ticket string) (roomID string, err error)
	// Room returns how a room is shared.
	Room(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.P2PRoom, error)
	// Status returns how all rooms are shared.
	Status(ctx context.Context) sensocto.P2PStatus
}

var errP2POff = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "p2p_off", Message: "this server does not share rooms with others: its operator sets p2p.listen for that"}

// p2pOff answers where rooms are not shared. Of rooms that somebody may not see it
// does not tell either.
type p2pOff struct{ rooms Rooms }

func (o p2pOff) Ticket(ctx context.Context, id sensocto.Identity, roomID string, _ sensocto.Role) (string, error) {
	_, err := o.Room(ctx, id, roomID)
	return "", err
}

func (o p2pOff) Tickets(ctx context.Context, id sensocto.Identity, roomID string) ([]sensocto.P2PTicket, error) {
	_, err := o.Room(ctx, id, roomID)
	return nil, err
}

func (o p2pOff) EndTicket(ctx context.Context, id sensocto.Identity, roomID, _ string) error {
	_, err := o.Room(ctx, id, roomID)
	return err
}

func (o p2pOff) Move(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.P2PRoom, error) {
	return o.Room(ctx, id, roomID)
}

func (p2pOff) Join(context.Context, sensocto.Identity, string) (string, error) { return "", errP2POff }

func (o p2pOff) Room(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.P2PRoom, error) {
	if _, err := o.rooms.Room(ctx, id, roomID); err != nil {
		return sensocto.P2PRoom{}, err
	}
	return sensocto.P2PRoom{}, errP2POff
}

func (p2pOff) Status(context.Context) sensocto.P2PStatus {
	return sensocto.P2PStatus{Sidecar: "off", Problem: errP2POff.Message, Peers: []sensocto.P2PPeer{}, Rooms: []sensocto.P2PRoom{}}
}

func (s *server) registerP2P() {
	if s.P2P == nil {
		s.P2P = p2pOff{s.Rooms}
	}
	const tag = "Rooms"
	op := s.personal("make-room-ticket", http.MethodPost, "/rooms/{id}/tickets", person, tag, "Make a ticket with which people of other servers join a room")
	op.Description = "For whoever may invite, at the server that made the room. A ticket is a secret. 503: rooms are not shared with other servers, or not now."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.makeRoomTicket)
	op = s.personal("list-room-tickets", http.MethodGet, "/rooms/{id}/tickets", person, tag, "List the tickets of a room that admit people")
	op.Description = "The newest first, 500 at most, without their secrets; those that only read are not among them."
	huma.Register(s.api, op, s.listRoomTickets)
	op = s.personal("end-room-ticket", http.MethodDelete, "/rooms/{id}/tickets/{ticket_id}", person, tag, "End a ticket: it admits nobody any more")
	op.Description = "Who came by it stays in the room."
	huma.Register(s.api, op, s.endRoomTicket)
	op = s.personal("move-room", http.MethodPost, "/rooms/{id}/move", person, tag, "End all tickets of a room, and lock out servers of people who are no longer in it")
	op.Description = "For the room's owner, at the server that made it; for its administrators there where the owner is at another server. The room goes on in a new document, of which the servers of its members are told in secret: they follow by themselves, also later (`waiting` in the answer). Servers that have a ticket to read need a new one."
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.moveRoom)
	op = s.personal("join-room-by-ticket", http.MethodPost, "/rooms/join-ticket", person, tag, "Join a room of another server by its ticket")
	op.Description = "The room is here from then on, and both servers keep each other up to date; where it is here already, the ticket makes its bearer a member. 503: no server that has the room was reached."
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.joinByTicket)
	huma.Register(s.api, s.personal("see-room-sharing", http.MethodGet, "/rooms/{id}/p2p", person, tag, "How a room is shared with other servers"), s.seeRoomSharing)
	huma.Register(s.api, s.operation("see-sharing", http.MethodGet, "/api/v1/p2p", sensocto.ScopeAdmin, "Operation", "How rooms are shared with other servers"), s.seeSharing)
}

type ticketInput struct {
	RoomPath
	Body struct {
		Role string `json:"role,omitempty" enum:"member,guest,reader" default:"member" doc:"What its bearer becomes. A reader sees the room and is no member."`
	}
}

type ticketAnswer struct {
	Body struct {
		Ticket string `json:"ticket" doc:"The text of the ticket, for 'sensocto room join'."`
	}
}

func (s *server) makeRoomTicket(ctx context.Context, in *ticketInput) (*ticketAnswer, error) {
	role := sensocto.Role(in.Body.Role)
	if role == "reader" {
		role = ""
	}
	ticket, err := s.P2P.Ticket(ctx, identityOf(ctx), in.RoomID, role)
	if err != nil {
		return nil, s.personalProblem(err, "make a ticket")
	}
	var out ticketAnswer
	out.Body.Ticket = ticket
	return &out, nil
}

type ticketsAnswer struct {
	Body struct {
		Tickets []sensocto.P2PTicket `json:"tickets" nullable:"false"`
	}
}

func (s *server) listRoomTickets(ctx context.Context, in *RoomPath) (*ticketsAnswer, error) {
	tickets, err := s.P2P.Tickets(ctx, identityOf(ctx), in.RoomID)
	if err != nil {
		return nil, s.personalProblem(err, "list tickets")
	}
	var out ticketsAnswer
	out.Body.Tickets = tickets
	return &out, nil
}

type ticketPath struct {
	RoomPath
	TicketID string `path:"ticket_id" maxLength:"64"`
}

func (s *server) endRoomTicket(ctx context.Context, in *ticketPath) (*struct{}, error) {
	if err := s.P2P.EndTicket(ctx, identityOf(ctx), in.RoomID, in.TicketID); err != nil {
		return nil, s.personalProblem(err, "end a ticket")
	}
	return nil, nil
}

func (s *server) moveRoom(ctx context.Context, in *RoomPath) (*roomSharingAnswer, error) {
	room, err := s.P2P.Move(ctx, identityOf(ctx), in.RoomID)
	if err != nil {
		return nil, s.personalProblem(err, "move a room")
	}
	return &roomSharingAnswer{room}, nil
}

type joinTicketInput struct {
	Body struct {
		Ticket string `json:"ticket" maxLength:"8192" doc:"The text of a ticket, or a link that ends with it."`
	}
}

func (s *server) joinByTicket(ctx context.Context, in *joinTicketInput) (*roomAnswer, error) {
	roomID, err := s.P2P.Join(ctx, identityOf(ctx), in.Body.Ticket)
	if err != nil {
		return nil, s.personalProblem(err, "join a room")
	}
	room, err := s.Rooms.Room(ctx, identityOf(ctx), roomID)
	return s.roomAnswer(room, err, "join a room")
}

type roomSharingAnswer struct{ Body sensocto.P2PRoom }

func (s *server) seeRoomSharing(ctx context.Context, in *RoomPath) (*roomSharingAnswer, error) {
	room, err := s.P2P.Room(ctx, identityOf(ctx), in.RoomID)
	if err != nil {
		return nil, s.personalProblem(err, "look at a room")
	}
	return &roomSharingAnswer{room}, nil
}

type sharingAnswer struct{ Body sensocto.P2PStatus }

func (s *server) seeSharing(ctx context.Context, _ *struct{}) (*sharingAnswer, error) {
	return &sharingAnswer{s.P2P.Status(ctx)}, nil
}
