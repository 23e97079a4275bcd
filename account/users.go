package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sensocto/sensocto"
)

// guestLife is how long a guest's account lasts.
const guestLife = 24 * time.Hour

var (
	errClosed      = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "registration_closed", Message: "nobody can sign up here: ask an administrator for an account"}
	errInvited     = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "invitation_needed", Message: "an invitation is needed to sign up here"}
	errGuestsOff   = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "guests_off", Message: "guests are switched off here: sign in or sign up"}
	errCredentials = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "wrong_credentials", Message: "the e-mail address or the password is wrong"}
	errExpired     = &sensocto.Error{Code: sensocto.CodeNotFound, Reason: "link_expired", Message: "the link has expired, or was used: ask for another one"}
)

// Open returns who may sign up, and whether guests may have accounts for a day.
func (a *Accounts) Open() (registration string, guests bool) {
	return string(a.options.Registration), a.options.Guests
}

// SignUp makes an account as the registration allows. It returns errors of code
// invalid, conflict for an address that is taken, and unauthorized. An
// invitation stays good where what the person said cannot be.
func (a *Accounts) SignUp(ctx context.Context, s sensocto.SignUp) (sensocto.User, error) {
	s.Admin, s.EmailProven = false, false
	switch {
	case s.Invitation != "":
		link, err := a.SeeLink(ctx, sensocto.LinkInvite, s.Invitation)
		if err != nil {
			return sensocto.User{}, err
		}
		if err := invitedAs(s.Email, link.Data); err != nil {
			return sensocto.User{}, err
		}
		s.Email, s.EmailProven = cmp.Or(link.Data, s.Email), link.Data != ""
	case a.options.Registration == RegistrationInvited:
		return sensocto.User{}, errInvited
	case a.options.Registration != RegistrationOpen:
		return sensocto.User{}, errClosed
	}
	if err := a.attempts.signUp(s.From.Address, time.Now()); err != nil {
		return sensocto.User{}, err
	}
	u, err := a.createUser(ctx, s, sensocto.LinkInvite, s.Invitation, themselves)
	if err == nil {
		a.signUps.Add(1)
	}
	return u, err
}

// invitedAs returns an error where somebody says another address than the one that
// the invitation was mailed to: they would look for the account under the wrong one.
func invitedAs(said, invited string) error {
	email, err := sensocto.NormalizeEmail(said)
	if said == "" || invited == "" || err == nil && email == invited {
		return nil
	}
	return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_email", Message: "the invitation is for " + invited + ": the account is made for that address, which can be changed later"}
}

// CreateUser makes an account without asking for a right: for an administrator.
// Without a password the person gets in by a link (NewLink).
func (a *Accounts) CreateUser(ctx context.Context, s sensocto.SignUp) (sensocto.User, error) {
	s.EmailProven = s.Email != ""
	return a.createUser(ctx, s, "", "", somebody)
}

// maker is who makes an account.
type maker bool

const (
	somebody   maker = false // who calls, for another person
	themselves maker = true
)

// createUser makes an account, and uses the link that allows it, unless secret
// is empty: once everything is checked, and before the account is there, so that
// one link makes one account.
func (a *Accounts) createUser(ctx context.Context, s sensocto.SignUp, kind sensocto.LinkKind, secret string, by maker) (sensocto.User, error) {
	u, err := a.newUser(ctx, s)
	if err != nil {
		return sensocto.User{}, err
	}
	if secret != "" {
		if _, err := a.UseLink(ctx, kind, secret); err != nil {
			return sensocto.User{}, err
		}
	}
	if err := a.store.InsertUser(ctx, u); err != nil {
		return sensocto.User{}, err
	}
	a.log.InfoContext(ctx, "account created", "user", u.ID, "admin", u.IsAdmin)
	e := sensocto.AuditEvent{Action: sensocto.AuditUserCreated, UserID: u.ID}
	if by == themselves {
		e.ActorID = u.ID
	}
	if u.IsAdmin {
		e.Detail = "administrator"
	}
	a.audit.Record(ctx, e)
	return u, nil
}

