package account

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/sensocto/sensocto"
)

// OIDC names an OpenID Connect issuer with which people sign in.
type OIDC struct {
	Issuer, ClientID string
	// Name is what people call it.
	Name string
	// Secret returns the client's secret whenever it is needed; nil for a client
	// without one.
	Secret func() (string, error)
}

// CallbackPath is where an issuer sends people back to.
const CallbackPath = "/api/v1/session/oidc/callback"

const (
	// issuerTimeout bounds one request to the issuer.
	issuerTimeout = 10 * time.Second
	// discoveryPause is how long nobody asks again for a description that could
	// not be had.
	discoveryPause = 2 * time.Second
)

var (
	errIssuerAway = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "issuer_away", Message: "the sign-in service does not answer: try again later"}
	errIssuer     = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "issuer_refused", Message: "the sign-in service did not confirm who you are"}
)

// issuer is an OpenID Connect issuer. Its description is fetched when it is
// needed first: it may be away when the server starts.
type issuer struct {
	OIDC
	callback string // the whole address; "" until ServeAt
	client   *http.Client
	turn     chan struct{} // whoever fetches the description has put something in

	mu     sync.Mutex // guards what follows
	known  *provider
	failed time.Time // when the description could not be had last
}

// provider is the issuer's description.
type provider struct {
	*oidc.Provider
	authStyle oauth2.AuthStyle
	saysIss   bool // answers name the issuer (RFC 9207)
}

func newIssuer(o OIDC) *issuer {
	if o.Issuer == "" {
		return nil
	}
	o.Name = cmp.Or(o.Name, o.Issuer)
	return &issuer{OIDC: o, client: &http.Client{Timeout: issuerTimeout, CheckRedirect: stayThere}, turn: make(chan struct{}, 1)}
}

// stayThere keeps the client's secret and people's codes from going where the
// issuer's description does not say.
func stayThere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// provider returns the issuer's description.
func (i *issuer) provider(ctx context.Context) (*provider, error) {
	select { // one fetches it, the others wait for that
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	i.mu.Lock()
	known, failed := i.known, i.failed
	i.mu.Unlock()
	switch {
	case known != nil:
		return known, nil
	case time.Since(failed) < discoveryPause:
		return nil, errors.New("the issuer did not answer a moment ago")
	}
	p, err := i.discover(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil {
		i.failed = time.Now()
		return nil, err
	}
	i.known = p
	return p, nil
}

func (i *issuer) discover(ctx context.Context) (*provider, error) {
	// Whoever asks first may go away; the others still need the answer.
	p, err := oidc.NewProvider(i.context(context.WithoutCancel(ctx)), i.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		SaysIss     bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, fmt.Errorf("read the issuer's description: %w", err)
	}
	known := &provider{Provider: p, authStyle: oauth2.AuthStyleInHeader, saysIss: more.SaysIss}
	// Without a list it is client_secret_basic (OpenID Connect Discovery 1.0,
	// section 3); a client without a secret only names itself.
	if i.Secret == nil || len(more.AuthMethods) > 0 && !slices.Contains(more.AuthMethods, "client_secret_basic") {
		known.authStyle = oauth2.AuthStyleInParams
	}
	return known, nil
}

// context makes the libraries use a client with a time-out.
func (i *issuer) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, i.client)
}

// oauth is the configuration for one request to the issuer.
func (i *issuer) oauth(p *provider, secret string) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = p.authStyle
	return &oauth2.Config{ClientID: i.ClientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: i.callback,
		Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
}

// profile is what an issuer says of a person.
type profile struct {
	Subject       string `json:"sub"`
	Name          string `json:"name"`
	Username      string `json:"preferred_username"`
	Email         string `json:"email"`
	EmailVerified truth  `json:"email_verified"`

	signedIn time.Time // at the issuer; zero where it does not say
}

// truth is a boolean, which some issuers write as a text.
type truth bool

// UnmarshalJSON implements json.Unmarshaler.
func (t *truth) UnmarshalJSON(text []byte) error {
	*t = truth(string(text) == "true" || string(text) == `"true"`)
	return nil
}

// redeem exchanges a code for what the issuer says of the person. Everything of
// the ID token is checked: signature, issuer, audience, time, nonce.
func (i *issuer) redeem(ctx context.Context, p *provider, f flow, code string) (profile, error) {
	ctx = i.context(ctx)
	var secret string
	if i.Secret != nil {
		var err error
		if secret, err = i.Secret(); err != nil {
			return profile{}, fmt.Errorf("read the client's secret: %w", err)
		}
	}
	config := i.oauth(p, secret)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		return profile{}, exchangeError(err)
	}
	text, _ := token.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: i.ClientID}).Verify(ctx, text)
	if err != nil {
		return profile{}, fmt.Errorf("check the ID token: %w", err)
	}
	var who struct {
		profile
		AuthorizedParty string  `json:"azp"`
		AuthTime        float64 `json:"auth_time"` // s
	}
	if err := id.Claims(&who); err != nil {
		return profile{}, fmt.Errorf("read the ID token: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.nonce)) != 1:
		return profile{}, errors.New("the ID token is of another sign-in: its nonce differs")
	case who.AuthorizedParty != "" && who.AuthorizedParty != i.ClientID:
		return profile{}, errors.New("the ID token is for another client")
	case id.Subject == "" || len(id.Subject) > 255: // OpenID Connect Core 1.0, section 2
		return profile{}, errors.New("the ID token names nobody")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return profile{}, err
		}
	}
	said := who.profile
	if said.Email == "" && p.UserInfoEndpoint() != "" { // many issuers keep the ID token small
		if said, err = i.ask(ctx, p, config, token, id.Subject); err != nil {
			return profile{}, err
		}
	}
	// A time ahead of ours would make the session a recent one for longer.
	if at := time.Unix(int64(who.AuthTime), 0); who.AuthTime > 0 && at.Before(time.Now().Add(clockSkew)) {
		said.signedIn = at.UTC()
	}
	return said, nil
}

// ask returns what the issuer's user info endpoint says of the person.
func (i *issuer) ask(ctx context.Context, p *provider, config *oauth2.Config, token *oauth2.Token, subject string) (who profile, err error) {
	info, err := p.UserInfo(ctx, config.TokenSource(ctx, token))
	if err == nil {
		err = info.Claims(&who)
	}
	switch {
	case err != nil:
		return profile{}, fmt.Errorf("ask the issuer about the person: %w", err)
	case info.Subject != subject:
		return profile{}, errors.New("the issuer speaks of another person than its ID token")
	}
	return who, nil
}

// exchangeError keeps what the issuer answered, which may be anything, out of
// the log: only its error code is of use. It wraps errIssuerAway where the
// issuer gave no answer of its own.
func exchangeError(err error) error {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	switch {
	case !ok:
		return fmt.Errorf("exchange the code: %w: %w", errIssuerAway, err)
	case e.Response != nil && e.Response.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("exchange the code: %w: status %d", errIssuerAway, e.Response.StatusCode)
	}
	return fmt.Errorf("exchange the code: the issuer refuses: %.100q", e.ErrorCode)
}
