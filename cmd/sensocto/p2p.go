package main

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/p2p"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/web"
)

// checkP2P returns what is wrong with how rooms are shared.
func (c Config) checkP2P(bad func(key, format string, args ...any)) {
	if c.P2PListen != "" {
		if host, _, err := net.SplitHostPort(c.P2PListen); err != nil || net.ParseIP(host) == nil {
			bad("p2p.listen", "%q is not IP:port, such as 0.0.0.0:0", c.P2PListen)
		}
	}
	if u, err := url.Parse(c.P2PRelay); c.P2PRelay != "none" && c.P2PRelay != "iroh" && (err != nil || u.Scheme != "https" || u.Host == "") {
		bad("p2p.relay", "%q is neither none nor iroh nor an address such as https://relay.example.org", c.P2PRelay)
	}
	oneOf(bad, "p2p.discovery", c.P2PDiscovery, "none", "local", "dns", "local,dns")
}

// sidecar is the file of the program that shares rooms.
func (c Config) sidecar() string {
	if c.P2PProgram != "" {
		return c.P2PProgram
	}
	self, err := os.Executable()
	if err != nil {
		return "sensocto-sidecar"
	}
	return filepath.Join(filepath.Dir(self), "sensocto-sidecar")
}

// sharing shares rooms with other servers, for whoever has the right.
type sharing struct {
	sync   *p2p.RoomSync
	rights *rights.Rights
	audit  sensocto.Auditor
	people interface {
		User(ctx context.Context, id string) (sensocto.User, error)
	}
	joining sync.Map // the ids of users who join a room
}

// newSharing returns nil where it is off.
func newSharing(c Config, s *server, hub sensocto.PubSub, log *slog.Logger) (*sharing, error) {
	if c.P2PListen == "" {
		return nil, nil
	}
	dir := filepath.Join(c.DataDir, "p2p")
	keys, err := p2p.OpenKeys(c.roomKeyFile())
	if err != nil {
		return nil, err
	}
	roomSync := p2p.NewRoomSync(p2p.SyncOptions{
		Sidecar: p2p.SidecarOptions{Program: c.sidecar(), Dir: dir, Bind: c.P2PListen, Relay: c.P2PRelay, Discovery: c.P2PDiscovery, Log: log},
		Keys:    keys, Rooms: s.rooms, Store: s.people, Sensor: s.sensors.Sensor, Log: log,
		Live: &p2p.Live{Sensors: s.sensors, Samples: s.store, Attention: s.looks, Rights: s.rights, PubSub: hub},
	})
	return &sharing{sync: roomSync, rights: s.rights, audit: s.audit, people: s.people}, nil
}

// samples is the store that people read: what is of other servers is read there.
func (s *server) samples() sensocto.Store {
	if s.sharing == nil {
		return s.store
	}
	return s.sharing.sync.Reader(s.store)
}

// sensor returns what is known of a sensor, of this server or another.
func (s *server) sensor(id string) (sensocto.Sensor, bool) {
	sensor, ok := s.sensors.Sensor(id)
	if !ok && s.sharing != nil {
		return s.sharing.sync.Sensor(id)
	}
	return sensor, ok
}

var (
	errNoTicketRoom = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_room", Message: "there is no room with this id, or you are not in it"}
	errNoTickets    = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "your role in the room does not allow that: ask its owner"}
)

// entering returns the rights in a room of whoever may enter it.
func (s *sharing) entering(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomRights, error) {
	r, _, err := s.rights.Room(ctx, id, roomID)
	if sensocto.ErrorCode(err) == sensocto.CodeNotFound || (err == nil && !r.Enter) {
		err = errNoTicketRoom
	}
	return r, err
}

// inviting checks that somebody may invite into a room.
func (s *sharing) inviting(ctx context.Context, id sensocto.Identity, roomID string) error {
	r, err := s.entering(ctx, id, roomID)
	if err == nil && !r.Invite {
		err = errNoTickets
	}
	return err
}