// newUser returns the user that a person asks to be, or everything that is wrong
// with that.
func (a *Accounts) newUser(ctx context.Context, s sensocto.SignUp) (u sensocto.User, err error) {
	email, err := sensocto.NormalizeEmail(s.Email)
	wrong := []error{sensocto.CheckName(s.Name), err}
	if s.Password != "" {
		wrong = append(wrong, checkPassword(s.Password, s.Name, email))
	}
	if err := errors.Join(wrong...); err != nil {
		return u, err
	}
	u = sensocto.User{ID: newID(), Name: s.Name, Email: email, EmailProven: s.EmailProven, IsAdmin: s.Admin, CreatedAt: now(), Version: 1}
	if s.Password != "" {
		u.PasswordHash, err = a.newPassword(ctx, u, s.Password)
	}
	return u, err
}

// newID returns a UUID of version 7: ids are in order of their making.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// now is the present, as exactly as it is stored.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (a *Accounts) newPassword(ctx context.Context, u sensocto.User, password string) (string, error) {
	if err := checkPassword(password, u.Name, u.Email); err != nil {
		return "", err
	}
	return a.passwords.hash(ctx, password)
}

// SignIn begins a session with an address and a password. Whether the account
// does not exist, is disabled, has no password or another one, the answer is
// the same after the same time. It returns errors of code unauthorized,
// rate_limited and unavailable.
func (a *Accounts) SignIn(ctx context.Context, email, password string, from sensocto.Client) (sensocto.Session, error) {
	email, err := sensocto.NormalizeEmail(email)
	if err != nil {
		email = "" // nobody has it: the same path
	}
	if err := a.attempts.begin("password", email, from.Address, time.Now()); err != nil {
		return sensocto.Session{}, err
	}
	u, err := a.verify(ctx, email, password)
	if err != nil {
		if errors.Is(err, errCredentials) {
			a.signInsRefused.Add(1)
			// Of an unknown address nothing is kept: it may be a mistyped password.
			a.signInRefused(ctx, u.ID, wayPassword, from.Device, err, from)
		}
		return sensocto.Session{}, err
	}
	a.attempts.succeeded("password", email, from.Address, time.Now())
	a.signIns.Add(1)
	return a.Begin(ctx, u, by(wayPassword, from))
}

// verify returns the user with an address and a password. With errCredentials it
// returns the user whose address it is, if there is one.
func (a *Accounts) verify(ctx context.Context, email, password string) (sensocto.User, error) {
	u, err := a.store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return sensocto.User{}, fmt.Errorf("look up user: %w: %w", sensocto.ErrUnavailable, err)
	}
	ok, err := a.passwords.matches(ctx, u.PasswordHash, password)
	switch {
	case err != nil:
		return sensocto.User{}, err
	case !ok || !u.Active(time.Now()):
		return u, errCredentials
	}
	return a.rehash(ctx, u, password), nil
}

// rehash stores a hash of the present cost for a user whose hash has another one:
// only now is the password known. Where that fails the old one goes on.
func (a *Accounts) rehash(ctx context.Context, u sensocto.User, password string) sensocto.User {
	if !outdated(u.PasswordHash) {
		return u
	}
	changed, err := u, error(nil)
	if changed.PasswordHash, err = a.passwords.hash(ctx, password); err == nil {
		changed, err = a.store.UpdateUser(ctx, changed)
	}
	if err != nil {
		a.log.Warn("cannot store a password hash of the present cost; the one of before goes on", "user", u.ID, "err", err)
		return u
	}
	a.log.Info("password hashed anew", "user", u.ID)
	return changed
}

// CheckPassword returns errCredentials unless the password is the user's: for
// changes that ask for it once more.
func (a *Accounts) CheckPassword(ctx context.Context, u sensocto.User, password string, from sensocto.Client) error {
	if err := a.attempts.begin("password", u.Email, from.Address, time.Now()); err != nil {
		return err
	}
	ok, err := a.passwords.matches(ctx, u.PasswordHash, password)
	switch {
	case err != nil:
		return err
	case !ok:
		a.signInRefused(ctx, u.ID, wayPasswordAgain, wayPasswordAgain, errCredentials, from)
		return errCredentials
	}
	a.attempts.succeeded("password", u.Email, from.Address, time.Now())
	return nil
}

