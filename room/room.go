package room

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/sensocto/sensocto"
)

// Store keeps rooms; *peopledb.DB is one.
type Store interface {
	InsertRoom(ctx context.Context, r sensocto.Room) error
	UpdateRoom(ctx context.Context, r sensocto.Room) (sensocto.Room, error)
	DeleteRoom(ctx context.Context, id string) error
	ForgetRoom(ctx context.Context, id string, members int) error
	SetOwner(ctx context.Context, roomID, userID string) error
	Room(ctx context.Context, id string) (sensocto.Room, error)
	RoomByCode(ctx context.Context, code string) (sensocto.Room, error)
	RoomsOf(ctx context.Context, userID, after string, limit int) ([]sensocto.Room, error)
	PublicRooms(ctx context.Context, after string, limit int) ([]sensocto.Room, error)
	OwnedRooms(ctx context.Context, userID string) (int, error)

	AddMember(ctx context.Context, m sensocto.Member, limit int) error
	SetRole(ctx context.Context, roomID, userID string, role sensocto.Role) error
	RemoveMember(ctx context.Context, roomID, userID string, ban bool, at time.Time) error
	Unban(ctx context.Context, roomID, userID string) error
	Bans(ctx context.Context, roomID, after string, limit int) ([]sensocto.Ban, error)
	Members(ctx context.Context, roomID, after string, limit int) ([]sensocto.Member, error)
	Member(ctx context.Context, roomID, userID string) (sensocto.Member, error)
	MemberCounts(ctx context.Context, roomIDs []string) (map[string]int, error)

	PutShare(ctx context.Context, s sensocto.Share, limit int) error
	RemoveShare(ctx context.Context, roomID, sensorID string) error
	RemoveTransientShares(ctx context.Context, sensorID string) error
	Shares(ctx context.Context, roomID string) ([]sensocto.Share, error)
	SharesOf(ctx context.Context, roomIDs []string) (map[string][]sensocto.Share, error)
	SensorShares(ctx context.Context, sensorID string) ([]sensocto.Share, error)
	PutGrant(ctx context.Context, g sensocto.Grant) error
	RemoveGrant(ctx context.Context, sensorID, userID string) error
	Grants(ctx context.Context, sensorID string) ([]sensocto.Grant, error)

	InsertInvitation(ctx context.Context, i sensocto.Invitation) error
	InvitationCount(ctx context.Context, roomID string, at time.Time) (int, error)
	Invitation(ctx context.Context, id string) (sensocto.Invitation, error)
	Invitations(ctx context.Context, userID, email string, at time.Time) ([]sensocto.Invitation, error)
	DeleteInvitation(ctx context.Context, id string) error
	AcceptInvitation(ctx context.Context, id string, m sensocto.Member, limit int) (unbanned bool, err error)
	RoomInvitations(ctx context.Context, roomID, after string, limit int, at time.Time) ([]sensocto.Invitation, error)
	WithdrawInvitations(ctx context.Context, roomID, userID string) (ids []string, err error)

	InsertRecording(ctx context.Context, r sensocto.RoomRecording, limit int) error
	EndRecording(ctx context.Context, roomID, id string, at time.Time) error
	AddRecorded(ctx context.Context, roomID, sensorID string) error
	DeleteRecording(ctx context.Context, roomID, id string) error
	Recording(ctx context.Context, roomID, id string) (sensocto.RoomRecording, error)
	Recordings(ctx context.Context, roomID, before string, limit int) ([]sensocto.RoomRecording, error)
	ActiveRecordings(ctx context.Context) ([]sensocto.RoomRecording, error)

	InsertNotification(ctx context.Context, n sensocto.Notification, keep int) error
	InsertNotifications(ctx context.Context, all []sensocto.Notification, keep int) error
	Notifications(ctx context.Context, userID, before string, limit int) ([]sensocto.Notification, error)
	ReadNotification(ctx context.Context, userID, id string, at time.Time) error

	User(ctx context.Context, id string) (sensocto.User, error)
	UserByEmail(ctx context.Context, email string) (sensocto.User, error)
}

