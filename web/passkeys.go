package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// Passkeys manages the passkeys of people, and signs in with them.
type Passkeys interface {
	BeginPasskey(ctx context.Context, u sensocto.User, sessionID string, from sensocto.Client) (json.RawMessage, error)
	AddPasskey(ctx context.Context, u sensocto.User, sessionID, name string, response []byte) (sensocto.Passkey, error)
	Passkeys(ctx context.Context, userID string) ([]sensocto.Passkey, error)
	DeletePasskey(ctx context.Context, u sensocto.User, id []byte) error
	BeginPasskeySignIn(from sensocto.Client) (json.RawMessage, error)
	SignInWithPasskey(ctx context.Context, response []byte, from sensocto.Client) (sensocto.Session, error)
}

func (s *server) registerPasskeys() {
	const tag = "People"
	op := s.personal("begin-passkey", http.MethodPost, "/passkeys/registration", signedIn, tag, "Begin to register a passkey")
	op.Description = "Takes a recent confirmation (POST /api/v1/session/confirm), or the password. The answer is for navigator.credentials.create, once and within 5 minutes."
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.beginPasskey)

	op = s.personal("add-passkey", http.MethodPost, "/passkeys", signedIn, tag, "Register a passkey")
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.addPasskey)

	huma.Register(s.api, s.personal("list-passkeys", http.MethodGet, "/passkeys", signedIn, tag, "List one's passkeys"), s.listPasskeys)

	op = s.personal("remove-passkey", http.MethodDelete, "/passkeys/{id}", signedIn, tag, "Remove one of one's passkeys")
	op.Description = "Takes a recent confirmation: POST /api/v1/session/confirm."
	op.DefaultStatus = http.StatusNoContent
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.removePasskey)

	op = s.personal("begin-passkey-sign-in", http.MethodPost, "/session/passkey/options", anybody, tag, "Begin to sign in with a passkey")
	op.Description = "The answer is for navigator.credentials.get, once and within 5 minutes. It names no account."
	op.Errors = append(op.Errors, http.StatusForbidden)
	huma.Register(s.api, op, s.beginPasskeySignIn)

	op = s.personal("sign-in-with-passkey", http.MethodPost, "/session/passkey", anybody, tag, "Sign in with a passkey")
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.signInWithPasskey)
}

// passkeyOptions are what a browser is asked with.
type passkeyOptions struct {
	Body struct {
		PublicKey json.RawMessage `json:"publicKey" doc:"PublicKeyCredentialCreationOptionsJSON or PublicKeyCredentialRequestOptionsJSON of WebAuthn."`
	}
}

type beginPasskeyInput struct {
	FromClient
	Body struct {
		Password string `json:"password,omitempty" maxLength:"1024" doc:"The present one, where the session is not recent."`
	}
}

func (s *server) beginPasskey(ctx context.Context, in *beginPasskeyInput) (out *passkeyOptions, err error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	out = &passkeyOptions{}
	if err = s.Accounts.Confirm(ctx, u, identityOf(ctx).ID, in.Body.Password, in.client); err == nil {
		out.Body.PublicKey, err = s.Accounts.BeginPasskey(ctx, u, identityOf(ctx).ID, in.client)
	}
	if err != nil {
		return nil, s.personalProblem(err, "begin a passkey")
	}
	return out, nil
}

// passkeyView is a passkey on the wire.
type passkeyView struct {
	ID        string     `json:"id" doc:"The credential's id in base64url."`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    *time.Time `json:"used_at,omitempty" doc:"Of the last sign-in."`
}

func viewOfPasskey(p sensocto.Passkey) passkeyView {
	v := passkeyView{ID: base64.RawURLEncoding.EncodeToString(p.ID), Name: p.Name, CreatedAt: p.CreatedAt}
	if !p.UsedAt.IsZero() {
		v.UsedAt = &p.UsedAt
	}
	return v
}

type addPasskeyInput struct {
	Body struct {
		Name       string          `json:"name" maxLength:"256" doc:"What its owner calls it."`
		Credential json.RawMessage `json:"credential" doc:"RegistrationResponseJSON of WebAuthn."`
	}
}

type passkeyAnswer struct{ Body passkeyView }

func (s *server) addPasskey(ctx context.Context, in *addPasskeyInput) (*passkeyAnswer, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	p, err := s.Accounts.AddPasskey(ctx, u, identityOf(ctx).ID, in.Body.Name, in.Body.Credential)
	if err != nil {
		return nil, s.personalProblem(err, "add a passkey")
	}
	return &passkeyAnswer{viewOfPasskey(p)}, nil
}

type passkeysAnswer struct {
	Body struct {
		Page
		Passkeys []passkeyView `json:"passkeys" nullable:"false"`
	}
}

func (s *server) listPasskeys(ctx context.Context, in *PageQuery) (*passkeysAnswer, error) {
	all, err := s.Accounts.Passkeys(ctx, identityOf(ctx).UserID)
	if err != nil {
		return nil, s.personalProblem(err, "list passkeys")
	}
	var out passkeysAnswer
	all, out.Body.Page = pageOf(all, in, func(p sensocto.Passkey) string { return cursorOf(p.CreatedAt, string(p.ID)) })
	out.Body.Passkeys = views(all, viewOfPasskey)
	return &out, nil
}

type removePasskeyInput struct {
	FromClient
	PasskeyID string `path:"id" maxLength:"1400" doc:"Its id."`
}

func (s *server) removePasskey(ctx context.Context, in *removePasskeyInput) (*empty, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Accounts.Confirm(ctx, u, identityOf(ctx).ID, "", in.client); err != nil {
		return nil, s.personalProblem(err, "remove a passkey")
	}
	id, err := base64.RawURLEncoding.DecodeString(in.PasskeyID)
	if err != nil {
		err = sensocto.ErrNotFound
	} else {
		err = s.Accounts.DeletePasskey(ctx, u, id)
	}
	if err != nil {
		return nil, s.personalProblem(err, "remove a passkey")
	}
	return nil, nil
}

func (s *server) beginPasskeySignIn(_ context.Context, in *FromClient) (*passkeyOptions, error) {
	options, err := s.Accounts.BeginPasskeySignIn(in.client)
	if err != nil {
		return nil, s.personalProblem(err, "begin a sign-in with a passkey")
	}
	var out passkeyOptions
	out.Body.PublicKey = options
	return &out, nil
}

type passkeySignInInput struct {
	FromClient
	Body struct {
		Credential json.RawMessage `json:"credential" doc:"AuthenticationResponseJSON of WebAuthn."`
	}
}

func (s *server) signInWithPasskey(ctx context.Context, in *passkeySignInInput) (*userAnswer, error) {
	session, err := s.Accounts.SignInWithPasskey(ctx, in.Body.Credential, in.client)
	return s.begun(ctx, &in.FromClient, session, err, "sign in with a passkey")
}
