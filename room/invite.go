package room

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// invitationLife is how long an invitation waits for an answer.
const invitationLife = 14 * 24 * time.Hour

var errNoInvitation = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_invitation", Message: "there is no such invitation into the room: it was answered or withdrawn, or has expired"}

var errInvalidGuest = &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_invitation", Field: "user_id", Message: "say whom to invite: user_id or email"}

var errNoUser = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "no_user", Message: "there is no account with this id: say an e-mail address, or the id of another"}

// Invite asks a user, or whoever has an address, into a room. Whether an address
// belongs to an account is not told. It returns the invitation, which is to be
// mailed where it is for an address, and an error of code rate_limited for whoever
// invites the same person again and again.
func (r *Rooms) Invite(ctx context.Context, id sensocto.Identity, roomID, userID, email string, role sensocto.Role) (sensocto.Invitation, error) {
	rights, room, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Invite })
	if err != nil {
		return sensocto.Invitation{}, err
	}
	switch {
	case role != "" && !role.Valid() || role == sensocto.RoleOwner:
		return sensocto.Invitation{}, errInvalidRole
	case role == sensocto.RoleAdmin && !rights.Manage:
		return sensocto.Invitation{}, errNoRight
	case (userID == "") == (email == ""):
		return sensocto.Invitation{}, errInvalidGuest
	}
	i := sensocto.Invitation{ID: newID(), RoomID: roomID, RoomName: room.Name, UserID: userID, InvitedBy: id.UserID, CreatedAt: now(), ExpiresAt: now().Add(invitationLife)}
	u, err := r.invited(ctx, &i, email)
	if err == nil {
		err = mayBe(u, role)
	}
	if err != nil {
		return sensocto.Invitation{}, err
	}
	i.Role = cmp.Or(role, firstRole(u))
	if userID != "" {
		if _, err := r.store.Member(ctx, roomID, userID); err == nil {
			return sensocto.Invitation{}, &sensocto.Error{Code: sensocto.CodeConflict, Reason: "already_member", Message: u.Name + " is a member of the room already"}
		}
	}
	if u.AtOtherServer() {
		return sensocto.Invitation{}, &sensocto.Error{Code: sensocto.CodeConflict, Reason: "other_server", Field: "user_id",
			Message: u.Name + " is at another server and cannot accept an invitation here: give them a ticket, which 'sensocto room ticket " + roomID + "' makes at the server that made the room"}
	}
	if n, err := r.store.InvitationCount(ctx, roomID, now()); err != nil {
		return sensocto.Invitation{}, err
	} else if n >= r.limits.Invitations {
		return sensocto.Invitation{}, &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_invitations", Message: "as many invitations into the room wait for an answer as the server allows: use the join code"}
	}
	if err := r.notices.take(id.UserID, cmp.Or(i.UserID, i.Email), now()); err != nil {
		return sensocto.Invitation{}, err
	}
	again, err := r.isInvited(ctx, u, roomID)
	if err != nil {
		return sensocto.Invitation{}, err
	}
	if err := r.store.InsertInvitation(ctx, i); err != nil {
		return sensocto.Invitation{}, err
	}
	r.log.Info("invitation made", "room", roomID, "user", id.UserID)
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditInvited, UserID: i.UserID, RoomID: roomID, Detail: string(i.Role)})
	if u.ID != "" {
		r.publish(sensocto.UserTopic(u.ID), sensocto.EventInvitation, i.View())
	}
	if u.ID != "" && !again {
		r.notify(ctx, u.ID, noteInvitation, map[string]any{"invitation_id": i.ID, "room_id": roomID, "room_name": room.Name, "invited_by": id.UserID, "role": i.Role})
	}
	return i, nil
}