// Rights decides who may do what; *rights.Rights does.
type Rights interface {
	Sensor(ctx context.Context, id sensocto.Identity, sensorID string) (sensocto.SensorRights, error)
	Room(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomRights, sensocto.Room, error)
	RoomRights(ctx context.Context, id sensocto.Identity, room sensocto.Room) (sensocto.RoomRights, error)
}

// Attempts limits the guessing of join codes; *account.Accounts does.
type Attempts interface {
	BeginAttempt(what, who, address string) error
	AttemptSucceeded(what, who, address string)
}

// Limits bound what people may make. Zero values stand for the defaults.
type Limits struct {
	RoomsOfUser   int // rooms that one user owns; default 100
	Members       int // of a room; default 1,000
	Sensors       int // in a room; default 200
	Notifications int // kept of a user; default 500
	Invitations   int // into a room, that wait for an answer; default 500
	Grants        int // to a sensor; default 1,000
	Recordings    int // of a room; default 1,000
}

func (l Limits) withDefaults() Limits {
	return Limits{cmp.Or(l.RoomsOfUser, 100), cmp.Or(l.Members, 1_000), cmp.Or(l.Sensors, 200), cmp.Or(l.Notifications, 500),
		cmp.Or(l.Invitations, 500), cmp.Or(l.Grants, 1_000), cmp.Or(l.Recordings, 1_000)}
}

// Options are what New needs. All but Listen, Limits and Log are required.
type Options struct {
	Store    Store
	Rights   Rights
	Attempts Attempts
	// Sensor returns what is known of a sensor.
	Sensor func(id string) (sensocto.Sensor, bool)
	PubSub sensocto.PubSub
	// Listen asks the device of a sensor for more while a room records; by default
	// nothing is asked.
	Listen func(sensorID string, d sensocto.Demand) (stop func())
	// Audit is told who changes who sees what; nil discards it.
	Audit  sensocto.Auditor
	Limits Limits
	Log    *slog.Logger
}

// Rooms is safe for concurrent use.
type Rooms struct {
	options  Options
	store    Store
	rights   Rights
	limits   Limits
	log      *slog.Logger
	audit    sensocto.Auditor
	presence presence
	notices  noticeLimit

	recorders recorders
}

// New returns Rooms on a store. It starts nothing: see Run.
func New(o Options) *Rooms {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Listen == nil {
		o.Listen = func(string, sensocto.Demand) func() { return func() {} }
	}
	if o.Audit == nil {
		o.Audit = sensocto.NoAudit{}
	}
	return &Rooms{recorders: recorders{rooms: map[string]map[string]func(){}}, options: o, store: o.Store, rights: o.Rights, limits: o.Limits.withDefaults(), log: o.Log, audit: o.Audit,
		presence: presence{rooms: map[string]map[string]int{}}}
}

// Bounds of what people write.
const (
	maxDescriptionRunes = 1000
	maxSettingsBytes    = 16 << 10
)

var (
	errNoAccount = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "account_needed", Message: "rooms are for people with an account: sign in first"}
	errNoRoom    = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_room", Message: "there is no room with this id, or you are not in it"}
	errNoRight   = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "your role in the room does not allow that: ask its owner"}
	errTooMany   = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_rooms", Message: "you own as many rooms as the server allows: delete one first"}
	errChanged   = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "version_mismatch", Message: "somebody else has changed the room: read it again, and try with its present version"}
)

