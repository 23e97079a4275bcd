package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sensocto/sensocto"
)

// AdminName is the name of the token that the first start makes.
const AdminName = "admin"

// Create makes a token and returns its text, which is shown once and cannot be
// had again. The name is 1–64 printable characters and unique among the tokens
// that are valid, so that it can be revoked by name; the name of a revoked one
// may be used again. It returns errors of code invalid or conflict.
func (a *Accounts) Create(ctx context.Context, name string, scopes []sensocto.Scope) (text string, t sensocto.Token, err error) {
	scopes, err = checkScopes(scopes)
	if err := errors.Join(checkName(name), err); err != nil {
		return "", sensocto.Token{}, err
	}
	// Two processes that create the same name at the same time may both
	// succeed. That is harmless: Revoke then asks for the id.
	switch named, err := a.liveNamed(ctx, name); {
	case err != nil:
		return "", sensocto.Token{}, err
	case len(named) > 0:
		return "", sensocto.Token{}, &sensocto.Error{Code: sensocto.CodeConflict, Reason: "name_taken",
			Message: fmt.Sprintf("there is a token named %q already (id %s): revoke it, or choose another name", name, named[0].ID)}
	}
	id, secret := newToken()
	t = sensocto.Token{ID: id, Name: name, Scopes: scopes, SecretHash: hashSecret(secret), CreatedAt: time.Now().UTC()}
	if err := a.store.InsertToken(ctx, t); err != nil {
		return "", sensocto.Token{}, fmt.Errorf("store token: %w", err)
	}
	a.log.InfoContext(ctx, "token created", "token", t.ID, "name", t.Name, "scopes", t.Scopes)
	a.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditTokenCreated, Detail: tokenDetail(t)})
	return tokenText(id, secret), t, nil
}

// List returns all tokens, oldest first, revoked ones too.
func (a *Accounts) List(ctx context.Context) ([]sensocto.Token, error) {
	tokens, err := a.store.Tokens(ctx)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	slices.SortStableFunc(tokens, func(x, y sensocto.Token) int { return x.CreatedAt.Compare(y.CreatedAt) })
	return tokens, nil
}

// Revoke ends a token, named by its id or, if it is valid, by its name. An id
// goes before a name. Revoking it again changes nothing. It returns
// sensocto.ErrNotFound where there is none, and an error of code conflict
// where several tokens have the name.
func (a *Accounts) Revoke(ctx context.Context, idOrName string) error {
	t, err := a.find(ctx, idOrName)
	if err != nil || !t.RevokedAt.IsZero() {
		return err
	}
	if err := a.revoke(ctx, t); err != nil {
		return err
	}
	a.audit.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditTokenRevoked, UserID: t.UserID, Detail: tokenDetail(t)})
	return nil
}

// tokenDetail says which token it is.
func tokenDetail(t sensocto.Token) string {
	scopes := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = string(s)
	}
	return fmt.Sprintf("%s %q: %s", t.ID, t.Name, strings.Join(scopes, ","))
}

func (a *Accounts) revoke(ctx context.Context, t sensocto.Token) error {
	if err := a.store.RevokeToken(ctx, t.ID, time.Now().UTC()); err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	a.seen.forget(t.ID)
	a.log.InfoContext(ctx, "token revoked", "token", t.ID, "name", t.Name)
	a.watch.tell(t.ID, true)
	return nil
}

func (a *Accounts) find(ctx context.Context, idOrName string) (sensocto.Token, error) {
	if validID(idOrName) {
		t, err := a.store.Token(ctx, idOrName)
		if err != nil && !errors.Is(err, sensocto.ErrNotFound) || err == nil && t.UserID == "" {
			return t, err
		}
	}
	named, err := a.liveNamed(ctx, idOrName)
	switch {
	case err != nil:
		return sensocto.Token{}, err
	case len(named) == 0:
		return sensocto.Token{}, fmt.Errorf("token %q: %w", idOrName, sensocto.ErrNotFound)
	case len(named) > 1:
		return sensocto.Token{}, &sensocto.Error{Code: sensocto.CodeConflict, Reason: "ambiguous_name",
			Message: fmt.Sprintf("%d tokens are named %q: name one by its id", len(named), idOrName)}
	}
	return named[0], nil
}

// EnsureAdmin makes a token with the scope admin if there has never been one,
// and returns its text. A revoked one counts: whoever revoked it does not want
// it back after a restart.
func (a *Accounts) EnsureAdmin(ctx context.Context) (text string, created bool, err error) {
	tokens, err := a.store.Tokens(ctx)
	if err != nil {
		return "", false, fmt.Errorf("list tokens: %w", err)
	}
	name := AdminName
	for _, t := range tokens {
		if slices.Contains(t.Scopes, sensocto.ScopeAdmin) {
			return "", false, nil
		}
		if t.Name == name && t.RevokedAt.IsZero() {
			name = AdminName + "-" + t.ID // somebody gave that name to a token with fewer rights
		}
	}
	text, _, err = a.Create(ctx, name, []sensocto.Scope{sensocto.ScopeAdmin})
	return text, err == nil, err
}

func (a *Accounts) liveNamed(ctx context.Context, name string) ([]sensocto.Token, error) {
	tokens, err := a.List(ctx)
	return slices.DeleteFunc(tokens, func(t sensocto.Token) bool { return t.Name != name || !t.RevokedAt.IsZero() }), err
}

// checkName refuses what would garble a terminal, a log line or a list.
func checkName(name string) error {
	if sensocto.CheckName(name) != nil {
		return &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_name", Message: "a token's name must be 1 to 64 printable characters without spaces around them"}
	}
	return nil
}

func checkScopes(scopes []sensocto.Scope) ([]sensocto.Scope, error) {
	var known []sensocto.Scope
	for _, s := range scopes {
		switch s {
		case sensocto.ScopeIngest, sensocto.ScopeView, sensocto.ScopeAdmin:
		default:
			return nil, &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_scope", Field: "scopes", Message: fmt.Sprintf("unknown scope %q: use ingest, view or admin", s)}
		}
		if !slices.Contains(known, s) {
			known = append(known, s)
		}
	}
	if len(known) == 0 {
		return nil, &sensocto.Error{Code: sensocto.CodeInvalid, Reason: "invalid_scope", Field: "scopes", Message: "a token needs at least one scope: ingest, view or admin"}
	}
	return known, nil
}
