package room

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// codeLife is how long a join code works.
const codeLife = 7 * 24 * time.Hour

// codeEncoding is Crockford's base 32: no I, L, O or U, which are read wrong.
var codeEncoding = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// renewCode gives the room another join code: 50 random bits. With the limit on
// attempts, guessing one of 10,000 rooms takes an address thousands of years.
func renewCode(room *sensocto.Room) {
	var b [7]byte
	rand.Read(b[:]) // never fails: the runtime aborts instead
	code := codeEncoding.EncodeToString(b[:])[:10]
	room.JoinCode, room.CodeExpiresAt = code[:5]+"-"+code[5:], now().Add(codeLife)
}

// normalizeCode returns a code as it is stored, however it was typed.
func normalizeCode(code string) string {
	code = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
	if len(code) != 10 {
		return ""
	}
	return code[:5] + "-" + code[5:]
}

var (
	errBadCode      = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "invalid_code", Message: "there is no room with this code, or the code has expired"}
	errNoCode       = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "no_code", Message: "the room's join code has expired: make another with POST /api/v1/rooms/{id}/code or 'sensocto room code --new'"}
	errOwnerStays   = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "owner_stays", Message: "the owner cannot leave: hand the room over or delete it"}
	errInvalidRole  = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_role", Message: "a role is one of guest, member, admin and owner"}
	errGuestAccount = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "guest_account", Message: "a guest account ends after a day: it can be guest or member of a room, not its owner or admin"}
	errNoMember     = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_member", Message: "the user is no member of the room"}
)

// codeWorks reports whether the room has a join code that has not expired.
func codeWorks(room sensocto.Room) bool {
	return room.JoinCode != "" && now().Before(room.CodeExpiresAt)
}

// JoinCode returns the code with which others join the room, to whoever may
// invite. It returns an error of code conflict where it has expired.
func (r *Rooms) JoinCode(ctx context.Context, id sensocto.Identity, roomID string) (string, error) {
	_, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Invite })
	switch {
	case err != nil:
		return "", err
	case !codeWorks(room):
		return "", errNoCode
	}
	return room.JoinCode, nil
}

// NewCode gives the room another join code; the one before ends.
func (r *Rooms) NewCode(ctx context.Context, id sensocto.Identity, roomID string) (code string, expires time.Time, err error) {
	_, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Invite })
	if err != nil {
		return "", time.Time{}, err
	}
	renewCode(&room)
	if room, err = r.store.UpdateRoom(ctx, room); sensocto.ErrorCode(err) == sensocto.CodeConflict {
		err = errChanged
	}
	if err == nil {
		r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditRoomChanged, UserID: room.OwnerID, RoomID: roomID, Detail: "join code"})
	}
	return room.JoinCode, room.CodeExpiresAt, err
}

// JoinByCode makes the user a member of the room with a join code. address is
// whom guesses are counted against.
func (r *Rooms) JoinByCode(ctx context.Context, id sensocto.Identity, code, address string) (sensocto.RoomView, error) {
	if id.UserID == "" {
		return sensocto.RoomView{}, errNoAccount
	}
	if err := r.options.Attempts.BeginAttempt("join code", id.UserID, address); err != nil {
		return sensocto.RoomView{}, err
	}
	room, err := r.store.RoomByCode(ctx, normalizeCode(code))
	if errors.Is(err, sensocto.ErrNotFound) || err == nil && !codeWorks(room) {
		err = errBadCode
	}
	if err != nil {
		return sensocto.RoomView{}, err
	}
	r.options.Attempts.AttemptSucceeded("join code", id.UserID, address)
	return r.admit(ctx, id, room)
}

// Join makes the user a member of a public room.
func (r *Rooms) Join(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomView, error) {
	if id.UserID == "" {
		return sensocto.RoomView{}, errNoAccount
	}
	rights, room, err := r.known(ctx, id, roomID)
	switch {
	case err != nil:
		return sensocto.RoomView{}, err
	case rights.Role != "":
		return r.Room(ctx, id, roomID) // joining twice changes nothing
	case !rights.Join:
		return sensocto.RoomView{}, errNoRight
	}
	return r.admit(ctx, id, room)
}

// admit makes the user a member, whose right to be one was checked. A member
// stays what it is.
func (r *Rooms) admit(ctx context.Context, id sensocto.Identity, room sensocto.Room) (sensocto.RoomView, error) {
	u, err := r.store.User(ctx, id.UserID)
	if err != nil {
		return sensocto.RoomView{}, err
	}
	m := sensocto.Member{RoomID: room.ID, UserID: id.UserID, Role: firstRole(u), JoinedAt: now()}
	err = r.store.AddMember(ctx, m, r.limits.Members)
	if sensocto.ErrorReason(err) == "already_member" {
		return r.Room(ctx, id, room.ID)
	}
	if err != nil {
		return sensocto.RoomView{}, err
	}
	r.joined(ctx, room, m)
	return r.Room(ctx, id, room.ID)
}

