package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

func (s *server) registerTokens() {
	const tag = "People"
	huma.Register(s.api, s.personal("list-sessions", http.MethodGet, "/sessions", signedIn, tag, "List one's sessions"), s.listSessions)
	op := s.personal("end-session", http.MethodDelete, "/sessions/{id}", signedIn, tag, "End one of one's sessions")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.endToken)

	op = s.personal("end-other-sessions", http.MethodDelete, "/sessions", signedIn, tag, "End all of one's sessions but the present one")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.endOtherSessions)

	huma.Register(s.api, s.personal("list-tokens", http.MethodGet, "/tokens", signedIn, tag, "List one's tokens"), s.listTokens)
	op = s.personal("create-token", http.MethodPost, "/tokens", signedIn, tag, "Make a token for a program or a device")
	op.Description = "The secret is in this answer, and nowhere else."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.createToken)
	op = s.personal("revoke-token", http.MethodDelete, "/tokens/{id}", signedIn, tag, "Revoke one of one's tokens")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.endToken)
}

// tokenView is a credential without its secret.
type tokenView struct {
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Scopes    []sensocto.Scope `json:"scopes" nullable:"false"`
	SensorIDs []string         `json:"sensor_ids,omitempty" doc:"The only sensors that it is for; missing means all."`
	Device    string           `json:"device,omitempty" doc:"What a session was begun with."`
	CreatedAt time.Time        `json:"created_at"`
	ExpiresAt *time.Time       `json:"expires_at,omitempty"`
	UsedAt    *time.Time       `json:"used_at,omitempty" doc:"When a session was last used, about."`
	Current   bool             `json:"current,omitempty" doc:"It is the one that this request came with."`
}

func viewOfToken(t sensocto.Token, current string) tokenView {
	v := tokenView{ID: t.ID, Name: t.Name, Scopes: t.Scopes, SensorIDs: t.SensorIDs, Device: t.Device, CreatedAt: t.CreatedAt, Current: t.ID == current}
	if !t.ExpiresAt.IsZero() {
		v.ExpiresAt = &t.ExpiresAt
	}
	if !t.UsedAt.IsZero() {
		v.UsedAt = &t.UsedAt
	}
	return v
}

func viewsOfTokens(tokens []sensocto.Token, current string) []tokenView {
	return views(tokens, func(t sensocto.Token) tokenView { return viewOfToken(t, current) })
}

func cursorOfToken(t sensocto.Token) string { return cursorOf(t.CreatedAt, t.ID) }

type sessionsAnswer struct {
	Body struct {
		Page
		Sessions []tokenView `json:"sessions" nullable:"false"`
	}
}

func (s *server) listSessions(ctx context.Context, in *PageQuery) (*sessionsAnswer, error) {
	id := identityOf(ctx)
	tokens, err := s.Accounts.Sessions(ctx, id.UserID)
	if err != nil {
		return nil, s.personalProblem(err, "list sessions")
	}
	var out sessionsAnswer
	tokens, out.Body.Page = pageOf(tokens, in, cursorOfToken)
	out.Body.Sessions = viewsOfTokens(tokens, id.ID)
	return &out, nil
}

type tokensAnswer struct {
	Body struct {
		Page
		Tokens []tokenView `json:"tokens" nullable:"false"`
	}
}

func (s *server) listTokens(ctx context.Context, in *PageQuery) (*tokensAnswer, error) {
	id := identityOf(ctx)
	tokens, err := s.Accounts.UserTokens(ctx, id.UserID)
	if err != nil {
		return nil, s.personalProblem(err, "list tokens")
	}
	var out tokensAnswer
	tokens, out.Body.Page = pageOf(tokens, in, cursorOfToken)
	out.Body.Tokens = viewsOfTokens(tokens, id.ID)
	return &out, nil
}

// TokenPath is a session or token in the path.
type TokenPath struct {
	TokenID string `path:"id" maxLength:"64" doc:"Its id."`
}

func (s *server) endToken(ctx context.Context, in *TokenPath) (*empty, error) {
	if err := s.Accounts.EndSession(ctx, identityOf(ctx).UserID, in.TokenID); err != nil {
		return nil, s.personalProblem(err, "end a session or token")
	}
	return nil, nil
}

func (s *server) endOtherSessions(ctx context.Context, _ *empty) (*empty, error) {
	id := identityOf(ctx)
	if err := s.Accounts.SignOut(ctx, id.UserID, id.ID); err != nil {
		return nil, s.personalProblem(err, "end sessions")
	}
	return nil, nil
}

type createTokenInput struct {
	Body struct {
		Name      string           `json:"name" maxLength:"256" doc:"What it is for."`
		Scopes    []sensocto.Scope `json:"scopes" maxItems:"3" nullable:"false" doc:"What it may do: ingest, view."`
		ExpiresAt *time.Time       `json:"expires_at,omitempty"`
		SensorIDs []string         `json:"sensor_ids,omitempty" maxItems:"100" doc:"The only sensors that it is for."`
	}
}

type createdToken struct {
	Body struct {
		tokenView
		Token string `json:"token" doc:"The secret: it cannot be had again."`
	}
}

func (s *server) createToken(ctx context.Context, in *createTokenInput) (*createdToken, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	t := sensocto.Token{Name: in.Body.Name, Scopes: in.Body.Scopes, SensorIDs: in.Body.SensorIDs}
	if in.Body.ExpiresAt != nil {
		t.ExpiresAt = in.Body.ExpiresAt.UTC()
	}
	text, t, err := s.Accounts.CreateUserToken(ctx, u, t)
	if err != nil {
		return nil, s.personalProblem(err, "make a token")
	}
	var out createdToken
	out.Body.tokenView, out.Body.Token = viewOfToken(t, ""), text
	return &out, nil
}