// Create makes a room that the user owns. It returns errors of code invalid,
// unauthorized and rate_limited.
func (r *Rooms) Create(ctx context.Context, id sensocto.Identity, d sensocto.RoomDraft) (sensocto.RoomView, error) {
	if id.UserID == "" {
		return sensocto.RoomView{}, errNoAccount
	}
	room := sensocto.Room{ID: newID(), Name: d.Name, Description: d.Description, IsPublic: d.IsPublic, Settings: d.Settings,
		OwnerID: id.UserID, CreatedAt: now(), Version: 1}
	if err := check(&room); err != nil {
		return sensocto.RoomView{}, err
	}
	u, err := r.store.User(ctx, id.UserID)
	if err == nil {
		err = mayBe(u, sensocto.RoleOwner)
	}
	if err != nil {
		return sensocto.RoomView{}, err
	}
	owned, err := r.store.OwnedRooms(ctx, id.UserID)
	if err == nil && owned >= r.limits.RoomsOfUser {
		err = errTooMany
	}
	if err != nil {
		return sensocto.RoomView{}, err
	}
	renewCode(&room)
	if err := r.store.InsertRoom(ctx, room); err != nil {
		return sensocto.RoomView{}, fmt.Errorf("store room: %w", err)
	}
	r.log.Info("room created", "room", room.ID, "user", id.UserID)
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditRoomCreated, RoomID: room.ID, Detail: room.Name})
	view, err := r.view(ctx, room)
	if err != nil {
		return view, err
	}
	r.publish(sensocto.TopicRoomsUpdates, sensocto.EventRoomCreated, view)
	rights, err := r.rights.RoomRights(ctx, id, room)
	return forAsker(view, room, rights), err
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// now is the present, as exactly as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// check returns everything that is wrong with what people wrote, and brings the settings
// into their shortest form.
func check(room *sensocto.Room) error {
	wrong := []error{sensocto.CheckName(room.Name)}
	control := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }
	if utf8.RuneCountInString(room.Description) > maxDescriptionRunes || !utf8.ValidString(room.Description) || strings.ContainsFunc(room.Description, control) {
		wrong = append(wrong, &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_description", Message: fmt.Sprintf("a description has at most %d printable characters", maxDescriptionRunes)})
	}
	if len(room.Settings) == 0 {
		room.Settings = json.RawMessage("{}")
	}
	var compact bytes.Buffer
	if len(room.Settings) > maxSettingsBytes || json.Compact(&compact, room.Settings) != nil || compact.Bytes()[0] != '{' {
		wrong = append(wrong, &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_settings", Message: fmt.Sprintf("settings are a JSON object of at most %d bytes", maxSettingsBytes)})
	}
	room.Settings = compact.Bytes()
	return errors.Join(wrong...)
}

// enter returns a room if the identity has a right in it, which allowed tells.
// A room that the identity may not see is not found.
func (r *Rooms) enter(ctx context.Context, id sensocto.Identity, roomID string, allowed func(sensocto.RoomRights) bool) (sensocto.RoomRights, sensocto.Room, error) {
	rights, room, err := r.known(ctx, id, roomID)
	if err == nil && !allowed(rights) {
		err = errNoRight
	}
	return rights, room, err
}

// known returns a room that the identity may see, and what it may do there.
func (r *Rooms) known(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomRights, sensocto.Room, error) {
	rights, room, err := r.rights.Room(ctx, id, roomID)
	if errors.Is(err, sensocto.ErrNotFound) {
		err = errNoRoom
	}
	return rights, room, err
}

// Room returns a room as the identity sees it.
func (r *Rooms) Room(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomView, error) {
	rights, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.See })
	if err != nil {
		return sensocto.RoomView{}, err
	}
	view, err := r.view(ctx, room)
	return forAsker(view, room, rights), err
}

// view returns a room as its members see it.
func (r *Rooms) view(ctx context.Context, room sensocto.Room) (sensocto.RoomView, error) {
	views, err := r.views(ctx, []sensocto.Room{room})
	if err != nil {
		return sensocto.RoomView{}, err
	}
	return views[0], nil
}

