// Package account knows who somebody is: users with passwords, passkeys and
// identities at an OpenID Connect issuer, their sessions and tokens, the tokens of the server itself, and callers without a credential
// where these are switched on.
//
// It promises that a credential counts from the moment it is stored and no
// longer once it is revoked, has expired, or its user is disabled or gone, also
// when another process did so: every [Accounts.Authenticate] reads the store.
// Only while the store cannot be asked are credentials answered for from memory
// that it confirmed before, at most [Options.Grace] ago; what is revoked
// meanwhile counts as soon as the store is back. Whoever holds a connection open
// for an identity is told when it ends through [Accounts.OnRevoked], at once for
// a change made here, within [PollInterval] for one made by another process.
//
// Secrets leave the package once, in what the call returns that makes them; they
// are stored as hashes, and never logged or put into an error. What a user may
// do with whose sensors and rooms is not decided here.
package account

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/sensocto/sensocto"
)

// Store keeps users and credentials; *peopledb.DB is one. It is safe for
// concurrent use, also by several processes on the same data.
type Store interface {
	InsertToken(ctx context.Context, t sensocto.Token) error
	Token(ctx context.Context, id string) (sensocto.Token, error)
	Tokens(ctx context.Context) ([]sensocto.Token, error)
	UserTokens(ctx context.Context, userID string) ([]sensocto.Token, error)
	RevokeToken(ctx context.Context, id string, at time.Time) error
	ConfirmToken(ctx context.Context, id string, at time.Time) error
	UseTokens(ctx context.Context, uses map[string]time.Time) error
	ForgetTokens(ctx context.Context, before time.Time) (int64, error)
	// Credential returns a token and, where it is a user's, its user.
	Credential(ctx context.Context, tokenID string) (sensocto.Token, sensocto.User, error)

	InsertUser(ctx context.Context, u sensocto.User) error
	User(ctx context.Context, id string) (sensocto.User, error)
	UserByEmail(ctx context.Context, email string) (sensocto.User, error)
	FindUsers(ctx context.Context, text, after string, limit int) ([]sensocto.User, error)
	Users(ctx context.Context, after string, limit int) ([]sensocto.User, error)
	UpdateUser(ctx context.Context, u sensocto.User) (sensocto.User, error)
	Administrators(ctx context.Context) (int, error)

	InsertLink(ctx context.Context, l sensocto.Link) error
	Link(ctx context.Context, kind sensocto.LinkKind, hash []byte) (sensocto.Link, error)
	TakeLink(ctx context.Context, kind sensocto.LinkKind, hash []byte) (sensocto.Link, error)
	LinkFor(ctx context.Context, kind sensocto.LinkKind, data string, now time.Time) (sensocto.Link, error)

	InsertPasskey(ctx context.Context, p sensocto.Passkey, most int) error
	Passkeys(ctx context.Context, userID string) ([]sensocto.Passkey, error)
	Passkey(ctx context.Context, id []byte) (sensocto.Passkey, error)
	UsePasskey(ctx context.Context, id []byte, was, data string, at time.Time) error
	DeletePasskey(ctx context.Context, userID string, id []byte, keepOne bool) error

	InsertIdentity(ctx context.Context, e sensocto.ExternalIdentity) error
	InsertUserWithIdentity(ctx context.Context, u sensocto.User, e sensocto.ExternalIdentity, invitation []byte) error
	UserByIdentity(ctx context.Context, issuer, subject string) (sensocto.User, error)
	Identities(ctx context.Context, userID string) ([]sensocto.ExternalIdentity, error)
	DeleteIdentities(ctx context.Context, userID, issuer string, keepOne bool) error

	Changes(ctx context.Context, after int64) (changes []sensocto.Change, version int64, all bool, err error)
}

// Registration says who may sign up.
type Registration string

// The values of Registration.
const (
	RegistrationOpen    Registration = "open"
	RegistrationInvited Registration = "invited"
	RegistrationClosed  Registration = "closed"
)