// Ticket implements web.P2P.
func (s *sharing) Ticket(ctx context.Context, id sensocto.Identity, roomID string, role sensocto.Role) (string, error) {
	if err := s.inviting(ctx, id, roomID); err != nil {
		return "", err
	}
	t, err := s.sync.Ticket(ctx, roomID, role)
	if err != nil {
		return "", err
	}
	detail := "by a ticket, to read"
	if role != "" {
		detail = "by a ticket, as " + string(role)
	}
	s.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditInvited, ActorID: id.OwnerID, CredentialID: id.ID, RoomID: roomID, Detail: detail})
	return t.String(), nil
}

// Tickets implements web.P2P.
func (s *sharing) Tickets(ctx context.Context, id sensocto.Identity, roomID string) ([]sensocto.P2PTicket, error) {
	if err := s.inviting(ctx, id, roomID); err != nil {
		return nil, err
	}
	return s.sync.Tickets(ctx, roomID)
}

// EndTicket implements web.P2P.
func (s *sharing) EndTicket(ctx context.Context, id sensocto.Identity, roomID, ticketID string) error {
	if err := s.inviting(ctx, id, roomID); err != nil {
		return err
	}
	if err := s.sync.EndTicket(ctx, roomID, ticketID); err != nil {
		return err
	}
	s.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditWithdrawn, ActorID: id.OwnerID, CredentialID: id.ID, RoomID: roomID, Detail: "a ticket"})
	return nil
}

// moving checks that somebody may move a room: its owner, or an administrator where the
// owner is known to be at another server.
func (s *sharing) moving(ctx context.Context, id sensocto.Identity, roomID string) error {
	r, err := s.entering(ctx, id, roomID)
	if err != nil || r.Manage {
		return err
	}
	if !r.Role.AtLeast(sensocto.RoleAdmin) {
		return errNoTickets
	}
	here, err := s.sync.OwnedHere(ctx, roomID)
	if err == nil && here {
		err = errNoTickets
	}
	return err
}

// Move implements web.P2P.
func (s *sharing) Move(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.P2PRoom, error) {
	err := s.moving(ctx, id, roomID)
	if err == nil {
		err = s.sync.Move(ctx, roomID)
	}
	if err != nil {
		return sensocto.P2PRoom{}, err
	}
	s.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditWithdrawn, ActorID: id.OwnerID, CredentialID: id.ID, RoomID: roomID, Detail: "all tickets, by moving the room"})
	return s.sync.Room(ctx, roomID), nil
}

// Join implements web.P2P.
func (s *sharing) Join(ctx context.Context, id sensocto.Identity, ticket string) (string, error) {
	if id.UserID == "" {
		return "", &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "account_needed", Message: "rooms are for people with an account: sign in first"}
	}
	u, err := s.people.User(ctx, id.UserID)
	if err != nil {
		return "", err
	}
	if u.IsGuest {
		return "", &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "guest_account", Message: "a guest account ends after a day and brings no rooms here: sign up first"}
	}
	t, err := p2p.ParseTicket(ticket)
	if err != nil {
		return "", err
	}
	if _, busy := s.joining.LoadOrStore(id.UserID, true); busy {
		return "", &sensocto.Error{Code: sensocto.CodeConflict, Reason: "join_running", Message: "you are joining a room already: wait until that is through"}
	}
	defer s.joining.Delete(id.UserID)
	if err := s.sync.Join(ctx, id.UserID, t); err != nil {
		return "", err
	}
	s.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditMemberJoined, ActorID: id.OwnerID, CredentialID: id.ID, RoomID: t.Room, Detail: "by a ticket"})
	return t.Room, nil
}

// Room implements web.P2P.
func (s *sharing) Room(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.P2PRoom, error) {
	if _, err := s.entering(ctx, id, roomID); err != nil {
		return sensocto.P2PRoom{}, err
	}
	return s.sync.Room(ctx, roomID), nil
}

// Status implements web.P2P.
func (s *sharing) Status(ctx context.Context) sensocto.P2PStatus { return s.sync.Status(ctx) }

// web is what the API asks; nil where sharing is off.
func (s *sharing) web() web.P2P {
	if s == nil {
		return nil
	}
	return s
}
