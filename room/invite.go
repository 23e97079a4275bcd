package room

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// invitationLife is how long an invitation waits for an answer.
const invitationLife = 14 * 24 * time.Hour

var errInvalidGuest = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_invitation", Message: "say whom to invite: user_id or email"}

// Invite asks a user, or whoever has an address, into a room. Whether an address
// belongs to an account is not told. It returns the invitation, which is to be
// mailed where it is for an address.
func (r *Rooms) Invite(ctx context.Context, id sensocto.Identity, roomID, userID, email string, role sensocto.Role) (sensocto.Invitation, error) {
	rights, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Invite })
	if err != nil {
		return sensocto.Invitation{}, err
	}
	if role == "" {
		role = sensocto.RoleMember
	}
	switch {
	case !role.Valid() || role == sensocto.RoleOwner:
		return sensocto.Invitation{}, errInvalidRole
	case role == sensocto.RoleAdmin && !rights.Manage:
		return sensocto.Invitation{}, errNoRight
	case (userID == "") == (email == ""):
		return sensocto.Invitation{}, errInvalidGuest
	}
	i := sensocto.Invitation{ID: newID(), RoomID: roomID, RoomName: room.Name, UserID: userID, Role: role, InvitedBy: id.UserID, CreatedAt: now(), ExpiresAt: now().Add(invitationLife)}
	to, err := r.invited(ctx, &i, email)
	if err != nil {
		return sensocto.Invitation{}, err
	}
	if to != "" {
		if m, err := r.store.Member(ctx, roomID, to); err == nil && userID != "" {
			return sensocto.Invitation{}, &sensocto.Error{Code: sensocto.CodeConflict, Reason: "already_member", Message: m.Name + " is a member of the room already"}
		}
	}
	if n, err := r.store.InvitationCount(ctx, roomID); err != nil {
		return sensocto.Invitation{}, err
	} else if n >= r.limits.Invitations {
		return sensocto.Invitation{}, &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_invitations", Message: "as many invitations into the room wait for an answer as the server allows: use the join code"}
	}
	waiting, err := r.store.Invitations(ctx, i.UserID, i.Email, now())
	if err != nil {
		return sensocto.Invitation{}, err
	}
	again := slices.ContainsFunc(waiting, func(w sensocto.Invitation) bool { return w.RoomID == roomID })
	if err := r.store.InsertInvitation(ctx, i); err != nil {
		return sensocto.Invitation{}, err
	}
	r.log.Info("invitation made", "room", roomID, "user", id.UserID)
	if to != "" && !again {
		r.publish(sensocto.UserTopic(to), sensocto.EventInvitation, i.View())
		data := map[string]any{"invitation_id": i.ID, "room_id": roomID, "room_name": room.Name, "invited_by": id.UserID, "role": role}
		if err := r.Notify(ctx, to, "invitation", data); err != nil {
			r.log.Warn("an invitation was not announced", "user", to, "err", err)
		}
	}
	return i, nil
}

// invited settles whom an invitation is for, and returns the user who has an
// account already, or "".
func (r *Rooms) invited(ctx context.Context, i *sensocto.Invitation, email string) (userID string, err error) {
	if i.UserID != "" {
		u, err := r.store.User(ctx, i.UserID)
		return u.ID, err
	}
	if i.Email, err = sensocto.NormalizeEmail(email); err != nil {
		return "", err
	}
	u, err := r.store.UserByEmail(ctx, i.Email)
	if errors.Is(err, sensocto.ErrNotFound) || err == nil && !u.EmailProven { // it may be another person who claims the address
		return "", nil
	}
	return u.ID, err
}

// Invitations returns what the user was invited to and has not answered.
func (r *Rooms) Invitations(ctx context.Context, id sensocto.Identity) ([]sensocto.InvitationView, error) {
	u, err := r.asker(ctx, id)
	if err != nil {
		return nil, err
	}
	list, err := r.store.Invitations(ctx, u.ID, u.ProvenEmail(), now())
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	views := make([]sensocto.InvitationView, len(list))
	for i, invitation := range list {
		views[i] = invitation.View()
	}
	return views, nil
}

func (r *Rooms) asker(ctx context.Context, id sensocto.Identity) (sensocto.User, error) {
	if id.UserID == "" {
		return sensocto.User{}, errNoAccount
	}
	return r.store.User(ctx, id.UserID)
}

// own returns an invitation of the user that has not expired. Any other is not
// found.
func (r *Rooms) own(ctx context.Context, id sensocto.Identity, invitationID string) (sensocto.Invitation, error) {
	u, err := r.asker(ctx, id)
	if err != nil {
		return sensocto.Invitation{}, err
	}
	i, err := r.store.Invitation(ctx, invitationID)
	if err == nil && (i.UserID != u.ID && (i.Email == "" || i.Email != u.ProvenEmail()) || !now().Before(i.ExpiresAt)) {
		err = sensocto.ErrNotFound
	}
	return i, err
}

// Accept makes the user a member of the room of an invitation.
func (r *Rooms) Accept(ctx context.Context, id sensocto.Identity, invitationID string) (sensocto.RoomView, error) {
	i, err := r.own(ctx, id, invitationID)
	if err != nil {
		return sensocto.RoomView{}, err
	}
	m := sensocto.Member{RoomID: i.RoomID, UserID: id.UserID, Role: i.Role, JoinedAt: now()}
	err = r.store.AcceptInvitation(ctx, i.ID, m, r.limits.Members)
	if sensocto.ErrorReason(err) == "already_member" {
		if err := r.store.DeleteInvitation(ctx, i.ID); err != nil {
			return sensocto.RoomView{}, err
		}
		return r.Room(ctx, id, i.RoomID)
	}
	if err != nil {
		return sensocto.RoomView{}, err
	}
	room, err := r.store.Room(ctx, i.RoomID)
	if err != nil {
		return sensocto.RoomView{}, err
	}
	r.joined(ctx, room, m)
	return r.Room(ctx, id, i.RoomID)
}

// Decline removes an invitation of the user.
func (r *Rooms) Decline(ctx context.Context, id sensocto.Identity, invitationID string) error {
	i, err := r.own(ctx, id, invitationID)
	if err != nil {
		return err
	}
	return r.store.DeleteInvitation(ctx, i.ID)
}

// Notify keeps a notification for a user and sends it to where the user is.
// data is what has a JSON form that is an object.
func (r *Rooms) Notify(ctx context.Context, userID, kind string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return err
	}
	n := sensocto.Notification{ID: newID(), UserID: userID, Kind: kind, Data: raw, CreatedAt: now()}
	if err := r.store.InsertNotification(ctx, n, r.limits.Notifications); err != nil {
		return fmt.Errorf("store notification: %w", err)
	}
	r.publish(sensocto.UserTopic(userID), sensocto.EventNotification, n.View())
	return nil
}

// Notifications returns up to limit notifications of the user before an id, the
// newest first.
func (r *Rooms) Notifications(ctx context.Context, id sensocto.Identity, before string, limit int) ([]sensocto.NotificationView, error) {
	if id.UserID == "" {
		return nil, errNoAccount
	}
	list, err := r.store.Notifications(ctx, id.UserID, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	views := make([]sensocto.NotificationView, len(list))
	for i, n := range list {
		views[i] = n.View()
	}
	return views, nil
}

// ReadNotification notes that the user has read a notification.
func (r *Rooms) ReadNotification(ctx context.Context, id sensocto.Identity, notificationID string) error {
	if id.UserID == "" {
		return errNoAccount
	}
	return r.store.ReadNotification(ctx, id.UserID, notificationID, now())
}
