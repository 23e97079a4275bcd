package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// Rooms manages rooms and checks who may do what in them; *room.Rooms does.
type Rooms interface {
	Create(ctx context.Context, id sensocto.Identity, d sensocto.RoomDraft) (sensocto.RoomView, error)
	Room(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomView, error)
	List(ctx context.Context, id sensocto.Identity, public bool, after string, limit int) ([]sensocto.RoomView, error)
	Update(ctx context.Context, id sensocto.Identity, roomID string, version int64, p sensocto.RoomPatch) (sensocto.RoomView, error)
	Delete(ctx context.Context, id sensocto.Identity, roomID string) error
	JoinByCode(ctx context.Context, id sensocto.Identity, code, address string) (sensocto.RoomView, error)
	Join(ctx context.Context, id sensocto.Identity, roomID string) (sensocto.RoomView, error)
	Leave(ctx context.Context, id sensocto.Identity, roomID string) error
	JoinCode(ctx context.Context, id sensocto.Identity, roomID string) (string, error)
	NewCode(ctx context.Context, id sensocto.Identity, roomID string) (code string, expires time.Time, err error)

	Members(ctx context.Context, id sensocto.Identity, roomID, after string, limit int) ([]sensocto.MemberView, error)
	SetRole(ctx context.Context, id sensocto.Identity, roomID, userID string, role sensocto.Role) error
	Remove(ctx context.Context, id sensocto.Identity, roomID, userID string, ban bool) error
	Bans(ctx context.Context, id sensocto.Identity, roomID, after string, limit int) ([]sensocto.BanView, error)
	Unban(ctx context.Context, id sensocto.Identity, roomID, userID string) error
	Share(ctx context.Context, id sensocto.Identity, roomID, sensorID string, t sensocto.ShareTerms) error
	Unshare(ctx context.Context, id sensocto.Identity, roomID, sensorID string) error

	StartRecording(ctx context.Context, id sensocto.Identity, roomID, name string) (sensocto.RoomRecording, error)
	StopRecording(ctx context.Context, id sensocto.Identity, roomID, recordingID string) (sensocto.RoomRecording, error)
	Recordings(ctx context.Context, id sensocto.Identity, roomID, before string, limit int) ([]sensocto.RoomRecording, error)
	Recording(ctx context.Context, id sensocto.Identity, roomID, recordingID string) (sensocto.RoomRecording, error)
	DeleteRecording(ctx context.Context, id sensocto.Identity, roomID, recordingID string) error

	Grant(ctx context.Context, id sensocto.Identity, sensorID, userID string, t sensocto.ShareTerms) error
	Revoke(ctx context.Context, id sensocto.Identity, sensorID, userID string) error
	Shared(ctx context.Context, id sensocto.Identity, sensorID string) ([]sensocto.Grant, []sensocto.Share, error)

	Invite(ctx context.Context, id sensocto.Identity, roomID, userID, email string, role sensocto.Role) (sensocto.Invitation, error)
	RoomInvitations(ctx context.Context, id sensocto.Identity, roomID, after string, limit int) ([]sensocto.InvitationView, error)
	Withdraw(ctx context.Context, id sensocto.Identity, roomID, invitationID string) error
	Invitations(ctx context.Context, id sensocto.Identity) ([]sensocto.InvitationView, error)
	Accept(ctx context.Context, id sensocto.Identity, invitationID string) (sensocto.RoomView, error)
	Decline(ctx context.Context, id sensocto.Identity, invitationID string) error
	Notifications(ctx context.Context, id sensocto.Identity, before string, limit int) ([]sensocto.NotificationView, error)
	TakeNotice(by, userID string) error
	Notify(ctx context.Context, userID, kind string, data any) error
	ReadNotification(ctx context.Context, id sensocto.Identity, notificationID string) error
}

func (s *server) registerRooms() {
	const tag = "Rooms"
	huma.Register(s.api, s.personal("list-rooms", http.MethodGet, "/rooms", person, tag, "List one's rooms, or public ones"), s.listRooms)
	op := s.personal("create-room", http.MethodPost, "/rooms", person, tag, "Make a room")
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.createRoom)
	huma.Register(s.api, s.personal("get-room", http.MethodGet, "/rooms/{id}", person, tag, "Look at a room"), s.getRoom)

	op = s.personal("change-room", http.MethodPatch, "/rooms/{id}", person, tag, "Change a room")
	op.Description = "If-Match is the version that is changed, as ETag and `version` give it: 412 says that somebody else was quicker."
	op.Errors = append(op.Errors, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.changeRoom)
	op = s.personal("delete-room", http.MethodDelete, "/rooms/{id}", person, tag, "Delete a room")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.deleteRoom)

	op = s.personal("join-room-by-code", http.MethodPost, "/rooms/join", person, tag, "Join a room by its code")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.joinRoomByCode)
	huma.Register(s.api, s.personal("join-room", http.MethodPost, "/rooms/{id}/join", person, tag, "Join a public room"), s.joinRoom)
	op = s.personal("leave-room", http.MethodPost, "/rooms/{id}/leave", person, tag, "Leave a room")
	op.DefaultStatus = http.StatusNoContent
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.leaveRoom)
	op = s.personal("renew-code", http.MethodPost, "/rooms/{id}/code", person, tag, "Give a room another join code")
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusPreconditionFailed)
	huma.Register(s.api, op, s.renewCode)
}