// Options are what New needs. Store must be set.
type Options struct {
	Store Store
	// GuestScopes are the rights of whoever brings no credential. None means
	// that a credential is needed.
	GuestScopes []sensocto.Scope
	// Registration is who may sign up; default nobody.
	Registration Registration
	// Guests lets people begin a session with nothing but a name.
	Guests bool
	// Grace is how long credentials that were seen are valid after the store last
	// confirmed them, while it cannot be asked. Default 24 h; negative: not at all.
	Grace time.Duration
	// SessionLife is how long a session lasts. Default 30 days.
	SessionLife time.Duration
	// SessionIdle is how long a session lasts without being used: by a request, or a
	// join of a channel. Default 7 days; negative: as long as SessionLife.
	SessionIdle time.Duration
	// OIDC is an OpenID Connect issuer with which people may sign in; none where
	// its Issuer is empty.
	OIDC OIDC
	// Mail sends mails; nil sends none. Links in them need ServeAt.
	Mail Mailer
	// Renamed is told what a user is called from now on; nil is told nothing.
	Renamed func(userID, name string)
	// Audit is told what people do with accounts and credentials; nil discards it.
	Audit sensocto.Auditor
	// Security takes sign-ins that are refused; nil discards them.
	Security sensocto.SecurityLog
	// Log is where creations and revocations are noted; nil discards them.
	Log *slog.Logger
}

// Accounts manages users and turns credentials into identities. It is safe for
// concurrent use and implements sensocto.Authenticator.
type Accounts struct {
	options   Options
	store     Store
	log       *slog.Logger
	audit     sensocto.Auditor
	seen      *seen
	passwords *passwords
	attempts  *attempts
	devices   devices
	watch     watch

	origin        string             // under which people reach the server; "" until ServeAt
	webauthn      *webauthn.WebAuthn // nil where there are no passkeys
	registrations *pending[registration]
	assertions    *pending[webauthn.SessionData]
	issuer        *issuer // nil for none
	flows         *pending[flow]

	accepted, refused, failed, remembered atomic.Uint64
	signIns, signInsRefused, signUps      atomic.Uint64
}

var _ sensocto.Authenticator = (*Accounts)(nil)

// New returns Accounts on the given store. It starts nothing: see Run.
func New(o Options) *Accounts {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Renamed == nil {
		o.Renamed = func(string, string) {}
	}
	if o.Audit == nil {
		o.Audit = sensocto.NoAudit{}
	}
	if o.Security == nil {
		o.Security = sensocto.NoSecurityLog{}
	}
	o.Registration = cmp.Or(o.Registration, RegistrationClosed)
	o.SessionLife = cmp.Or(o.SessionLife, 30*24*time.Hour)
	o.SessionIdle = cmp.Or(o.SessionIdle, 7*24*time.Hour)
	o.GuestScopes = slices.Clone(o.GuestScopes)
	return &Accounts{
		options: o, store: o.Store, log: o.Log, audit: o.Audit,
		seen: newSeen(o.Grace), passwords: newPasswords(), attempts: newAttempts(),
		registrations: newPending[registration](), assertions: newPending[webauthn.SessionData](),
		issuer: newIssuer(o.OIDC), flows: newPending[flow](),
		watch: watch{listeners: map[*listener]struct{}{}, live: map[string]live{}, told: map[string]struct{}{}},
	}
}

// Authenticate returns whom the credential stands for; "" is a caller without
// one, where these are let in. It returns sensocto.ErrUnauthorized for a
// credential that is not valid now, and an error of code unavailable when the
// store cannot be asked.
func (a *Accounts) Authenticate(ctx context.Context, credential string) (sensocto.Identity, error) {
	id, err := a.identify(ctx, credential)
	switch {
	case err == nil:
		a.accepted.Add(1)
	case errors.Is(err, sensocto.ErrUnauthorized):
		a.refused.Add(1)
	default:
		a.failed.Add(1)
	}
	return id, err
}