// firstRole is what a user becomes in a room where nobody said what: an account of
// a day may not take measurements away.
func firstRole(u sensocto.User) sensocto.Role {
	if u.IsGuest {
		return sensocto.RoleGuest
	}
	return sensocto.RoleMember
}

// mayBe returns an error where a user cannot have a role: guest accounts are
// erased after a day, and a room with its owner.
func mayBe(u sensocto.User, role sensocto.Role) error {
	if u.IsGuest && role.AtLeast(sensocto.RoleAdmin) {
		return errGuestAccount
	}
	return nil
}

// joined tells that somebody became a member.
func (r *Rooms) joined(ctx context.Context, room sensocto.Room, m sensocto.Member) {
	r.log.Info("member joined", "room", room.ID, "user", m.UserID, "role", m.Role)
	r.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditMemberJoined, ActorID: m.UserID, UserID: room.OwnerID, RoomID: room.ID, Detail: string(m.Role)})
	r.publish(sensocto.RoomTopic(room.ID), sensocto.EventMemberJoined, r.memberEvent(ctx, m, true))
	r.changed(ctx, room)
}

func (r *Rooms) memberEvent(ctx context.Context, m sensocto.Member, member bool) sensocto.MemberEvent {
	if m.Name == "" {
		if u, err := r.store.User(ctx, m.UserID); err == nil {
			m.Name = u.Name
		}
	}
	return sensocto.MemberEvent{RoomID: m.RoomID, UserID: m.UserID, Name: m.Name, Role: m.Role, Online: r.presence.online(m.RoomID, m.UserID), Member: member}
}

// Leave ends the user's membership. The owner hands the room over first.
func (r *Rooms) Leave(ctx context.Context, id sensocto.Identity, roomID string) error {
	rights, room, err := r.known(ctx, id, roomID)
	switch {
	case err != nil:
		return err
	case rights.Role == "":
		return errNoMember
	case rights.Role == sensocto.RoleOwner:
		return errOwnerStays
	}
	if err := r.remove(ctx, room, id.UserID, false); err != nil {
		return err
	}
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditMemberLeft, UserID: room.OwnerID, RoomID: roomID})
	return nil
}

// Remove kicks a member out, or bans any user: then they cannot come back.
func (r *Rooms) Remove(ctx context.Context, id sensocto.Identity, roomID, userID string, ban bool) error {
	rights, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Kick })
	if err != nil {
		return err
	}
	if userID == id.UserID {
		return errOwnerStays // whoever is to go should leave
	}
	m, err := r.store.Member(ctx, roomID, userID)
	switch {
	case errors.Is(err, sensocto.ErrNotFound) && ban:
	case errors.Is(err, sensocto.ErrNotFound):
		return errNoMember
	case err != nil:
		return err
	case m.Role.AtLeast(sensocto.RoleAdmin) && !rights.Manage:
		return errNoRight
	}
	if err := r.remove(ctx, room, userID, ban); err != nil {
		return err
	}
	action := sensocto.AuditMemberKicked
	if ban {
		action = sensocto.AuditMemberBanned
	}
	r.record(ctx, id, sensocto.AuditEvent{Action: action, UserID: userID, RoomID: roomID})
	if ban {
		err = r.withdrawAll(ctx, roomID, userID)
	}
	if m.UserID != "" { // who was no member need not learn of the room
		kind := map[bool]string{false: noteKicked, true: noteBanned}[ban]
		r.notify(ctx, userID, kind, map[string]any{"room_id": roomID, "room_name": room.Name, "by": id.UserID})
	}
	return err
}

// withdrawAll ends the invitations of a user into a room.
func (r *Rooms) withdrawAll(ctx context.Context, roomID, userID string) error {
	ids, err := r.store.WithdrawInvitations(ctx, roomID, userID)
	for _, id := range ids {
		r.publish(sensocto.UserTopic(userID), sensocto.EventInvitationEnded, sensocto.InvitationRef{ID: id, RoomID: roomID})
	}
	return err
}

// Bans returns up to limit bans behind a user's id, to whoever may kick.
func (r *Rooms) Bans(ctx context.Context, id sensocto.Identity, roomID, after string, limit int) ([]sensocto.BanView, error) {
	if _, _, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Kick }); err != nil {
		return nil, err
	}
	list, err := r.store.Bans(ctx, roomID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list bans: %w", err)
	}
	views := make([]sensocto.BanView, len(list))
	for i, b := range list {
		views[i] = b.View()
	}
	return views, nil
}

