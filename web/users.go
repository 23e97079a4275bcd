package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

func (s *server) registerUsers() {
	const tag = "People"
	op := s.personal("sign-up", http.MethodPost, "/users", anybody, tag, "Make an account and sign in")
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.signUp)

	huma.Register(s.api, s.personal("see-registration", http.MethodGet, "/registration", anybody, tag, "Who may make an account here"), s.registration)

	op = s.personal("set-up", http.MethodPost, "/setup", anybody, tag, "Make the first administrator's account")
	op.Description = "With the secret of the link that the server printed at its first start."
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.setUp)

	op = s.personal("sign-in", http.MethodPost, "/session", anybody, tag, "Sign in")
	op.Description = "Sets the session's cookie. An unknown address and a wrong password get the same answer after the same time."
	op.Errors = append(op.Errors, http.StatusUnauthorized)
	huma.Register(s.api, op, s.signIn)

	op = s.personal("sign-in-as-guest", http.MethodPost, "/session/guest", anybody, tag, "Begin a session with a name alone")
	op.DefaultStatus = http.StatusCreated
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.signInAsGuest)

	op = s.personal("who-am-i", http.MethodGet, "/session", known, tag, "Who am I")
	op.Description = "204, without a body: nobody is signed in, and no credential was sent, or one of the operator, which is no person's."
	op.Responses = map[string]*huma.Response{"204": {Description: "Nobody is signed in"}}
	op.Middlewares = append(huma.Middlewares{s.orNobody}, op.Middlewares...)
	huma.Register(s.api, op, s.whoAmI)
	op = s.personal("sign-out", http.MethodDelete, "/session", anybody, tag, "Sign out")
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.signOut)

	op = s.personal("confirm-session", http.MethodPost, "/session/confirm", signedIn, tag, "Show once more who one is")
	op.Description = "Changes of how one signs in, and of the e-mail address, take a session in which the person showed who they are within 15 minutes: by signing in, or by this. They answer confirmation_needed otherwise. Who has no password signs in again, with a passkey or GET /api/v1/session/oidc?fresh=true."
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.confirmSession)

	huma.Register(s.api, s.personal("get-me", http.MethodGet, "/users/me", known, tag, "Read one's account"), s.whoAmI)
	op = s.personal("change-me", http.MethodPatch, "/users/me", signedIn, tag, "Change one's name, password or e-mail address")
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.changeMe)

	op = s.personal("reset-password", http.MethodPost, "/password", anybody, tag, "Set a new password with a link's secret")
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, s.resetPassword)

	huma.Register(s.api, s.personal("list-users", http.MethodGet, "/users", moderator, tag, "List all users"), s.listUsers)
	op = s.personal("change-user", http.MethodPatch, "/users/{id}", moderator, tag, "Disable a user, or make one an administrator")
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.changeUser)

	op = s.personal("mail-reset-link", http.MethodPost, "/users/{id}/reset-link", moderator, tag, "Mail a user a link that sets a new password")
	op.Description = "It works once, for a day. The administrator does not see it. 409 `not_mailed`: the server sends no mail, or the user has confirmed no address."
	op.DefaultStatus = http.StatusAccepted
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.mailResetLink)
	op = s.personal("sign-out-user", http.MethodDelete, "/users/{id}/sessions", moderator, tag, "End all sessions of a user")
	op.Description = "Wherever they are signed in, they sign in again; their channels are closed at once. Tokens of their devices go on."
	op.DefaultStatus = http.StatusNoContent
	huma.Register(s.api, op, s.signOutUser)
}

type registrationAnswer struct {
	Body struct {
		Registration  string           `json:"registration" enum:"open,invited,closed"`
		GuestAccounts bool             `json:"guest_accounts" doc:"People may come in for a day with nothing but a name."`
		Guests        []sensocto.Scope `json:"guests" nullable:"false" doc:"What may be done without a credential."`
		Passkeys      bool             `json:"passkeys" doc:"People may sign in with passkeys, on pages of origin."`
		OIDC          string           `json:"oidc,omitempty" doc:"Name of the OpenID Connect issuer with which people may sign in: GET /api/v1/session/oidc."`
		Mail          bool             `json:"mail" doc:"The server sends mails: a forgotten password can be set anew."`
		Origin        string           `json:"origin,omitempty" doc:"Under which people reach the server, such as https://sensors.example.org."`
	}
}