func (a *Accounts) identify(ctx context.Context, credential string) (sensocto.Identity, error) {
	if credential == "" {
		return a.anonymous()
	}
	id, secret, ok := splitToken(credential)
	if !ok {
		return sensocto.Identity{}, sensocto.ErrUnauthorized
	}
	c, err := a.lookUp(ctx, id)
	if err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return sensocto.Identity{}, fmt.Errorf("look up token: %w: %w", sensocto.ErrUnavailable, err)
	}
	hash := c.token.SecretHash
	if len(hash) != sha256.Size {
		hash = make([]byte, sha256.Size) // an unknown id takes the same path
	}
	same := subtle.ConstantTimeCompare(hashSecret(secret), hash) == 1
	now := time.Now()
	if err != nil || !same || !c.valid(now) || a.idle(c.token, now) {
		return sensocto.Identity{}, sensocto.ErrUnauthorized
	}
	a.watch.follow(c.token, now)
	return c.identity(), nil
}

func (a *Accounts) anonymous() (sensocto.Identity, error) {
	if len(a.options.GuestScopes) == 0 {
		return sensocto.Identity{}, sensocto.ErrUnauthorized
	}
	return sensocto.Identity{ID: sensocto.GuestID, Name: sensocto.GuestID, OwnerID: sensocto.GuestID, Scopes: slices.Clone(a.options.GuestScopes)}, nil
}

// credential is a token with its user, who is the zero User for a token of the
// server itself.
type credential struct {
	token sensocto.Token
	user  sensocto.User
}

func (c credential) valid(now time.Time) bool {
	return c.token.ID != "" && c.token.Valid(now) && (c.token.UserID == "" || c.user.ID == c.token.UserID && c.user.Active(now))
}

func (c credential) identity() sensocto.Identity {
	id := sensocto.Identity{ID: c.token.ID, Name: c.token.Name, OwnerID: sensocto.OperatorID, Kind: c.token.Kind,
		Scopes: slices.Clone(c.token.Scopes), SensorIDs: slices.Clone(c.token.SensorIDs)}
	if c.token.UserID != "" {
		id.UserID, id.OwnerID, id.Name = c.user.ID, c.user.ID, c.user.Name
		if !c.user.IsAdmin { // an administrator's token keeps the scope only as long as its user is one
			id.Scopes = slices.DeleteFunc(id.Scopes, func(s sensocto.Scope) bool { return s == sensocto.ScopeAdmin })
		}
	}
	return id
}

// lookUp returns a credential as the store has it or, where that cannot be
// asked, as it had it when it was seen last.
func (a *Accounts) lookUp(ctx context.Context, id string) (credential, error) {
	token, user, err := a.store.Credential(ctx, id)
	c := credential{token, user}
	switch {
	case err == nil:
		a.seen.confirm(c, time.Now())
	case errors.Is(err, sensocto.ErrNotFound):
		a.seen.forget(id)
	case ctx.Err() == nil:
		if remembered, ok := a.seen.recall(id, time.Now()); ok {
			a.remembered.Add(1)
			return remembered, nil
		}
	}
	return c, err
}

// Metrics reports how many credentials were accepted and refused.
func (a *Accounts) Metrics(emit func(sensocto.Metric)) {
	counter := func(name, help string, n uint64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindCounter, Labels: labels, Value: float64(n)})
	}
	counter("authentications_remembered_total", "Credentials that were checked against memory, because the database was away.", a.remembered.Load())
	for result, n := range map[string]uint64{"accepted": a.accepted.Load(), "refused": a.refused.Load(), "failed": a.failed.Load()} {
		counter("authentications_total", "Credentials that were checked, guests included, by result.", n, "result", result)
	}
	for result, n := range map[string]uint64{"accepted": a.signIns.Load(), "refused": a.signInsRefused.Load(), "limited": a.attempts.limited.Load()} {
		counter("sign_ins_total", "Sign-ins, by result; limited ones were not tried.", n, "result", result)
	}
	counter("sign_ins_evicted_total", "Sign-ins and registrations in two steps that ended before their time, because too many had begun.",
		a.registrations.evicted.Load()+a.assertions.evicted.Load()+a.flows.evicted.Load())
	counter("sign_ups_total", "Accounts that people made, guests included.", a.signUps.Load())
}