// Guest makes an account that ends by itself, and begins its session. It
// returns an error of code unauthorized where guests are off.
func (a *Accounts) Guest(ctx context.Context, name string, from sensocto.Client) (sensocto.Session, error) {
	if !a.options.Guests {
		return sensocto.Session{}, errGuestsOff
	}
	if err := sensocto.CheckName(name); err != nil {
		return sensocto.Session{}, err
	}
	if err := a.attempts.signUp(from.Address, time.Now()); err != nil {
		return sensocto.Session{}, err
	}
	u := sensocto.User{ID: newID(), Name: name, IsGuest: true, CreatedAt: now(), ExpiresAt: now().Add(guestLife), Version: 1}
	if err := a.store.InsertUser(ctx, u); err != nil {
		return sensocto.Session{}, err
	}
	a.signUps.Add(1)
	a.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditUserCreated, ActorID: u.ID, UserID: u.ID, Address: from.Address, Detail: "guest"})
	return a.Begin(ctx, u, by(wayGuest, from))
}

// maxDeviceBytes bounds what is kept of what a client says it is.
const maxDeviceBytes = 200

// Begin begins a session for a user who has just shown who they are.
func (a *Accounts) Begin(ctx context.Context, u sensocto.User, from sensocto.Client) (sensocto.Session, error) {
	return a.begin(ctx, u, now(), from)
}

// begin begins a session for a user who showed who they are at a time; zero says
// that nobody knows when.
func (a *Accounts) begin(ctx context.Context, u sensocto.User, confirmed time.Time, from sensocto.Client) (sensocto.Session, error) {
	id, secret := newToken()
	t := sensocto.Token{ID: id, Name: "session", Kind: sensocto.KindSession, UserID: u.ID, Scopes: userScopes(u), SecretHash: hashSecret(secret),
		CreatedAt: now(), ExpiresAt: now().Add(a.options.SessionLife), Device: from.Device[:min(len(from.Device), maxDeviceBytes)],
		ConfirmedAt: confirmed, UsedAt: now()}
	if !u.ExpiresAt.IsZero() && u.ExpiresAt.Before(t.ExpiresAt) {
		t.ExpiresAt = u.ExpiresAt
	}
	if err := a.endOldest(ctx, u.ID); err != nil {
		return sensocto.Session{}, err
	}
	if err := a.store.InsertToken(ctx, t); err != nil {
		return sensocto.Session{}, fmt.Errorf("store session: %w", err)
	}
	a.log.InfoContext(ctx, "signed in", "event", "signed_in", "user", u.ID, "session", t.ID, "way", cmp.Or(from.Way, wayLink))
	a.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditSignedIn, ActorID: u.ID, CredentialID: t.ID, UserID: u.ID, Address: from.Address, Detail: t.Device})
	return sensocto.Session{User: u, Token: t, Secret: tokenText(id, secret), Expires: t.ExpiresAt}, nil
}

// maxSessions and maxTokens bound those of one user.
const (
	maxSessions = 100
	maxTokens   = 100
)

var errTooManyTokens = &sensocto.Error{Code: sensocto.CodeRateLimited, Reason: "too_many_tokens", Message: "you have as many tokens as the server allows: revoke one first"}

// endOldest ends a user's oldest session where there are as many as there may be.
func (a *Accounts) endOldest(ctx context.Context, userID string) error {
	sessions, err := a.Sessions(ctx, userID)
	if err != nil || len(sessions) < maxSessions {
		return err
	}
	return a.revoke(ctx, sessions[0])
}

// userScopes are the scopes of a session. What they are good for is decided
// sensor by sensor, since a user sees only what is shared with them.
func userScopes(u sensocto.User) []sensocto.Scope {
	scopes := []sensocto.Scope{sensocto.ScopeIngest, sensocto.ScopeView}
	if u.IsAdmin {
		scopes = append(scopes, sensocto.ScopeAdmin)
	}
	return scopes
}

