package web

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

func (s *server) registerMail() {
	const tag = "People"
	op := s.personal("forgot-password", http.MethodPost, "/password/forgotten", anybody, tag, "Have a link mailed that sets a new password")
	op.Description = "The answer is the same whether somebody has an account with the address or not. 409: this server sends no mail."
	op.DefaultStatus = http.StatusAccepted
	op.Errors = append(op.Errors, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.forgotPassword)
	op = s.personal("see-link", http.MethodPost, "/links", anybody, tag, "See what a link that was mailed or printed is for")
	op.Description = "The link stays good. 404 `link_expired`: it has expired, or was used."
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.seeLink)
	op = s.personal("confirm-email", http.MethodPost, "/email", anybody, tag, "Confirm a new e-mail address with the link that was mailed to it")
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(s.api, op, s.confirmEmail)
	op = s.personal("invite-to-server", http.MethodPost, "/invitations", moderator, tag, "Invite somebody to make an account")
	op.Description = "Where the server sends no mail, the answer has the link, to be passed on."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.inviteToServer)
}

type emailInput struct {
	FromClient
	Body struct {
		Email string `json:"email" maxLength:"254"`
	}
}

func (s *server) forgotPassword(_ context.Context, in *emailInput) (*empty, error) {
	return s.done(s.Accounts.Forgotten(in.Body.Email, in.client.Address), "mail a link")
}

type seeLinkInput struct {
	Body struct {
		Kind sensocto.LinkKind `json:"kind" enum:"setup,reset,email,invite" doc:"What the fragment of the link begins with."`
		Link string            `json:"link" maxLength:"128" doc:"The secret at the end of the link."`
	}
}

type linkAnswer struct {
	Body struct {
		Email     string    `json:"email,omitempty" doc:"The address that the link was made for, where there is one."`
		ExpiresAt time.Time `json:"expires_at"`
	}
}

func (s *server) seeLink(ctx context.Context, in *seeLinkInput) (*linkAnswer, error) {
	link, err := s.Accounts.SeeLink(ctx, in.Body.Kind, in.Body.Link)
	if err != nil {
		return nil, s.personalProblem(err, "look up a link")
	}
	var out linkAnswer
	out.Body.Email, out.Body.ExpiresAt = link.Data, link.ExpiresAt
	return &out, nil
}

type confirmEmailInput struct {
	Body struct {
		Link string `json:"link" maxLength:"128" doc:"The secret at the end of the link."`
	}
}

func (s *server) confirmEmail(ctx context.Context, in *confirmEmailInput) (*userAnswer, error) {
	u, err := s.Accounts.ConfirmEmail(ctx, in.Body.Link)
	if err != nil {
		return nil, s.personalProblem(err, "confirm an address")
	}
	return &userAnswer{Body: u.View(true)}, nil
}

type invitedAnswer struct {
	Body struct {
		Link string `json:"link,omitempty" doc:"Where the server sends no mail."`
	}
}

func (s *server) inviteToServer(ctx context.Context, in *emailInput) (*invitedAnswer, error) {
	me, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	link, err := s.Accounts.InviteToServer(ctx, me, in.Body.Email)
	if err != nil {
		return nil, s.personalProblem(err, "invite somebody")
	}
	var out invitedAnswer
	out.Body.Link = link
	return &out, nil
}

// mailInvitation mails an invitation into a room that is for an address.
func (s *server) mailInvitation(ctx context.Context, i sensocto.Invitation) error {
	if i.Email == "" {
		return nil
	}
	me, err := s.me(ctx)
	if err != nil {
		return err
	}
	if err := s.Accounts.MailInvitation(i, me.Name); err != nil {
		return s.personalProblem(err, "mail an invitation")
	}
	return nil
}