func (s *server) registration(ctx context.Context, _ *empty) (*registrationAnswer, error) {
	var out registrationAnswer
	out.Body.Guests = []sensocto.Scope{}
	if id, err := s.Auth.Authenticate(ctx, ""); err == nil {
		out.Body.Guests = append(out.Body.Guests, id.Scopes...)
	}
	out.Body.Registration, out.Body.GuestAccounts = s.Accounts.Open()
	out.Body.Mail = s.Accounts.SendsMail()
	w := s.Accounts.Ways()
	out.Body.Passkeys, out.Body.OIDC, out.Body.Origin = w.Passkeys, w.Issuer, w.Origin
	return &out, nil
}

// userAnswer is a user with, after a sign-in, the session's cookie.
type userAnswer struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      sensocto.UserView
}

// sessionCookie is the session's; without a secret it removes the cookie.
func (s *server) sessionCookie(ctx *FromClient, secret string, expires time.Time) []http.Cookie {
	c := s.cookie(ctx, SessionCookie, secret)
	c.Expires = expires
	return []http.Cookie{c}
}

// begun answers a sign-in. What the browser was signed in as before ends: nobody
// would see that session again.
func (s *server) begun(ctx context.Context, from *FromClient, session sensocto.Session, err error, doing string) (*userAnswer, error) {
	if err != nil {
		return nil, s.personalProblem(err, doing)
	}
	s.endFormer(ctx)
	return &userAnswer{SetCookie: s.sessionCookie(from, session.Secret, session.Expires), Body: session.User.View(true)}, nil
}

// endFormer ends the session that a request came with, where another one has begun.
func (s *server) endFormer(ctx context.Context) {
	id := identityOf(ctx)
	if id.Kind != sensocto.KindSession {
		return
	}
	err := s.Accounts.EndSession(ctx, id.UserID, id.ID)
	if err != nil && !errors.Is(err, sensocto.ErrNotFound) { // a new password has ended it already
		s.Log.Error("cannot end the session that a browser had before it signed in", "session", id.ID, "err", err)
	}
}

type signUpInput struct {
	FromClient
	Body struct {
		Email      string `json:"email,omitempty" maxLength:"254"`
		Name       string `json:"name" maxLength:"256"`
		Password   string `json:"password" maxLength:"1024"`
		Invitation string `json:"invitation,omitempty" maxLength:"128" doc:"The secret of an invitation's link."`
	}
}

func (s *server) signUp(ctx context.Context, in *signUpInput) (*userAnswer, error) {
	b := &in.Body
	u, err := s.Accounts.SignUp(ctx, sensocto.SignUp{Email: b.Email, Name: b.Name, Password: b.Password, Invitation: b.Invitation, From: in.client})
	if err != nil {
		return nil, s.personalProblem(err, "sign up")
	}
	session, err := s.Accounts.Begin(ctx, u, in.client)
	return s.begun(ctx, &in.FromClient, session, err, "sign up")
}

type setUpInput struct {
	FromClient
	Body struct {
		Link     string `json:"link" maxLength:"128" doc:"The secret at the end of the link."`
		Email    string `json:"email" maxLength:"254"`
		Name     string `json:"name" maxLength:"256"`
		Password string `json:"password" maxLength:"1024"`
	}
}

func (s *server) setUp(ctx context.Context, in *setUpInput) (*userAnswer, error) {
	b := &in.Body
	u, err := s.Accounts.SetUp(ctx, b.Link, sensocto.SignUp{Email: b.Email, Name: b.Name, Password: b.Password})
	if err != nil {
		return nil, s.personalProblem(err, "set up")
	}
	session, err := s.Accounts.Begin(ctx, u, in.client)
	return s.begun(ctx, &in.FromClient, session, err, "set up")
}

type signInInput struct {
	FromClient
	Body struct {
		Email    string `json:"email" maxLength:"1024"`
		Password string `json:"password" maxLength:"1024"`
	}
}