// isInvited reports whether a user has an invitation into the room already, by id
// or by address; nobody has none.
func (r *Rooms) isInvited(ctx context.Context, u sensocto.User, roomID string) (bool, error) {
	if u.ID == "" {
		return false, nil
	}
	waiting, err := r.store.Invitations(ctx, u.ID, u.ProvenEmail(), now())
	return slices.ContainsFunc(waiting, func(w sensocto.Invitation) bool { return w.RoomID == roomID }), err
}

// invited settles whom an invitation is for, and returns the user who has an
// account already, or nobody.
func (r *Rooms) invited(ctx context.Context, i *sensocto.Invitation, email string) (u sensocto.User, err error) {
	if i.UserID != "" {
		if u, err = r.store.User(ctx, i.UserID); errors.Is(err, sensocto.ErrNotFound) {
			err = errNoUser
		}
		return u, err
	}
	if i.Email, err = sensocto.NormalizeEmail(email); err != nil {
		return u, err
	}
	u, err = r.store.UserByEmail(ctx, i.Email)
	if errors.Is(err, sensocto.ErrNotFound) || err == nil && !u.EmailProven { // it may be another person who claims the address
		return sensocto.User{}, nil
	}
	return u, err
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
	return invitationViews(list), nil
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
	u, err := r.store.User(ctx, id.UserID)
	if err == nil {
		err = mayBe(u, i.Role)
	}
	if err != nil {
		return sensocto.RoomView{}, err
	}
	m := sensocto.Member{RoomID: i.RoomID, UserID: id.UserID, Role: i.Role, JoinedAt: now()}
	unbanned, err := r.store.AcceptInvitation(ctx, i.ID, m, r.limits.Members)
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
	if unbanned { // by whoever invited the user
		r.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditMemberUnbanned, ActorID: i.InvitedBy, UserID: id.UserID, RoomID: i.RoomID, Detail: "invitation"})
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

// RoomInvitations returns up to limit invitations into a room behind an id that
// wait for an answer, to whoever may invite.
func (r *Rooms) RoomInvitations(ctx context.Context, id sensocto.Identity, roomID, after string, limit int) ([]sensocto.InvitationView, error) {
	if _, _, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Invite }); err != nil {
		return nil, err
	}
	list, err := r.store.RoomInvitations(ctx, roomID, after, limit, now())
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return invitationViews(list), nil
}

// Withdraw ends an invitation into a room before it was answered.
func (r *Rooms) Withdraw(ctx context.Context, id sensocto.Identity, roomID, invitationID string) error {
	if _, _, err := r.enter(ctx, id, roomID, func(s sensocto.RoomRights) bool { return s.Invite }); err != nil {
		return err
	}
	i, err := r.store.Invitation(ctx, invitationID)
	if errors.Is(err, sensocto.ErrNotFound) || err == nil && i.RoomID != roomID {
		return errNoInvitation
	}
	if err == nil {
		err = r.store.DeleteInvitation(ctx, invitationID)
	}
	if err != nil {
		return err
	}
	r.log.Info("invitation withdrawn", "room", roomID, "user", id.UserID)
	r.record(ctx, id, sensocto.AuditEvent{Action: sensocto.AuditWithdrawn, UserID: i.UserID, RoomID: roomID})
	r.invitationEnded(ctx, i)
	return nil
}

// invitationEnded tells whoever was invited that the invitation is gone.
func (r *Rooms) invitationEnded(ctx context.Context, i sensocto.Invitation) {
	to := i.UserID
	if to == "" {
		if u, err := r.store.UserByEmail(ctx, i.Email); err == nil && u.EmailProven {
			to = u.ID
		}
	}
	if to != "" {
		r.publish(sensocto.UserTopic(to), sensocto.EventInvitationEnded, sensocto.InvitationRef{ID: i.ID, RoomID: i.RoomID})
	}
}

func invitationViews(list []sensocto.Invitation) []sensocto.InvitationView {
	views := make([]sensocto.InvitationView, len(list))
	for i, invitation := range list {
		views[i] = invitation.View()
	}
	return views
}