// views returns rooms as their members see them, in as many queries as for one.
func (r *Rooms) views(ctx context.Context, rooms []sensocto.Room) ([]sensocto.RoomView, error) {
	ids := make([]string, len(rooms))
	for i, room := range rooms {
		ids[i] = room.ID
	}
	members, err := r.store.MemberCounts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("count members: %w", err)
	}
	shares, err := r.store.SharesOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("list sensors: %w", err)
	}
	views := make([]sensocto.RoomView, len(rooms))
	for i, room := range rooms {
		v := sensocto.RoomView{ID: room.ID, Name: room.Name, Description: room.Description, OwnerID: room.OwnerID, IsPublic: room.IsPublic,
			CreatedAt: room.CreatedAt, Settings: room.Settings, Version: room.Version, MemberCount: members[room.ID], Sensors: []sensocto.Sensor{}}
		for _, s := range shares[room.ID] {
			v.Sensors = append(v.Sensors, r.sensor(s))
		}
		views[i] = v
	}
	return views, nil
}

// sensor returns a shared sensor as all see it who are in the room.
func (r *Rooms) sensor(share sensocto.Share) sensocto.Sensor {
	s, ok := r.options.Sensor(share.SensorID)
	switch {
	case !ok:
		s = sensocto.UnknownSensor(share.SensorID)
	case !share.AllHistory:
		s = s.Since(share.SharedAt)
	}
	s.SharedBy = share.SharedBy
	return s
}

// forAsker adds to a view what depends on who asks. Who is no member sees
// neither sensors nor settings; only who may invite sees the join code.
func forAsker(v sensocto.RoomView, room sensocto.Room, rights sensocto.RoomRights) sensocto.RoomView {
	if rights.Role == "" {
		v.Sensors, v.Settings = []sensocto.Sensor{}, json.RawMessage("{}")
		return v
	}
	v.Role = &rights.Role
	if rights.Invite && codeWorks(room) {
		v.JoinCode, v.CodeExpiresAt = room.JoinCode, &room.CodeExpiresAt
	}
	return v
}

// List returns up to limit rooms behind an id: the identity's own, or public ones.
func (r *Rooms) List(ctx context.Context, id sensocto.Identity, public bool, after string, limit int) ([]sensocto.RoomView, error) {
	if id.UserID == "" {
		return nil, errNoAccount
	}
	var rooms []sensocto.Room
	var err error
	if public {
		rooms, err = r.store.PublicRooms(ctx, after, limit)
	} else {
		rooms, err = r.store.RoomsOf(ctx, id.UserID, after, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("list rooms: %w", err)
	}
	views, err := r.views(ctx, rooms)
	if err != nil {
		return nil, err
	}
	for i, room := range rooms {
		rights, err := r.rights.RoomRights(ctx, id, room)
		if err != nil {
			return nil, err
		}
		views[i] = forAsker(views[i], room, rights)
	}
	return views, nil
}

// Update changes a room whose version is still the given one; 0 means whatever
// it is. It returns an error of code conflict and reason version_mismatch where
// somebody else was quicker.
func (r *Rooms) Update(ctx context.Context, id sensocto.Identity, roomID string, version int64, p sensocto.RoomPatch) (sensocto.RoomView, error) {
	rights, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Edit })
	if err != nil {
		return sensocto.RoomView{}, err
	}
	if version != 0 && version != room.Version {
		return sensocto.RoomView{}, errChanged
	}
	if p.Name != nil {
		room.Name = *p.Name
	}
	if p.Description != nil {
		room.Description = *p.Description
	}
	if p.IsPublic != nil {
		room.IsPublic = *p.IsPublic
	}
	if p.Settings != nil {
		room.Settings = p.Settings
	}
	if err := check(&room); err != nil {
		return sensocto.RoomView{}, err
	}
	view, err := r.save(ctx, room, rights)
	if err == nil {
		r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditRoomChanged, UserID: room.OwnerID, RoomID: roomID, Detail: patched(p)})
	}
	return view, err
}

// patched names what a patch changes, without what it says: whether a room is
// public decides who may enter.
func patched(p sensocto.RoomPatch) string {
	var names []string
	if p.Name != nil {
		names = append(names, "name")
	}
	if p.Description != nil {
		names = append(names, "description")
	}
	if p.IsPublic != nil {
		names = append(names, map[bool]string{true: "public", false: "not public"}[*p.IsPublic])
	}
	if p.Settings != nil {
		names = append(names, "settings")
	}
	return strings.Join(names, ", ")
}