// Sessions returns the user's sessions that have not ended, oldest first.
func (a *Accounts) Sessions(ctx context.Context, userID string) ([]sensocto.Token, error) {
	return a.userTokens(ctx, userID, sensocto.KindSession)
}

func (a *Accounts) userTokens(ctx context.Context, userID string, kind sensocto.TokenKind) ([]sensocto.Token, error) {
	all, err := a.store.UserTokens(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	kept := []sensocto.Token{}
	for _, t := range all {
		if now := time.Now(); t.Kind == kind && t.Valid(now) && !a.idle(t, now) {
			t.UsedAt = a.lastUse(t)
			kept = append(kept, t)
		}
	}
	return kept, nil
}

// EndSession ends one of the user's sessions or tokens. It returns
// sensocto.ErrNotFound for one that is not the user's.
func (a *Accounts) EndSession(ctx context.Context, userID, tokenID string) error {
	t, err := a.store.Token(ctx, tokenID)
	if err == nil && (t.UserID == "" || t.UserID != userID) {
		err = sensocto.ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := a.revoke(ctx, t); err != nil {
		return err
	}
	e := sensocto.AuditEvent{Action: sensocto.AuditTokenRevoked, UserID: userID, Detail: tokenDetail(t)}
	if t.Kind == sensocto.KindSession {
		e.Action, e.Detail = sensocto.AuditSignedOut, t.Device
	}
	a.audit.Record(ctx, e)
	return nil
}

// EndSessions ends all sessions and tokens of a user, except one.
func (a *Accounts) EndSessions(ctx context.Context, userID, except string) error {
	return a.endAll(ctx, userID, func(t sensocto.Token) bool { return t.ID != except })
}

// SignOut ends all sessions of a user except one, "" for all. Tokens of their
// devices go on.
func (a *Accounts) SignOut(ctx context.Context, userID, except string) error {
	err := a.endAll(ctx, userID, func(t sensocto.Token) bool { return isSession(t) && t.ID != except })
	if err != nil {
		return err
	}
	a.log.Info("signed out everywhere", "user", userID, "except", except)
	e := sensocto.AuditEvent{Action: sensocto.AuditSignedOut, UserID: userID, Detail: "everywhere"}
	if except != "" {
		e.Detail = "everywhere else"
	}
	a.audit.Record(ctx, e)
	return nil
}

func isSession(t sensocto.Token) bool { return t.Kind == sensocto.KindSession }

// endAll ends those of a user's sessions and tokens that are to end.
func (a *Accounts) endAll(ctx context.Context, userID string, ends func(sensocto.Token) bool) error {
	all, err := a.store.UserTokens(ctx, userID)
	if err != nil {
		return fmt.Errorf("list tokens: %w", err)
	}
	for _, t := range all {
		if ends(t) && t.RevokedAt.IsZero() {
			if err := a.revoke(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// User returns a user, or sensocto.ErrNotFound.
func (a *Accounts) User(ctx context.Context, id string) (sensocto.User, error) {
	return a.store.User(ctx, id)
}

// FindUser returns the user with an id or an e-mail address.
func (a *Accounts) FindUser(ctx context.Context, idOrEmail string) (sensocto.User, error) {
	if email, err := sensocto.NormalizeEmail(idOrEmail); err == nil {
		return a.store.UserByEmail(ctx, email)
	}
	return a.store.User(ctx, idOrEmail)
}

// Users returns up to limit users behind an id, in order of their making.
func (a *Accounts) Users(ctx context.Context, after string, limit int) ([]sensocto.User, error) {
	return a.store.Users(ctx, after, limit)
}

// FindUsers returns a page of those with a text in their name or e-mail address.
func (a *Accounts) FindUsers(ctx context.Context, text, after string, limit int) ([]sensocto.User, error) {
	return a.store.FindUsers(ctx, text, after, limit)
}

// Rename changes a user's name.
func (a *Accounts) Rename(ctx context.Context, u sensocto.User, name string) (sensocto.User, error) {
	if err := sensocto.CheckName(name); err != nil {
		return u, err
	}
	u.Name = name
	u, err := a.store.UpdateUser(ctx, u)
	if err == nil {
		a.options.Renamed(u.ID, u.Name)
	}
	return u, err
}

// CheckChange returns everything that is wrong with what a user wants to be: nil is
// what stays.
func (a *Accounts) CheckChange(u sensocto.User, name, email, password *string) error {
	var wrong []error
	if name != nil {
		u.Name = *name
		wrong = append(wrong, sensocto.CheckName(*name))
	}
	if email != nil {
		_, err := sensocto.NormalizeEmail(*email)
		wrong = append(wrong, err)
	}
	if password != nil {
		wrong = append(wrong, checkPassword(*password, u.Name, u.Email))
	}
	return errors.Join(wrong...)
}

// SetPassword changes a user's password, and ends all sessions and tokens but
// one: whoever had guessed the old one is out.
func (a *Accounts) SetPassword(ctx context.Context, u sensocto.User, password, except string) (sensocto.User, error) {
	hash, err := a.newPassword(ctx, u, password)
	if err != nil {
		return u, err
	}
	u.PasswordHash = hash
	if u, err = a.store.UpdateUser(ctx, u); err != nil {
		return u, err
	}
	a.log.InfoContext(ctx, "password changed", "user", u.ID)
	e := sensocto.AuditEvent{Action: sensocto.AuditPasswordChanged, UserID: u.ID}
	if caller := sensocto.CallerOf(ctx).Identity; caller.UserID == "" && caller.OwnerID != sensocto.OperatorID {
		e.ActorID, e.Detail = u.ID, "by a link" // whoever has it is taken for the person
	}
	a.audit.Record(ctx, e)
	return u, a.EndSessions(ctx, u.ID, except)
}

// SetAdmin makes a user an administrator, or takes that back. The last one
// stays: else nobody could make another.
func (a *Accounts) SetAdmin(ctx context.Context, u sensocto.User, admin bool) (sensocto.User, error) {
	u.IsAdmin = admin
	u, err := a.store.UpdateUser(ctx, u)
	if err == nil {
		a.log.InfoContext(ctx, "administrator changed", "user", u.ID, "admin", admin)
		action := sensocto.AuditAdminRevoked
		if admin {
			action = sensocto.AuditAdminGranted
		}
		a.audit.Record(ctx, sensocto.AuditEvent{Action: action, UserID: u.ID})
		err = a.EndSessions(ctx, u.ID, "") // their scopes are of before
	}
	return u, err
}

var errAtOtherServer = &sensocto.Error{Code: sensocto.CodeConflict, Reason: "account_elsewhere", Message: "the account stands for somebody of another server: nobody signs in with it here. Ban them from a room, or delete the account"}

// SetDisabled keeps a user from signing in and ends what they began, or lets
// them in again. An account of somebody of another server stays disabled as it is.
func (a *Accounts) SetDisabled(ctx context.Context, u sensocto.User, disabled bool) (sensocto.User, error) {
	if u.AtOtherServer() {
		if disabled {
			return u, nil
		}
		return u, errAtOtherServer
	}
	u.DisabledAt = time.Time{}
	if disabled {
		u.DisabledAt = now()
	}
	u, err := a.store.UpdateUser(ctx, u)
	if err == nil {
		a.log.InfoContext(ctx, "account changed", "user", u.ID, "disabled", disabled)
		action := sensocto.AuditUserEnabled
		if disabled {
			action = sensocto.AuditUserDisabled
		}
		a.audit.Record(ctx, sensocto.AuditEvent{Action: action, UserID: u.ID})
		for _, id := range a.watch.ofUser(u.ID) {
			a.seen.forget(id)
			if disabled {
				a.watch.tell(id, false)
			}
		}
	}
	if err == nil && disabled { // who is let in again signs in again; tokens of devices go on then
		err = a.endAll(ctx, u.ID, isSession)
	}
	return u, err
}

// Erase keeps a user from signing in, ends what they began, and marks the account:
// whoever follows the marks removes all that is theirs (see package erasure). It
// cannot be taken back. The last administrator stays.
func (a *Accounts) Erase(ctx context.Context, u sensocto.User) error {
	u.ErasedAt = now()
	u, err := a.store.UpdateUser(ctx, u)
	if err != nil {
		return err
	}
	a.log.InfoContext(ctx, "account is to be erased", "user", u.ID)
	a.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditUserErased, UserID: u.ID})
	return a.EndSessions(ctx, u.ID, "")
}

// NewLink makes a link of a kind that works once, and returns its secret. data
// is what the kind needs.
func (a *Accounts) NewLink(ctx context.Context, kind sensocto.LinkKind, userID, data string, life time.Duration) (secret string, err error) {
	_, secret = newToken()
	err = a.store.InsertLink(ctx, sensocto.Link{Hash: hashSecret(secret), Kind: kind, UserID: userID, Data: data, ExpiresAt: now().Add(life)})
	if action, recorded := linkActions[kind]; recorded && err == nil {
		a.audit.Record(ctx, sensocto.AuditEvent{Action: action, UserID: userID})
	}
	return secret, err
}

// linkActions are the links that give somebody else a way in.
var linkActions = map[sensocto.LinkKind]sensocto.AuditAction{
	sensocto.LinkReset: sensocto.AuditResetLinkMade, sensocto.LinkInvite: sensocto.AuditUserInvited,
}

// UseLink takes a link, which works once, and returns what it was made with. It
// returns an error of code not_found for one that has expired or was used.
func (a *Accounts) UseLink(ctx context.Context, kind sensocto.LinkKind, secret string) (sensocto.Link, error) {
	l, err := a.store.TakeLink(ctx, kind, hashSecret(secret))
	if err != nil || !time.Now().Before(l.ExpiresAt) {
		return sensocto.Link{}, linkError(err)
	}
	return l, nil
}

// ResetPassword sets a password for whoever has the secret of a link that was
// sent for that. The link stays good where the password is refused; all earlier
// sessions and tokens end.
func (a *Accounts) ResetPassword(ctx context.Context, secret, password string) (sensocto.User, error) {
	link, err := a.SeeLink(ctx, sensocto.LinkReset, secret)
	if err != nil {
		return sensocto.User{}, err
	}
	u, err := a.store.User(ctx, link.UserID)
	if err != nil {
		return sensocto.User{}, err
	}
	if err := checkPassword(password, u.Name, u.Email); err != nil {
		return sensocto.User{}, err
	}
	if _, err := a.UseLink(ctx, sensocto.LinkReset, secret); err != nil {
		return sensocto.User{}, err
	}
	if link.Data != "" && link.Data == u.Email && !u.EmailProven {
		// Whoever made the account may have claimed an address of somebody else's.
		if err := a.dropWaysIn(ctx, u.ID); err != nil {
			return sensocto.User{}, err
		}
		u.EmailProven = true
	}
	return a.SetPassword(ctx, u, password, "")
}

// dropWaysIn removes what signs a user in beside the password.
func (a *Accounts) dropWaysIn(ctx context.Context, userID string) error {
	passkeys, err := a.store.Passkeys(ctx, userID)
	if err != nil {
		return err
	}
	for _, p := range passkeys {
		if err := a.store.DeletePasskey(ctx, userID, p.ID, false); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
			return err
		}
		a.recordOwn(ctx, sensocto.AuditPasskeyRemoved, userID, p.Name+": the address was not confirmed when it was added")
	}
	identities, err := a.store.Identities(ctx, userID)
	if err != nil {
		return err
	}
	for _, i := range identities {
		if err := a.store.DeleteIdentities(ctx, userID, i.Issuer, false); err != nil && !errors.Is(err, sensocto.ErrNotFound) {
			return err
		}
		a.recordOwn(ctx, sensocto.AuditUnlinked, userID, i.Issuer+": the address was not confirmed when it was linked")
	}
	return nil
}

// SeeLink returns a link without using it. It returns errors as UseLink does.
func (a *Accounts) SeeLink(ctx context.Context, kind sensocto.LinkKind, secret string) (sensocto.Link, error) {
	l, err := a.store.Link(ctx, kind, hashSecret(secret))
	if err != nil || !time.Now().Before(l.ExpiresAt) {
		return sensocto.Link{}, linkError(err)
	}
	return l, nil
}

// linkError hides whether a link was never there or is no longer good.
func linkError(err error) error {
	if err == nil || errors.Is(err, sensocto.ErrNotFound) {
		return errExpired
	}
	return fmt.Errorf("look up link: %w", err)
}

// SetupLink returns the secret of a link that makes the first administrator's
// account, or "" where there is an administrator.
func (a *Accounts) SetupLink(ctx context.Context, life time.Duration) (secret string, err error) {
	n, err := a.store.Administrators(ctx)
	if err != nil || n > 0 {
		return "", err
	}
	return a.NewLink(ctx, sensocto.LinkSetup, "", "", life)
}

// SetUp makes the first administrator's account with the link's secret, which
// stays good where what the person said cannot be.
func (a *Accounts) SetUp(ctx context.Context, secret string, s sensocto.SignUp) (sensocto.User, error) {
	if _, err := a.SeeLink(ctx, sensocto.LinkSetup, secret); err != nil {
		return sensocto.User{}, err
	}
	if s.Password == "" {
		_, err := a.newUser(ctx, s)
		return sensocto.User{}, errors.Join(err, errWeakPassword)
	}
	s.Admin, s.EmailProven = true, s.Email != ""
	return a.createUser(ctx, s, sensocto.LinkSetup, secret, themselves)
}

// CreateUserToken makes a personal token, and returns its text, which is shown
// once. Its scopes are at most the user's.
func (a *Accounts) CreateUserToken(ctx context.Context, u sensocto.User, t sensocto.Token) (text string, _ sensocto.Token, err error) {
	if slices.Contains(t.Scopes, sensocto.ScopeAdmin) && !u.IsAdmin {
		return "", t, &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "insufficient_scope", Message: "only an administrator's token can have the scope admin"}
	}
	scopes, err := checkScopes(t.Scopes)
	if err = errors.Join(checkName(t.Name), err, checkSensors(t.SensorIDs), checkExpiry(t.ExpiresAt)); err != nil {
		return "", t, err
	}
	t.Scopes = scopes
	have, err := a.UserTokens(ctx, u.ID)
	if err != nil {
		return "", t, err
	}
	if len(have) >= maxTokens {
		return "", t, errTooManyTokens
	}
	id, secret := newToken()
	t.ID, t.Kind, t.UserID, t.SecretHash, t.CreatedAt, t.RevokedAt = id, sensocto.KindToken, u.ID, hashSecret(secret), now(), time.Time{}
	if err := a.store.InsertToken(ctx, t); err != nil {
		return "", t, fmt.Errorf("store token: %w", err)
	}
	a.log.InfoContext(ctx, "token created", "token", t.ID, "user", u.ID, "scopes", t.Scopes)
	a.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditTokenCreated, UserID: u.ID, Detail: tokenDetail(t)})
	return tokenText(id, secret), t, nil
}

// maxTokenSensors bounds the sensors that a token may be limited to.
const maxTokenSensors = 100

func checkSensors(ids []string) error {
	if len(ids) > maxTokenSensors {
		return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "too_many_sensors", Field: "sensor_ids", Message: fmt.Sprintf("a token may name at most %d sensors", maxTokenSensors)}
	}
	for _, id := range ids {
		if !sensocto.ValidID(id) {
			return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_sensor_id", Field: "sensor_ids", Message: fmt.Sprintf("%q is not the id of a sensor", id)}
		}
	}
	return nil
}

func checkExpiry(t time.Time) error {
	if t.IsZero() || time.Now().Before(t) {
		return nil
	}
	return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_expiry", Field: "expires_at", Message: "expires_at must be in the future"}
}

// UserTokens returns the user's tokens that are valid, oldest first.
func (a *Accounts) UserTokens(ctx context.Context, userID string) ([]sensocto.Token, error) {
	return a.userTokens(ctx, userID, sensocto.KindToken)
}
