// Package account knows who may do what: tokens with a name and scopes, and
// guests where they are switched on.
//
// It promises that a token counts from the moment it is stored and no longer
// once it is revoked, also when another process did so: every [Accounts.Authenticate]
// reads the store. Only while the store cannot be asked are tokens answered for
// from memory that it confirmed before, at most [Options.Grace] ago; a
// revocation that is made meanwhile counts as soon as the store is back. Whoever holds a connection open for an
// identity is told of a revocation through [Accounts.OnRevoked], at once for
// one made here, within [PollInterval] for one made by another process.
//
// Secrets leave the package once, in the text that [Accounts.Create] returns;
// they are never stored, logged or put into an error. There are no accounts
// with passwords, sessions or rooms here yet.
package account

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// TokenStore keeps tokens. It is safe for concurrent use, also by several
// processes on the same data.
type TokenStore interface {
	// InsertToken stores a new token. It returns an error when the id is taken.
	InsertToken(ctx context.Context, t sensocto.Token) error
	// Token returns the token with the id, revoked or not, or
	// sensocto.ErrNotFound.
	Token(ctx context.Context, id string) (sensocto.Token, error)
	// Tokens returns all tokens, revoked ones too.
	Tokens(ctx context.Context) ([]sensocto.Token, error)
	// RevokeToken notes when the token stopped being valid. It returns
	// sensocto.ErrNotFound for an unknown id.
	RevokeToken(ctx context.Context, id string, at time.Time) error
	// DataVersion returns a number that differs after this or another process
	// changed the tokens.
	DataVersion(ctx context.Context) (int64, error)
}

// Options are what New needs. Tokens must be set.
type Options struct {
	Tokens TokenStore
	// GuestScopes are the rights of whoever brings no credential. None means
	// that there are no guests.
	GuestScopes []sensocto.Scope
	// Grace is how long tokens that were seen are valid after the store last
	// confirmed them, while it cannot be asked. Default 24 h; negative: not at all.
	Grace time.Duration
	// Log is where creations and revocations are noted; nil discards them.
	Log *slog.Logger
}

// Accounts turns credentials into identities and manages tokens. It is safe
// for concurrent use and implements sensocto.Authenticator.
type Accounts struct {
	tokens TokenStore
	guests []sensocto.Scope
	log    *slog.Logger
	seen   *seen

	accepted, refused, failed, remembered atomic.Uint64

	// mu guards the fields below.
	mu        sync.Mutex
	listeners map[*listener]struct{}
	live      map[string]struct{} // ids that were valid at the last poll
	told      map[string]struct{} // ids whose end the listeners know of
}

type listener struct{ revoked func(identityID string) }

var _ sensocto.Authenticator = (*Accounts)(nil)

// New returns Accounts on the given store. It starts nothing: see Run.
func New(o Options) *Accounts {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Accounts{
		tokens:    o.Tokens,
		guests:    slices.Clone(o.GuestScopes),
		log:       o.Log,
		seen:      newSeen(o.Grace),
		listeners: map[*listener]struct{}{},
		live:      map[string]struct{}{},
		told:      map[string]struct{}{},
	}
}

// Authenticate returns whom the credential stands for; "" is a guest, where
// guests are switched on. It returns sensocto.ErrUnauthorized for a credential
// that is not valid now, and an error of code unavailable when the store
// cannot be asked.
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
		return a.guest()
	}
	id, secret, ok := splitToken(credential)
	if !ok {
		return sensocto.Identity{}, sensocto.ErrUnauthorized
	}
	t, err := a.lookUp(ctx, id)
	if err != nil && !errors.Is(err, sensocto.ErrNotFound) {
		return sensocto.Identity{}, fmt.Errorf("look up token: %w: %w", sensocto.ErrUnavailable, err)
	}
	if len(t.SecretHash) != sha256.Size {
		t.SecretHash = make([]byte, sha256.Size) // an unknown id takes the same path
	}
	same := subtle.ConstantTimeCompare(hashSecret(secret), t.SecretHash) == 1
	if err != nil || !same || !t.RevokedAt.IsZero() {
		return sensocto.Identity{}, sensocto.ErrUnauthorized
	}
	return sensocto.Identity{ID: t.ID, Name: t.Name, OwnerID: sensocto.OperatorID, Scopes: slices.Clone(t.Scopes)}, nil
}

func (a *Accounts) guest() (sensocto.Identity, error) {
	if len(a.guests) == 0 {
		return sensocto.Identity{}, sensocto.ErrUnauthorized
	}
	return sensocto.Identity{ID: sensocto.GuestID, Name: sensocto.GuestID, OwnerID: sensocto.GuestID, Scopes: slices.Clone(a.guests)}, nil
}

// lookUp returns a token as the store has it or, where that cannot be asked, as
// it had it when it was seen last.
func (a *Accounts) lookUp(ctx context.Context, id string) (sensocto.Token, error) {
	t, err := a.tokens.Token(ctx, id)
	switch {
	case err == nil:
		a.seen.confirm(t, time.Now())
	case errors.Is(err, sensocto.ErrNotFound):
		a.seen.forget(id)
	case ctx.Err() == nil:
		if remembered, ok := a.seen.recall(id, time.Now()); ok {
			a.remembered.Add(1)
			return remembered, nil
		}
	}
	return t, err
}

// Metrics reports how many credentials were accepted and refused.
func (a *Accounts) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{
		Name: "authentications_remembered_total", Help: "Credentials that were checked against memory, because the database was away.",
		Kind: sensocto.KindCounter, Value: float64(a.remembered.Load()),
	})
	for result, n := range map[string]uint64{"accepted": a.accepted.Load(), "refused": a.refused.Load(), "failed": a.failed.Load()} {
		emit(sensocto.Metric{
			Name: "authentications_total", Help: "Credentials that were checked, guests included, by result.",
			Kind: sensocto.KindCounter, Labels: []string{"result", result}, Value: float64(n),
		})
	}
}