func (r *Rooms) remove(ctx context.Context, room sensocto.Room, userID string, ban bool) error {
	m, err := r.store.Member(ctx, room.ID, userID)
	if err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return err
	}
	was := err == nil
	before, err := r.store.Shares(ctx, room.ID)
	if err != nil {
		return fmt.Errorf("list sensors: %w", err)
	}
	if err := r.store.RemoveMember(ctx, room.ID, userID, ban, now()); err != nil {
		return err
	}
	r.log.Info("member removed", "room", room.ID, "user", userID, "ban", ban)
	for _, s := range before {
		if s.SharedBy == userID {
			r.unlisten(room.ID, s.SensorID)
			r.publish(sensocto.RoomTopic(room.ID), sensocto.EventSensorRemoved, sensocto.RoomSensorEvent{RoomID: room.ID, SensorID: s.SensorID})
		}
	}
	if was {
		r.publish(sensocto.RoomTopic(room.ID), sensocto.EventMemberLeft, r.memberEvent(ctx, m, false))
		r.changed(ctx, room)
	}
	return nil
}

// Unban lets a banned user come back.
func (r *Rooms) Unban(ctx context.Context, id sensocto.Identity, roomID, userID string) error {
	if _, _, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Kick }); err != nil {
		return err
	}
	if err := r.store.Unban(ctx, roomID, userID); err != nil {
		return err
	}
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditMemberUnbanned, UserID: userID, RoomID: roomID})
	return nil
}

// SetRole changes what a member is. Making somebody the owner hands the room
// over; the owner before is an administrator of the room then.
func (r *Rooms) SetRole(ctx context.Context, id sensocto.Identity, roomID, userID string, role sensocto.Role) error {
	rights, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Kick })
	if err != nil {
		return err
	}
	if !role.Valid() {
		return errInvalidRole
	}
	m, err := r.store.Member(ctx, roomID, userID)
	if errors.Is(err, sensocto.ErrNotFound) {
		return errNoMember
	} else if err != nil {
		return err
	}
	if (role.AtLeast(sensocto.RoleAdmin) || m.Role.AtLeast(sensocto.RoleAdmin)) && !rights.Manage {
		return errNoRight
	}
	u, err := r.store.User(ctx, userID)
	if err == nil {
		err = mayBe(u, role)
	}
	switch {
	case err != nil:
		return err
	case m.Role == role:
		return nil
	case m.Role == sensocto.RoleOwner:
		return errOwnerStays
	}
	if err := r.notices.take(id.UserID, userID, now()); err != nil {
		return err
	}
	if role == sensocto.RoleOwner {
		err = r.store.SetOwner(ctx, roomID, userID)
	} else {
		err = r.store.SetRole(ctx, roomID, userID, role)
	}
	if err != nil {
		return err
	}
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditRoleChanged, UserID: userID, RoomID: roomID, Detail: string(m.Role) + " to " + string(role)})
	data := map[string]any{"room_id": roomID, "room_name": room.Name, "role": role, "by": id.UserID}
	r.notify(ctx, userID, map[bool]string{false: noteRoleChanged, true: noteMadeOwner}[role == sensocto.RoleOwner], data)
	m.Role = role
	r.publish(sensocto.RoomTopic(roomID), sensocto.EventMemberJoined, r.memberEvent(ctx, m, true))
	if role == sensocto.RoleOwner {
		r.publishMember(ctx, roomID, room.OwnerID) // the previous owner's role changed as well
	}
	if room, err := r.store.Room(ctx, roomID); err == nil {
		r.changed(ctx, room)
	}
	return nil
}

// publishMember tells the room what a member is at present.
func (r *Rooms) publishMember(ctx context.Context, roomID, userID string) {
	m, err := r.store.Member(ctx, roomID, userID)
	if err != nil {
		r.log.Warn("publish member", "room", roomID, "user", userID, "err", err)
		return
	}
	r.publish(sensocto.RoomTopic(roomID), sensocto.EventMemberJoined, r.memberEvent(ctx, m, true))
}

// Members returns up to limit members behind a user's id, with who is there.
func (r *Rooms) Members(ctx context.Context, id sensocto.Identity, roomID, after string, limit int) ([]sensocto.MemberView, error) {
	if _, _, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Enter }); err != nil {
		return nil, err
	}
	return r.members(ctx, roomID, after, limit)
}

func (r *Rooms) members(ctx context.Context, roomID, after string, limit int) ([]sensocto.MemberView, error) {
	list, err := r.store.Members(ctx, roomID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	views := make([]sensocto.MemberView, len(list))
	for i, m := range list {
		views[i] = sensocto.MemberView{UserID: m.UserID, Name: m.Name, Role: m.Role, JoinedAt: m.JoinedAt, Online: r.presence.online(roomID, m.UserID)}
	}
	return views, nil
}

// State returns everything that a member sees of a room.
func (r *Rooms) State(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomState, error) {
	rights, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Enter })
	if err != nil {
		return sensocto.RoomState{}, err
	}
	view, err := r.view(ctx, room)
	if err != nil {
		return sensocto.RoomState{}, err
	}
	members, err := r.members(ctx, roomID, "", r.limits.Members)
	return sensocto.RoomState{RoomID: roomID, Room: forAsker(view, room, rights), Sensors: view.Sensors, Members: members,
		MemberCount: view.MemberCount, Settings: view.Settings}, err
}
