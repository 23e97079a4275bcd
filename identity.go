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
	// OwnerID is to whom sensors belong that the identity brings: OperatorID
	// for all tokens of a server, "guest" for guests.
	OwnerID string
	Scopes  []Scope
}

// OperatorID owns what any token of the server brings: until there are
// accounts, all tokens belong to the one operator.
const OperatorID = "operator"

// GuestID is the identity and the owner of everybody without a credential,
// where guests are switched on.
const GuestID = "guest"

// Token is a credential as it is stored: its secret is known only as a hash.
type Token struct {
	ID         string // public, part of the token's text
	Name       string
	Scopes     []Scope
	SecretHash []byte // SHA-256 of the secret part
	CreatedAt  time.Time
	RevokedAt  time.Time // zero while the token is valid
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
