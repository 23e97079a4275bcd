package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"rsc.io/qr"

	"github.com/sensocto/sensocto"
)

func (s *server) registerJoinLink() {
	op := s.personal("draw-join-link", http.MethodGet, "/rooms/{id}/qr", person, "Rooms", "The link with which others join a room, as a QR code")
	op.Description = "For whoever may invite: the link holds the room's join code. 409: the code has expired."
	op.Responses = map[string]*huma.Response{"200": {Description: "The picture", Content: map[string]*huma.MediaType{
		"image/png": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}}
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.drawJoinLink)
}

// joinLink returns the address of the view where a room is joined. The code is
// behind the #: no server and no log sees it.
func (s *server) joinLink(code string) string {
	return s.Accounts.Ways().Origin + "/rooms#join=" + url.QueryEscape(code)
}

type pictureAnswer struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *server) drawJoinLink(ctx context.Context, in *RoomPath) (*pictureAnswer, error) {
	joinCode, err := s.Rooms.JoinCode(ctx, identityOf(ctx), in.RoomID)
	if err != nil {
		return nil, s.personalProblem(err, "draw a code")
	}
	code, err := qr.Encode(s.joinLink(joinCode), qr.M)
	if err != nil {
		return nil, s.translate(err, "draw a code", "")
	}
	return &pictureAnswer{"image/png", code.PNG()}, nil
}

// addJoinLink adds the link to a room that has a code for the asker.
func (s *server) addJoinLink(v *sensocto.RoomView) {
	if v.JoinCode != "" && (v.CodeExpiresAt == nil || time.Now().Before(*v.CodeExpiresAt)) {
		v.JoinLink = s.joinLink(v.JoinCode)
	}
}
