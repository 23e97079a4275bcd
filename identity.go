package sensocto

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scope is a right that a token gives.
type Scope string

// The scopes.
const (
	ScopeIngest Scope = "ingest" // bring sensors
	ScopeView   Scope = "view"   // see every sensor
	ScopeAdmin  Scope = "admin"  // everything: also rename, delete, command
)

// ParseScopes reads a comma-separated list such as "ingest,view".
func ParseScopes(list string) ([]Scope, error) {
	var scopes []Scope
	for name := range strings.SplitSeq(list, ",") {
		s := Scope(strings.TrimSpace(name))
		switch s {
		case ScopeIngest, ScopeView, ScopeAdmin:
			if !slices.Contains(scopes, s) {
				scopes = append(scopes, s)
			}
		case "":
		default:
			return nil, &Error{Code: CodeInvalid, Reason: "invalid_scope", Message: fmt.Sprintf("unknown scope %q: use ingest, view or admin", s)}
		}
	}
	return scopes, nil
}

// Identity is who a credential stands for.
type Identity struct {
	// ID is stable and no secret: the token's public id, or "guest".
	ID   string
	Name string
	// UserID is the user whose credential it is; "" for tokens of the server
	// itself and for callers without a credential.
	UserID string
	// Kind is that of the credential; "" for callers without one.
	Kind TokenKind
	// OwnerID is to whom sensors belong that the identity brings: the user,
	// OperatorID for all tokens of the server itself, "guest" for guests.
	OwnerID string
	Scopes  []Scope
	// SensorIDs are the only sensors for which the credential counts; none
	// means all.
	SensorIDs []string
}

// Operator reports whether the credential is one of the server itself.
func (id Identity) Operator() bool { return id.OwnerID == OperatorID }

// OperatorID owns what tokens of the server itself bring.
const OperatorID = "operator"

// GuestID is the identity and the owner of everybody without a credential,
// where guests are switched on.
const GuestID = "guest"

// Token is a credential as it is stored: its secret is known only as a hash.
type Token struct {
	ID         string // public, part of the token's text
	Name       string
	Kind       TokenKind // "" stands for KindToken
	Scopes     []Scope
	SecretHash []byte // SHA-256 of the secret part
	CreatedAt  time.Time
	RevokedAt  time.Time // zero while the token is not revoked
	ExpiresAt  time.Time // zero for never
	UserID     string    // whose it is; "" for the server itself
	SensorIDs  []string  // the only sensors that it is for; none means all
	Device     string    // what a session was begun with, for people
	// ConfirmedAt is when the person last showed who they are in a session; zero
	// for never, as where an issuer signed them in without asking.
	ConfirmedAt time.Time
	UsedAt      time.Time // when a session was last used, about; zero for tokens
}

// Valid reports whether the token counts at a time.
func (t Token) Valid(now time.Time) bool {
	return t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
}

// Can reports whether the identity has the right; admin has all.
func (id Identity) Can(s Scope) bool {
	return slices.Contains(id.Scopes, s) || slices.Contains(id.Scopes, ScopeAdmin)
}

// Authenticator turns credentials into identities.
type Authenticator interface {
	// Authenticate returns whom the credential stands for. "" is no
	// credential: a guest, where guests are switched on. It returns
	// ErrUnauthorized for anything else that is not valid now.
	Authenticate(ctx context.Context, credential string) (Identity, error)
	// OnRevoked calls f with Identity.ID soon after a token stopped being
	// valid, until stop is called. f must not block.
	OnRevoked(f func(identityID string)) (stop func())
}