func (s *server) signIn(ctx context.Context, in *signInInput) (*userAnswer, error) {
	session, err := s.Accounts.SignIn(ctx, in.Body.Email, in.Body.Password, in.client)
	return s.begun(ctx, &in.FromClient, session, err, "sign in")
}

type guestInput struct {
	FromClient
	Body struct {
		Name string `json:"name" maxLength:"256" doc:"What others see."`
	}
}

func (s *server) signInAsGuest(ctx context.Context, in *guestInput) (*userAnswer, error) {
	session, err := s.Accounts.Guest(ctx, in.Body.Name, in.client)
	return s.begun(ctx, &in.FromClient, session, err, "begin a guest's session")
}

// orNobody answers 204 where nobody is signed in: a page that asks who looks at it
// has made no mistake. A credential that is not valid is one, and goes on to be refused.
func (s *server) orNobody(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	token := credential(r)
	if id, err := s.Auth.Authenticate(r.Context(), token); token == "" || err == nil && id.UserID == "" {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	next(ctx)
}

func (s *server) whoAmI(ctx context.Context, _ *empty) (*userAnswer, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	return &userAnswer{Body: u.View(true)}, nil
}

// me returns the user who asks.
func (s *server) me(ctx context.Context) (sensocto.User, error) {
	u, err := s.Accounts.User(ctx, identityOf(ctx).UserID)
	if err != nil {
		return u, s.personalProblem(err, "read an account")
	}
	return u, nil
}

type signedOut struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	// Clear makes the browser drop what pages have stored. Its cache holds nothing
	// of people, and takes seconds to clear; other tabs drop what they show
	// themselves.
	Clear string `header:"Clear-Site-Data"`
}

// signOut ends the session, or the token that the request came with. The cookie
// goes in any case.
func (s *server) signOut(ctx context.Context, in *FromClient) (*signedOut, error) {
	if id := identityOf(ctx); id.UserID != "" {
		if err := s.Accounts.EndSession(ctx, id.UserID, id.ID); err != nil {
			return nil, s.personalProblem(err, "sign out")
		}
	}
	return &signedOut{s.sessionCookie(in, "", time.Time{}), `"storage"`}, nil
}

type confirmSessionInput struct {
	FromClient
	Body struct {
		Password string `json:"password" maxLength:"1024"`
	}
}

func (s *server) confirmSession(ctx context.Context, in *confirmSessionInput) (*empty, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Accounts.ConfirmSession(ctx, u, identityOf(ctx).ID, in.Body.Password, in.client); err != nil {
		return nil, s.personalProblem(err, "check a password")
	}
	return nil, nil
}

type changeMeInput struct {
	FromClient
	Body struct {
		Name            *string `json:"name,omitempty" maxLength:"256"`
		Password        *string `json:"password,omitempty" maxLength:"1024" doc:"The new password. All other sessions and tokens end."`
		Email           *string `json:"email,omitempty" maxLength:"254" doc:"A new address: it is the account's once the link that is mailed to it was used."`
		CurrentPassword string  `json:"current_password,omitempty" maxLength:"1024" doc:"Needed for a new password or address."`
	}
}

func (s *server) changeMe(ctx context.Context, in *changeMeInput) (*userAnswer, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	if in.Body.Password != nil {
		if err := s.mayChangePassword(ctx, u, in); err != nil {
			return nil, s.personalProblem(err, "check a password")
		}
	}
	if in.Body.Email != nil {
		if err := s.Accounts.Confirm(ctx, u, identityOf(ctx).ID, in.Body.CurrentPassword, in.client); err != nil {
			return nil, s.personalProblem(err, "check a password")
		}
	}
	if err := s.Accounts.CheckChange(u, in.Body.Name, in.Body.Email, in.Body.Password); err != nil {
		return nil, s.personalProblem(err, "change a user")
	}
	if in.Body.Email != nil {
		if err := s.Accounts.ChangeEmail(u, *in.Body.Email, in.client.Address); err != nil {
			return nil, s.personalProblem(err, "change an address")
		}
	}
	if in.Body.Name != nil {
		if u, err = s.Accounts.Rename(ctx, u, *in.Body.Name); err != nil {
			return nil, s.personalProblem(err, "rename a user")
		}
	}
	if in.Body.Password != nil {
		if u, err = s.Accounts.SetPassword(ctx, u, *in.Body.Password, identityOf(ctx).ID); err != nil {
			return nil, s.personalProblem(err, "change a password")
		}
	}
	return &userAnswer{Body: u.View(true)}, nil
}

