package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

func (s *server) registerDevices() {
	const tag = "People"
	op := s.personal("begin-device", http.MethodPost, "/device", anybody, tag, "Begin the sign-in of a program")
	op.Description = "The program shows the code to its owner, who confirms it at /device, and asks for its token until then."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.beginDevice)
	op = s.personal("see-device", http.MethodPost, "/device/request", signedIn, tag, "See which program waits with a code")
	op.Description = "For its owner, before they confirm the code: a code that somebody sent is not theirs."
	huma.Register(s.api, op, s.seeDevice)
	op = s.personal("confirm-device", http.MethodPost, "/device/confirm", signedIn, tag, "Let a program sign in with its code")
	huma.Register(s.api, op, s.confirmDevice)
	op = s.personal("finish-device", http.MethodPost, "/device/token", anybody, tag, "Get the token of a program whose code was confirmed")
	op.Description = "409 says that nobody has confirmed it yet: ask again in some seconds."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(s.api, op, s.finishDevice)
}

type beginDeviceInput struct {
	FromClient
	Body struct {
		Name string `json:"name" maxLength:"64" doc:"What the token is to be called, such as the machine's name."`
	}
}

type deviceAnswer struct {
	Body struct {
		Code      string    `json:"code" doc:"For the program's owner." example:"WDJB-MJHT"`
		Secret    string    `json:"secret" doc:"For the program."`
		ExpiresAt time.Time `json:"expires_at"`
	}
}

func (s *server) beginDevice(_ context.Context, in *beginDeviceInput) (*deviceAnswer, error) {
	code, secret, expires, err := s.Accounts.BeginDevice(in.Body.Name, in.client.Address)
	if err != nil {
		return nil, s.personalProblem(err, "begin a sign-in")
	}
	var out deviceAnswer
	out.Body.Code, out.Body.Secret, out.Body.ExpiresAt = code, secret, expires
	return &out, nil
}

type confirmDeviceInput struct {
	FromClient
	Body struct {
		Code string `json:"code" maxLength:"16"`
	}
}

type deviceRequestAnswer struct {
	Body struct {
		Name      string           `json:"name" doc:"What the program calls itself."`
		Scopes    []sensocto.Scope `json:"scopes" nullable:"false" doc:"What it will be able to do."`
		Address   string           `json:"address" doc:"Where it asks from; of IPv6 the network."`
		ExpiresAt time.Time        `json:"expires_at"`
	}
}

func (s *server) seeDevice(ctx context.Context, in *confirmDeviceInput) (*deviceRequestAnswer, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.Accounts.Device(u, in.Body.Code, in.client.Address)
	if err != nil {
		return nil, s.personalProblem(err, "look up a code")
	}
	var out deviceRequestAnswer
	out.Body.Name, out.Body.Scopes, out.Body.Address, out.Body.ExpiresAt = r.Name, r.Scopes, r.Address, r.ExpiresAt
	return &out, nil
}

type confirmedAnswer struct {
	Body struct {
		Name string `json:"name" doc:"What the program called itself."`
	}
}

func (s *server) confirmDevice(ctx context.Context, in *confirmDeviceInput) (*confirmedAnswer, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	name, err := s.Accounts.ConfirmDevice(u, in.Body.Code, in.client.Address)
	if err != nil {
		return nil, s.personalProblem(err, "confirm a code")
	}
	var out confirmedAnswer
	out.Body.Name = name
	return &out, nil
}

type finishDeviceInput struct {
	Body struct {
		Secret string `json:"secret" maxLength:"128"`
	}
}

type deviceTokenAnswer struct {
	Body struct {
		Token string            `json:"token"`
		User  sensocto.UserView `json:"user"`
	}
}

func (s *server) finishDevice(ctx context.Context, in *finishDeviceInput) (*deviceTokenAnswer, error) {
	token, u, err := s.Accounts.DeviceToken(ctx, in.Body.Secret)
	if err != nil {
		return nil, s.personalProblem(err, "finish a sign-in")
	}
	var out deviceTokenAnswer
	out.Body.Token, out.Body.User = token, u.View(true)
	return &out, nil
}