// save stores a changed room and tells those who see it.
func (r *Rooms) save(ctx context.Context, room sensocto.Room, rights sensocto.RoomRights) (sensocto.RoomView, error) {
	room, err := r.store.UpdateRoom(ctx, room)
	if sensocto.ErrorCode(err) == sensocto.CodeConflict {
		err = errChanged
	}
	if err != nil {
		return sensocto.RoomView{}, err
	}
	view, err := r.view(ctx, room)
	if err == nil {
		r.publish(sensocto.RoomTopic(room.ID), sensocto.EventSettingsUpdated, view)
		r.publish(sensocto.TopicRoomsUpdates, sensocto.EventRoomUpdated, view)
	}
	return forAsker(view, room, rights), err
}

// Delete removes a room. Its channels hear room_closed, and end.
func (r *Rooms) Delete(ctx context.Context, id sensocto.Identity, roomID string) error {
	_, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Delete })
	if err != nil {
		return err
	}
	if err := r.erase(ctx, room, id.UserID); err != nil {
		return err
	}
	r.log.Info("room deleted", "room", roomID, "user", id.UserID)
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditRoomDeleted, UserID: room.OwnerID, RoomID: roomID, Detail: room.Name})
	return nil
}

// Erase is Delete for the server itself, which asks for no right: the owner is
// being erased.
func (r *Rooms) Erase(ctx context.Context, roomID string) error {
	room, err := r.store.Room(ctx, roomID)
	if err != nil {
		return err
	}
	return r.erase(ctx, room, room.OwnerID)
}

// erase removes a room, and tells its members and those invited, but not the user
// by whom it is deleted.
func (r *Rooms) erase(ctx context.Context, room sensocto.Room, by string) error {
	roomID := room.ID
	members, err := r.store.Members(ctx, roomID, "", r.limits.Members)
	if err != nil {
		return fmt.Errorf("list members: %w", err)
	}
	invitations, err := r.store.RoomInvitations(ctx, roomID, "", r.limits.Invitations, now())
	if err != nil {
		return fmt.Errorf("list invitations: %w", err)
	}
	// The last event goes first: with the room the right to hear of it ends.
	ref := sensocto.RoomRef{RoomID: roomID, ID: roomID}
	r.publish(sensocto.RoomTopic(roomID), sensocto.EventRoomClosed, ref)
	r.publish(sensocto.TopicRoomsUpdates, sensocto.EventRoomDeleted, ref)
	if err := r.store.DeleteRoom(ctx, roomID); err != nil {
		return err
	}
	r.erased(ctx, roomID, invitations)
	r.notifyMembers(ctx, members, by, noteRoomDeleted, map[string]any{"room_id": roomID, "room_name": room.Name, "by": by})
	return nil
}

// erased ends what waits for a room that is gone.
func (r *Rooms) erased(ctx context.Context, roomID string, invitations []sensocto.Invitation) {
	r.unlisten(roomID, "")
	for _, i := range invitations {
		r.invitationEnded(ctx, i)
	}
}

// changed tells those who see the room that its card is different: how many
// members or which sensors it has.
func (r *Rooms) changed(ctx context.Context, room sensocto.Room) {
	if !r.options.PubSub.Subscribed(sensocto.TopicRoomsUpdates) {
		return
	}
	view, err := r.view(ctx, room)
	if err != nil {
		r.log.Warn("a change of a room was not announced", "room", room.ID, "err", err)
		return
	}
	r.publish(sensocto.TopicRoomsUpdates, sensocto.EventRoomUpdated, view)
}

// record notes in the audit log what the identity did.
func (r *Rooms) record(ctx context.Context, id sensocto.Identity, e sensocto.AuditEvent) {
	e.ActorID, e.CredentialID = id.OwnerID, id.ID
	r.audit.Record(ctx, e)
}

func (r *Rooms) publish(topic, event string, payload any) {
	r.options.PubSub.Publish(&sensocto.Message{Topic: topic, Event: event, Payload: payload})
}
