package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

func (s *server) registerInvitations() {
	const tag = "Rooms"
	op := s.personal("invite", http.MethodPost, "/rooms/{id}/invitations", person, tag, "Invite a user or an address into a room")
	op.Description = "An address gets a mail. Where this server sends none, `mailed` is false and `join_link` is to be passed on; whoever has confirmed the address finds the invitation among their own. " +
		"Guest accounts are invited as guests, unless `role` is member. A ban of before the invitation ends when it is accepted."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.invite)
	huma.Register(s.api, s.personal("list-room-invitations", http.MethodGet, "/rooms/{id}/invitations", person, tag, "List the invitations into a room that wait for an answer"), s.listRoomInvitations)
	op = s.personal("withdraw-invitation", http.MethodDelete, "/rooms/{id}/invitations/{invitation_id}", person, tag, "Withdraw an invitation")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.withdrawInvitation)
	huma.Register(s.api, s.personal("list-invitations", http.MethodGet, "/invitations", person, tag, "What one was invited to"), s.listInvitations)
	op = s.personal("accept-invitation", http.MethodPost, "/invitations/{id}/accept", person, tag, "Accept an invitation")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.acceptInvitation)
	op = s.personal("decline-invitation", http.MethodPost, "/invitations/{id}/decline", person, tag, "Decline an invitation")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.declineInvitation)

	huma.Register(s.api, s.personal("list-notifications", http.MethodGet, "/notifications", person, "People", "One's notifications, the newest first"), s.listNotifications)
	op = s.personal("read-notification", http.MethodPost, "/notifications/{id}/read", person, "People", "Note that a notification was read")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.readNotification)
}

type inviteInput struct {
	RoomPath
	Body struct {
		UserID string        `json:"user_id,omitempty" maxLength:"64"`
		Email  string        `json:"email,omitempty" maxLength:"254"`
		Role   sensocto.Role `json:"role,omitempty" enum:"guest,member,admin"`
	}
}

type invitationAnswer struct {
	Body struct {
		sensocto.InvitationView
		Mailed   *bool  `json:"mailed,omitempty" doc:"Whether a mail is on its way; only where an address was invited."`
		JoinLink string `json:"join_link,omitempty" doc:"Where no mail is sent: the link to pass on. Missing where the room's join code has expired."`
	}
}

func (s *server) invite(ctx context.Context, in *inviteInput) (*invitationAnswer, error) {
	i, err := s.Rooms.Invite(ctx, identityOf(ctx), in.RoomID, in.Body.UserID, in.Body.Email, in.Body.Role)
	if err != nil {
		return nil, s.personalProblem(err, "invite somebody")
	}
	if err := s.mailInvitation(ctx, i); err != nil {
		return nil, err
	}
	var out invitationAnswer
	out.Body.InvitationView = i.View()
	if i.Email == "" {
		return &out, nil
	}
	mailed := s.Accounts.SendsMail()
	out.Body.Mailed = &mailed
	if mailed {
		return &out, nil
	}
	switch code, err := s.Rooms.JoinCode(ctx, identityOf(ctx), in.RoomID); {
	case err == nil:
		out.Body.JoinLink = s.joinLink(code)
	case sensocto.ErrorReason(err) != "no_code":
		return nil, s.personalProblem(err, "invite somebody")
	}
	return &out, nil
}

type listRoomInvitationsInput struct {
	RoomPath
	PageQuery
}

type roomInvitationsAnswer struct {
	Body struct {
		Invitations []sensocto.InvitationView `json:"invitations" nullable:"false"`
		Next        string                    `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

func (s *server) listRoomInvitations(ctx context.Context, in *listRoomInvitationsInput) (*roomInvitationsAnswer, error) {
	list, err := s.Rooms.RoomInvitations(ctx, identityOf(ctx), in.RoomID, in.After, in.Limit)
	if err != nil {
		return nil, s.personalProblem(err, "list invitations")
	}
	var out roomInvitationsAnswer
	out.Body.Invitations, out.Body.Next = list, next(list, in.Limit, func(i sensocto.InvitationView) string { return i.ID })
	return &out, nil
}

type withdrawInput struct {
	RoomPath
	InvitationID string `path:"invitation_id" maxLength:"64" doc:"The invitation's id."`
}

func (s *server) withdrawInvitation(ctx context.Context, in *withdrawInput) (*empty, error) {
	return s.done(s.Rooms.Withdraw(ctx, identityOf(ctx), in.RoomID, in.InvitationID), "withdraw an invitation")
}

type invitationsAnswer struct {
	Body struct {
		Page
		Invitations []sensocto.InvitationView `json:"invitations" nullable:"false"`
	}
}

func (s *server) listInvitations(ctx context.Context, in *PageQuery) (*invitationsAnswer, error) {
	list, err := s.Rooms.Invitations(ctx, identityOf(ctx))
	if err != nil {
		return nil, s.personalProblem(err, "list invitations")
	}
	var out invitationsAnswer
	out.Body.Invitations, out.Body.Page = pageOf(list, in, func(i sensocto.InvitationView) string { return cursorOf(i.CreatedAt, i.ID) })
	return &out, nil
}

// InvitationPath is an invitation in the path.
type InvitationPath struct {
	InvitationID string `path:"id" maxLength:"64" doc:"The invitation's id."`
}

func (s *server) acceptInvitation(ctx context.Context, in *InvitationPath) (*roomAnswer, error) {
	v, err := s.Rooms.Accept(ctx, identityOf(ctx), in.InvitationID)
	return s.roomAnswer(v, err, "accept an invitation")
}

func (s *server) declineInvitation(ctx context.Context, in *InvitationPath) (*empty, error) {
	return s.done(s.Rooms.Decline(ctx, identityOf(ctx), in.InvitationID), "decline an invitation")
}

type notificationsAnswer struct {
	Body struct {
		Notifications []sensocto.NotificationView `json:"notifications" nullable:"false"`
		Next          string                      `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

func (s *server) listNotifications(ctx context.Context, in *BackQuery) (*notificationsAnswer, error) {
	list, err := s.Rooms.Notifications(ctx, identityOf(ctx), in.Before, in.Limit)
	if err != nil {
		return nil, s.personalProblem(err, "list notifications")
	}
	var out notificationsAnswer
	out.Body.Notifications, out.Body.Next = list, next(list, in.Limit, func(n sensocto.NotificationView) string { return n.ID })
	return &out, nil
}

// NotificationPath is a notification in the path.
type NotificationPath struct {
	NotificationID string `path:"id" maxLength:"64" doc:"The notification's id."`
}

func (s *server) readNotification(ctx context.Context, in *NotificationPath) (*empty, error) {
	return s.done(s.Rooms.ReadNotification(ctx, identityOf(ctx), in.NotificationID), "read a notification")
}
