package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

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
	errNoTickets    = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "your role in the room does not allow that"}
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

type p2pCmd struct {
	Status p2pStatusCmd `cmd:"" help:"Show how rooms are shared with other servers."`
}

// Help is shown by --help.
func (p2pCmd) Help() string {
	return `Servers share rooms directly, without a server in common: switch it on with --p2p-listen
of 'sensocto serve', make a ticket with 'sensocto room ticket', and join with
'sensocto room join TICKET' at the other server.

Example:
  sensocto p2p status
`
}

type p2pStatusCmd struct{ remoteFlags }

// Run prints the endpoint, and a row for each room.
func (c p2pStatusCmd) Run(a *app) error {
	var s sensocto.P2PStatus
	if err := c.ask(a, http.MethodGet, "/p2p", nil, &s); err != nil {
		return err
	}
	if !s.Running {
		fmt.Fprintf(a.stdout, "not running: %s\n", s.Problem)
	} else {
		fmt.Fprintf(a.stdout, "endpoint %s, relay %s, %d peers, %d restarts, %d bytes sent, %d received\n", s.Endpoint, orDash(s.Relay), len(s.Peers), s.Restarts, s.Sent, s.Received)
	}
	if len(s.Rooms) == 0 {
		fmt.Fprintln(a.stdout, "No room is shared: 'sensocto room ticket ROOM' makes a ticket for one.")
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ROOM\tPEERS\tSYNCED\tPENDING\tLAG\tRETRIES\tMISSING\tREFUSED\tPROBLEM")
	for _, r := range s.Rooms {
		var peers []string
		for _, p := range r.Peers {
			peers = append(peers, strings.Join(append(p.Names, p.Endpoint[:min(8, len(p.Endpoint))], p.Path), " "))
		}
		synced, refused := "never", 0
		if r.SyncedAt != nil {
			synced = r.SyncedAt.Format("2006-01-02 15:04:05")
		}
		for _, n := range r.Refused {
			refused += n
		}
		problem := r.Problem
		if r.Flooded {
			problem = "flooded: somebody writes too much"
		}
		switch {
		case problem != "":
		case r.Moved:
			problem = "moved: a new ticket leads there"
		case r.Following:
			problem = "moving"
		case r.Restored:
			problem = "restored: it may have moved since the backup"
		case len(r.Waiting) > 0:
			problem = "not followed yet: " + strings.Join(r.Waiting, ", ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%v\t%d\t%d\t%d\t%s\n", r.RoomID, orDash(strings.Join(peers, ", ")), synced, r.Pending, time.Duration(r.LagMS)*time.Millisecond, r.Retries, r.Missing, refused, orDash(problem))
	}
	return w.Flush()
}

type roomTicketCmd struct {
	roomFlags
	Role string `enum:"member,guest,reader" default:"member" help:"What its bearer becomes: member, guest or reader."`
}

// Run prints the ticket.
func (c roomTicketCmd) Run(a *app) error {
	var t struct{ Ticket string }
	err := c.ask(a, http.MethodPost, c.path("tickets"), map[string]string{"role": c.Role}, &t)
	if err == nil {
		fmt.Fprintln(a.stdout, t.Ticket)
	}
	return err
}

type roomMoveCmd struct {
	roomFlags
	Yes bool `help:"Required: tickets of before admit nobody any more."`
}

// Help is shown by --help.
func (roomMoveCmd) Help() string {
	return `Removing somebody from a room that servers share takes their rights, but their server can go on
reading what the room is called and who is in it: it has the secret of the room's document. This
command makes a new document, of which only the servers of the remaining members learn. They follow
by themselves, also those that are off now. All tickets of before end. It is for the room's owner,
at the server that made the room.

Example:
  sensocto room kick 0199f1c2-7a3e-7000-8000-5a1f00c0ffee 0199f1c2-9b21-7000-8000-00000000cafe
  sensocto room move 0199f1c2-7a3e-7000-8000-5a1f00c0ffee --yes`
}

// Run moves the room, and says who has not followed yet.
func (c roomMoveCmd) Run(a *app) error {
	if !c.Yes {
		return usagef("all tickets of the room would end: give --yes if you mean it")
	}
	var r sensocto.P2PRoom
	if err := c.ask(a, http.MethodPost, c.path("move"), nil, &r); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "The room has moved; no ticket of before admits anybody.")
	if len(r.Waiting) > 0 {
		fmt.Fprintf(a.stdout, "Their servers follow by themselves, once they are on: %s\n", strings.Join(r.Waiting, ", "))
	}
	return nil
}

type roomKeepCmd struct {
	roomFlags
	Off bool `help:"No longer store them; what is stored stays."`
}

// Help is shown by --help.
func (roomKeepCmd) Help() string {
	return `In a room that servers share, measurements of another server's sensor pass through this one only
while somebody watches, and are not stored. With this switch every server of the room stores what is
watched there. It is for administrators of the room.

Example:
  sensocto room keep 0199f1c2-7a3e-7000-8000-5a1f00c0ffee`
}

// Run changes the room's setting, and leaves the others as they are.
func (c roomKeepCmd) Run(a *app) error {
	var room struct {
		Settings map[string]json.RawMessage
		Version  int64
	}
	if err := c.ask(a, http.MethodGet, c.path(), nil, &room); err != nil {
		return err
	}
	settings := map[string]json.RawMessage{}
	maps.Copy(settings, room.Settings)
	settings[p2p.KeepSetting] = json.RawMessage("true")
	if c.Off {
		delete(settings, p2p.KeepSetting)
	}
	api := &apiClient{remoteFlags: c.remoteFlags, ifMatch: fmt.Sprintf("%q", strconv.FormatInt(room.Version, 10))}
	return api.call(a.ctx, http.MethodPatch, c.path(), map[string]any{"settings": settings}, nil)
}