// RoomPath is a room in the path.
type RoomPath struct {
	RoomID string `path:"id" maxLength:"64" doc:"The room's id."`
}

type roomAnswer struct {
	ETag string `header:"ETag"`
	Body sensocto.RoomView
}

func (s *server) roomAnswer(v sensocto.RoomView, err error, doing string) (*roomAnswer, error) {
	if err != nil {
		return nil, s.personalProblem(err, doing)
	}
	s.addJoinLink(&v)
	return &roomAnswer{ETag: etag(v.Version), Body: v}, nil
}

func (s *server) done(err error, doing string) (*empty, error) {
	if err != nil {
		return nil, s.personalProblem(err, doing)
	}
	return nil, nil
}

type listRoomsInput struct {
	PageQuery
	Scope string `query:"scope" enum:"mine,public" default:"mine"`
}

type roomsAnswer struct {
	Body struct {
		Rooms []sensocto.RoomView `json:"rooms" nullable:"false"`
		Next  string              `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

func (s *server) listRooms(ctx context.Context, in *listRoomsInput) (*roomsAnswer, error) {
	rooms, err := s.Rooms.List(ctx, identityOf(ctx), in.Scope == "public", in.After, in.Limit)
	if err != nil {
		return nil, s.personalProblem(err, "list rooms")
	}
	for i := range rooms {
		s.addJoinLink(&rooms[i])
	}
	var out roomsAnswer
	out.Body.Rooms, out.Body.Next = rooms, next(rooms, in.Limit, func(r sensocto.RoomView) string { return r.ID })
	return &out, nil
}

type createRoomInput struct {
	Body struct {
		Name        string          `json:"name" maxLength:"256"`
		Description string          `json:"description,omitempty" maxLength:"4000"`
		IsPublic    bool            `json:"is_public,omitempty" doc:"Anybody with an account may find and join it."`
		Settings    json.RawMessage `json:"settings,omitempty" doc:"An object."`
	}
}

func (s *server) createRoom(ctx context.Context, in *createRoomInput) (*roomAnswer, error) {
	b := &in.Body
	v, err := s.Rooms.Create(ctx, identityOf(ctx), sensocto.RoomDraft{Name: b.Name, Description: b.Description, IsPublic: b.IsPublic, Settings: b.Settings})
	return s.roomAnswer(v, err, "make a room")
}

func (s *server) getRoom(ctx context.Context, in *RoomPath) (*roomAnswer, error) {
	v, err := s.Rooms.Room(ctx, identityOf(ctx), in.RoomID)
	return s.roomAnswer(v, err, "read a room")
}

type changeRoomInput struct {
	RoomPath
	IfMatch string `header:"If-Match" maxLength:"32"`
	Body    struct {
		Name        *string         `json:"name,omitempty" maxLength:"256"`
		Description *string         `json:"description,omitempty" maxLength:"4000"`
		IsPublic    *bool           `json:"is_public,omitempty"`
		Settings    json.RawMessage `json:"settings,omitempty" doc:"An object, which takes the place of the present one."`
	}
}

func (s *server) changeRoom(ctx context.Context, in *changeRoomInput) (*roomAnswer, error) {
	version, ok := parseETag(in.IfMatch)
	if !ok {
		return nil, problem(http.StatusPreconditionRequired, "send If-Match with the version that you change: it is in the room, and in the header ETag")
	}
	b := &in.Body
	v, err := s.Rooms.Update(ctx, identityOf(ctx), in.RoomID, version, sensocto.RoomPatch{Name: b.Name, Description: b.Description, IsPublic: b.IsPublic, Settings: b.Settings})
	return s.roomAnswer(v, err, "change a room")
}

func (s *server) deleteRoom(ctx context.Context, in *RoomPath) (*empty, error) {
	return s.done(s.Rooms.Delete(ctx, identityOf(ctx), in.RoomID), "delete a room")
}

type joinByCodeInput struct {
	FromClient
	Body struct {
		Code string `json:"code" maxLength:"64"`
	}
}

func (s *server) joinRoomByCode(ctx context.Context, in *joinByCodeInput) (*roomAnswer, error) {
	v, err := s.Rooms.JoinByCode(ctx, identityOf(ctx), in.Body.Code, in.client.Address)
	return s.roomAnswer(v, err, "join a room")
}

func (s *server) joinRoom(ctx context.Context, in *RoomPath) (*roomAnswer, error) {
	v, err := s.Rooms.Join(ctx, identityOf(ctx), in.RoomID)
	return s.roomAnswer(v, err, "join a room")
}

func (s *server) leaveRoom(ctx context.Context, in *RoomPath) (*empty, error) {
	return s.done(s.Rooms.Leave(ctx, identityOf(ctx), in.RoomID), "leave a room")
}

type codeAnswer struct {
	Body struct {
		JoinCode  string    `json:"join_code"`
		ExpiresAt time.Time `json:"expires_at"`
	}
}

func (s *server) renewCode(ctx context.Context, in *RoomPath) (*codeAnswer, error) {
	code, expires, err := s.Rooms.NewCode(ctx, identityOf(ctx), in.RoomID)
	if err != nil {
		return nil, s.personalProblem(err, "renew a join code")
	}
	var out codeAnswer
	out.Body.JoinCode, out.Body.ExpiresAt = code, expires
	return &out, nil
}