// mayChangePassword wants the present password, or a recent session where there
// is none.
func (s *server) mayChangePassword(ctx context.Context, u sensocto.User, in *changeMeInput) error {
	if u.PasswordHash == "" {
		return s.Accounts.Confirm(ctx, u, identityOf(ctx).ID, "", in.client)
	}
	return s.Accounts.CheckPassword(ctx, u, in.Body.CurrentPassword, in.client)
}

type resetInput struct {
	FromClient
	Body struct {
		Link     string `json:"link" maxLength:"128" doc:"The secret at the end of the link."`
		Password string `json:"password" maxLength:"1024"`
	}
}

// resetPassword sets a password for whoever has the link that was sent, and
// signs in. All earlier sessions and tokens end.
func (s *server) resetPassword(ctx context.Context, in *resetInput) (*userAnswer, error) {
	u, err := s.Accounts.ResetPassword(ctx, in.Body.Link, in.Body.Password)
	if err != nil {
		return nil, s.personalProblem(err, "reset a password")
	}
	session, err := s.Accounts.Begin(ctx, u, in.client)
	return s.begun(ctx, &in.FromClient, session, err, "reset a password")
}

type usersAnswer struct {
	Body struct {
		Users []sensocto.UserView `json:"users" nullable:"false"`
		Next  string              `json:"next" doc:"Where the list goes on; empty at its end."`
	}
}

type listUsersInput struct {
	PageQuery
	Search string `query:"search" maxLength:"256" doc:"Only users with this text in their name or e-mail address."`
}

func (s *server) listUsers(ctx context.Context, in *listUsersInput) (*usersAnswer, error) {
	find := s.Accounts.Users
	if in.Search != "" {
		find = func(ctx context.Context, after string, limit int) ([]sensocto.User, error) {
			return s.Accounts.FindUsers(ctx, in.Search, after, limit)
		}
	}
	users, err := find(ctx, in.After, in.Limit)
	if err != nil {
		return nil, s.personalProblem(err, "list users")
	}
	var out usersAnswer
	out.Body.Users = []sensocto.UserView{}
	for _, u := range users {
		out.Body.Users = append(out.Body.Users, u.View(true))
	}
	out.Body.Next = next(users, in.Limit, func(u sensocto.User) string { return u.ID })
	return &out, nil
}

// UserPath is a user in the path.
type UserPath struct {
	UserID string `path:"id" maxLength:"64" doc:"The user's id."`
}

type changeUserInput struct {
	UserPath
	Body struct {
		Disabled *bool `json:"disabled,omitempty" doc:"A disabled user cannot sign in, and what they began has ended."`
		IsAdmin  *bool `json:"is_admin,omitempty"`
	}
}

func (s *server) changeUser(ctx context.Context, in *changeUserInput) (*userAnswer, error) {
	u, err := s.Accounts.User(ctx, in.UserID)
	if err == nil && in.Body.Disabled != nil {
		u, err = s.Accounts.SetDisabled(ctx, u, *in.Body.Disabled)
	}
	if err == nil && in.Body.IsAdmin != nil {
		u, err = s.Accounts.SetAdmin(ctx, u, *in.Body.IsAdmin)
	}
	if err != nil {
		return nil, s.personalProblem(err, "change a user")
	}
	return &userAnswer{Body: u.View(true)}, nil
}

func (s *server) mailResetLink(ctx context.Context, in *UserPath) (*empty, error) {
	u, err := s.Accounts.User(ctx, in.UserID)
	if err == nil {
		err = s.Accounts.MailReset(ctx, u)
	}
	return s.done(err, "mail a link")
}

func (s *server) signOutUser(ctx context.Context, in *UserPath) (*empty, error) {
	u, err := s.Accounts.User(ctx, in.UserID)
	if err == nil {
		err = s.Accounts.SignOut(ctx, u.ID, "")
	}
	if err != nil {
		return nil, s.personalProblem(err, "sign a user out")
	}
	return nil, nil
}
