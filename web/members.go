package web

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

func (s *server) registerMembers() {
	const tag = "Rooms"
	huma.Register(s.api, s.personal("list-members", http.MethodGet, "/rooms/{id}/members", person, tag, "List the members of a room"), s.listMembers)
	op := s.personal("change-member", http.MethodPatch, "/rooms/{id}/members/{user_id}", person, tag, "Change a member's role, or hand the room over")
	op.DefaultStatus = http.StatusNoContent
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.changeMember)
	op = s.personal("remove-member", http.MethodDelete, "/rooms/{id}/members/{user_id}", person, tag, "Kick or ban somebody")
	op.DefaultStatus = http.StatusNoContent
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.removeMember)
	huma.Register(s.api, s.personal("list-bans", http.MethodGet, "/rooms/{id}/bans", person, tag, "List who is banned from a room"), s.listBans)
	op = s.personal("unban", http.MethodDelete, "/rooms/{id}/bans/{user_id}", person, tag, "Let somebody come back who was banned")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.unban)

	op = s.personal("share-sensor", http.MethodPut, "/rooms/{id}/sensors/{sensor_id}", person, tag, "Share a sensor of one's own into a room")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.shareSensor)
	op = s.personal("unshare-sensor", http.MethodDelete, "/rooms/{id}/sensors/{sensor_id}", person, tag, "Take a sensor out of a room")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.unshareSensor)
}

type listMembersInput struct {
	RoomPath
	PageQuery
}

type bansAnswer struct {
	Body struct {
		Bans []sensocto.BanView `json:"bans" nullable:"false"`
		Next string             `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

func (s *server) listBans(ctx context.Context, in *listMembersInput) (*bansAnswer, error) {
	bans, err := s.Rooms.Bans(ctx, identityOf(ctx), in.RoomID, in.After, in.Limit)
	if err != nil {
		return nil, s.personalProblem(err, "list bans")
	}
	var out bansAnswer
	out.Body.Bans, out.Body.Next = bans, next(bans, in.Limit, func(b sensocto.BanView) string { return b.UserID })
	return &out, nil
}

type membersAnswer struct {
	Body struct {
		Members []sensocto.MemberView `json:"members" nullable:"false"`
		Next    string                `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

func (s *server) listMembers(ctx context.Context, in *listMembersInput) (*membersAnswer, error) {
	members, err := s.Rooms.Members(ctx, identityOf(ctx), in.RoomID, in.After, in.Limit)
	if err != nil {
		return nil, s.personalProblem(err, "list members")
	}
	var out membersAnswer
	out.Body.Members, out.Body.Next = members, next(members, in.Limit, func(m sensocto.MemberView) string { return m.UserID })
	return &out, nil
}

// MemberPath is a member of a room in the path.
type MemberPath struct {
	RoomPath
	UserID string `path:"user_id" maxLength:"64" doc:"The user's id."`
}

type changeMemberInput struct {
	MemberPath
	Body struct {
		Role sensocto.Role `json:"role" enum:"guest,member,admin,owner"`
	}
}

func (s *server) changeMember(ctx context.Context, in *changeMemberInput) (*empty, error) {
	return s.done(s.Rooms.SetRole(ctx, identityOf(ctx), in.RoomID, in.UserID, in.Body.Role), "change a member")
}

type removeMemberInput struct {
	MemberPath
	Ban bool `query:"ban" doc:"Keep the person from coming back."`
}

func (s *server) removeMember(ctx context.Context, in *removeMemberInput) (*empty, error) {
	return s.done(s.Rooms.Remove(ctx, identityOf(ctx), in.RoomID, in.UserID, in.Ban), "remove a member")
}

func (s *server) unban(ctx context.Context, in *MemberPath) (*empty, error) {
	return s.done(s.Rooms.Unban(ctx, identityOf(ctx), in.RoomID, in.UserID), "unban somebody")
}

// SharePath is a sensor in a room in the path.
type SharePath struct {
	RoomPath
	SensorID string `path:"sensor_id" pattern:"^[A-Za-z0-9._:-]{1,128}$" doc:"The sensor's id."`
}

// TermsBody says how a sensor is shared.
type TermsBody struct {
	Control bool   `json:"control,omitempty" doc:"Others may send commands to the sensor."`
	History string `json:"history,omitempty" enum:"since_shared,all" doc:"What others see of the time before; by default nothing."`
}

func (t *TermsBody) terms() sensocto.ShareTerms {
	if t == nil {
		return sensocto.ShareTerms{}
	}
	return sensocto.ShareTerms{Control: t.Control, AllHistory: t.History == "all"}
}

type shareInput struct {
	SharePath
	Body *TermsBody
}

func (s *server) shareSensor(ctx context.Context, in *shareInput) (*empty, error) {
	return s.done(s.Rooms.Share(ctx, identityOf(ctx), in.RoomID, in.SensorID, in.Body.terms()), "share a sensor")
}

func (s *server) unshareSensor(ctx context.Context, in *SharePath) (*empty, error) {
	return s.done(s.Rooms.Unshare(ctx, identityOf(ctx), in.RoomID, in.SensorID), "take a sensor out of a room")
}

func (s *server) registerGrants() {
	const tag = "Sensors"
	huma.Register(s.api, s.personal("list-grants", http.MethodGet, "/sensors/{id}/grants", person, tag, "With whom a sensor of one's own is shared: people and rooms together in pages"), s.listGrants)
	op := s.personal("grant-sensor", http.MethodPut, "/sensors/{id}/grants/{user_id}", person, tag, "Share a sensor of one's own with a user")
	op.Description = "With `public` instead of a user's id everybody sees the sensor, also without an account."
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.grantSensor)
	op = s.personal("revoke-grant", http.MethodDelete, "/sensors/{id}/grants/{user_id}", person, tag, "Take that back")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.revokeGrant)
}

// public stands for everybody where a user's id is expected.
const public = "public"

type grantView struct {
	UserID    string    `json:"user_id" doc:"Or public."`
	GrantedAt time.Time `json:"granted_at"`
	Control   bool      `json:"control"`
	History   string    `json:"history" enum:"since_shared,all"`
}

type shareView struct {
	RoomID   string    `json:"room_id"`
	SharedAt time.Time `json:"shared_at"`
	Control  bool      `json:"control"`
	History  string    `json:"history" enum:"since_shared,all"`
}

type listGrantsInput struct {
	SensorPath
	PageQuery
}

type grantsAnswer struct {
	Body struct {
		Page
		Grants []grantView `json:"grants" nullable:"false"`
		Rooms  []shareView `json:"rooms" nullable:"false"`
	}
}

func historyWord(all bool) string {
	if all {
		return "all"
	}
	return "since_shared"
}

func (s *server) listGrants(ctx context.Context, in *listGrantsInput) (*grantsAnswer, error) {
	grants, shares, err := s.Rooms.Shared(ctx, identityOf(ctx), in.SensorID)
	if err != nil {
		return nil, s.personalProblem(err, "list grants")
	}
	var out grantsAnswer
	rows := append(views(grants, rowOfGrant), views(shares, rowOfShare)...)
	rows, out.Body.Page = pageOf(rows, &in.PageQuery, func(r grantRow) string { return r.cursor })
	out.Body.Grants, out.Body.Rooms = []grantView{}, []shareView{}
	for _, r := range rows {
		if r.grant != nil {
			out.Body.Grants = append(out.Body.Grants, *r.grant)
		} else {
			out.Body.Rooms = append(out.Body.Rooms, *r.share)
		}
	}
	return &out, nil
}

// grantRow is a grant or a share: one list of both has one cursor.
type grantRow struct {
	cursor string
	grant  *grantView
	share  *shareView
}

func rowOfGrant(g sensocto.Grant) grantRow {
	v := viewOfGrant(g)
	return grantRow{cursor: cursorOf(g.GrantedAt, "grant "+g.UserID), grant: &v}
}

func rowOfShare(s sensocto.Share) grantRow {
	v := viewOfShare(s)
	return grantRow{cursor: cursorOf(s.SharedAt, "share "+s.RoomID), share: &v}
}

func viewOfGrant(g sensocto.Grant) grantView {
	return grantView{UserID: cmp.Or(g.UserID, public), GrantedAt: g.GrantedAt, Control: g.Control, History: historyWord(g.AllHistory)}
}

func viewOfShare(s sensocto.Share) shareView {
	return shareView{s.RoomID, s.SharedAt, s.Control, historyWord(s.AllHistory)}
}

// GrantPath is a user's right to a sensor in the path.
type GrantPath struct {
	SensorPath
	UserID string `path:"user_id" maxLength:"64" doc:"The user's id, or public."`
}

// user returns "" for everybody.
func (p GrantPath) user() string {
	if p.UserID == public {
		return ""
	}
	return p.UserID
}

type grantInput struct {
	GrantPath
	Body *TermsBody
}

func (s *server) grantSensor(ctx context.Context, in *grantInput) (*empty, error) {
	return s.done(s.Rooms.Grant(ctx, identityOf(ctx), in.SensorID, in.user(), in.Body.terms()), "share a sensor")
}

func (s *server) revokeGrant(ctx context.Context, in *GrantPath) (*empty, error) {
	return s.done(s.Rooms.Revoke(ctx, identityOf(ctx), in.SensorID, in.user()), "take a grant back")
}
