package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

// Issuer signs people in with an OpenID Connect issuer.
type Issuer interface {
	// BeginOIDC returns where to send the person, and a secret that the browser
	// has to bring back.
	BeginOIDC(ctx context.Context, want sensocto.IssuerRequest, from sensocto.Client) (location, browser string, err error)
	// FinishOIDC returns the session that a sign-in began, or the zero Session
	// where an identity was linked.
	FinishOIDC(ctx context.Context, browser string, answer sensocto.IssuerAnswer, signedIn string, from sensocto.Client) (sensocto.Session, error)
	Identities(ctx context.Context, userID string) ([]sensocto.ExternalIdentity, error)
	Unlink(ctx context.Context, u sensocto.User, issuer string) error
}

const oidcPath = "/session/oidc"

func (s *server) registerOIDC() {
	const tag = "People"
	op := s.personal("begin-oidc", http.MethodGet, oidcPath, anybody, tag, "Sign in with the OpenID Connect issuer")
	op.Description = "For browsers, from a page of this server or an address that was typed: sends them to the issuer. Whoever is signed in links the identity to the account; that takes a session in which they showed who they are within 15 minutes. Failures lead to /link, with a word in its fragment: /link#error=issuer_away."
	op.DefaultStatus = http.StatusFound
	huma.Register(s.api, op, s.beginOIDC)

	op = s.personal("finish-oidc", http.MethodGet, oidcPath+"/callback", anybody, tag, "Where the OpenID Connect issuer sends browsers back to")
	op.DefaultStatus = http.StatusFound
	op.Middlewares = s.personalMiddlewares(anybody) // issuers add parameters of their own
	huma.Register(s.api, op, s.finishOIDC)

	huma.Register(s.api, s.personal("list-identities", http.MethodGet, "/identities", signedIn, tag, "List the issuers with which one signs in"), s.listIdentities)
	op = s.personal("unlink-identity", http.MethodDelete, "/identities", signedIn, tag, "Sign in with an issuer no longer")
	op.Description = "Takes a recent confirmation: POST /api/v1/session/confirm."
	op.DefaultStatus = http.StatusNoContent
	op.Errors = append(op.Errors, http.StatusConflict)
	huma.Register(s.api, op, s.unlinkIdentity)
}

// redirect sends a browser elsewhere.
type redirect struct {
	Status    int
	Location  string        `header:"Location"`
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

// toApp sends a browser to the app. What it says there is behind the #, which no
// server logs.
func toApp(fragment string, cookies ...http.Cookie) *redirect {
	return &redirect{Status: http.StatusFound, Location: sensocto.LinkPage + fragment, SetCookie: cookies}
}

// failed sends a browser to the app, which says in words what the reason means.
func (s *server) failed(err error, doing string, cookies ...http.Cookie) *redirect {
	if sensocto.ErrorCode(err) == sensocto.CodeInternal {
		s.Log.Error("cannot "+doing, "err", err)
	}
	return toApp("#error="+url.QueryEscape(sensocto.ErrorReason(err)), cookies...)
}

// bindingCookie binds a sign-in to the browser that began it.
func (s *server) bindingCookie(ctx *FromClient, value string) http.Cookie {
	c := s.cookie(ctx, oidcCookie, value)
	if value != "" {
		c.MaxAge = oidcCookieSeconds
	}
	return c
}

type beginOIDCInput struct {
	FromClient
	origin *http.Request
	Here   bool `query:"here" doc:"The page is at the server's own origin, though a proxy may call the server by another name."`
	Fresh  bool `query:"fresh" doc:"Sign in, and have the issuer ask anew who the person is: a recent confirmation for whoever has no password."`
}

// Resolve implements huma.Resolver.
func (in *beginOIDCInput) Resolve(ctx huma.Context) []error {
	in.origin, _ = humago.Unwrap(ctx)
	return in.FromClient.Resolve(ctx)
}

// beginOIDC sends a browser to the issuer, if a page of ours or the person asks
// for it: another site could sign its visitors in without their knowing. The
// issuer sends it back to one name of the server, where cookies that another one
// set are not sent: it has to begin on a page there.
func (s *server) beginOIDC(ctx context.Context, in *beginOIDCInput) (*redirect, error) {
	w := s.Accounts.Ways()
	if _, host, _ := strings.Cut(w.Origin, "://"); w.Issuer != "" && !in.Here && !strings.EqualFold(host, in.origin.Host) {
		return &redirect{Status: http.StatusFound, Location: w.Origin + sensocto.LinkPage}, nil
	}
	if site := in.origin.Header.Get("Sec-Fetch-Site"); w.Issuer != "" && site != "same-origin" && site != "none" {
		return s.failed(errBegunElsewhere, "begin a sign-in with the issuer"), nil
	}
	linkTo, err := s.linksTo(ctx, in)
	if err != nil {
		return s.failed(err, "begin to link an identity"), nil
	}
	location, browser, err := s.Accounts.BeginOIDC(ctx, sensocto.IssuerRequest{LinkTo: linkTo, Fresh: in.Fresh}, in.client)
	if err != nil {
		return s.failed(err, "begin a sign-in with the issuer"), nil
	}
	return &redirect{Status: http.StatusFound, Location: location, SetCookie: []http.Cookie{s.bindingCookie(&in.FromClient, browser)}}, nil
}

// errBegunElsewhere keeps another site's page from signing in whoever visits it,
// and from linking an identity of its own to their account. Browsers that do not
// say which page asks are refused as well: they are old, or speak plain HTTP.
var errBegunElsewhere = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "begin_on_the_page", Message: "signing in with the service begins on a page of this server"}

// linksTo returns the user to whom the identity is linked: who is signed in,
// unless as a guest, and asks for it on a page of ours.
func (s *server) linksTo(ctx context.Context, in *beginOIDCInput) (userID string, err error) {
	id := identityOf(ctx)
	if id.UserID == "" || id.Kind != sensocto.KindSession || in.Fresh {
		return "", nil
	}
	u, err := s.Accounts.User(ctx, id.UserID)
	switch {
	case err != nil || u.IsGuest:
		return "", err
	case in.origin.Header.Get("Sec-Fetch-Site") != "same-origin":
		return "", errBegunElsewhere
	}
	return u.ID, s.Accounts.Confirm(ctx, u, id.ID, "", in.client)
}

type finishOIDCInput struct {
	FromClient
	State   string `query:"state"`
	Code    string `query:"code"`
	Error   string `query:"error"`
	Issuer  string `query:"iss"`
	Browser string `cookie:"sensocto_oidc" doc:"What binds the sign-in to the browser."`
}

func (s *server) finishOIDC(ctx context.Context, in *finishOIDCInput) (*redirect, error) {
	signedIn := ""
	if id := identityOf(ctx); id.Kind == sensocto.KindSession {
		signedIn = id.UserID
	}
	answer := sensocto.IssuerAnswer{State: in.State, Code: in.Code, Error: in.Error, Issuer: in.Issuer}
	session, err := s.Accounts.FinishOIDC(ctx, in.Browser, answer, signedIn, in.client)
	used := s.bindingCookie(&in.FromClient, "")
	switch {
	case err != nil:
		return s.failed(err, "end a sign-in with the issuer", used), nil
	case session.Secret == "":
		return toApp("#linked=1", used), nil
	}
	s.endFormer(ctx)
	return toApp("", append(s.sessionCookie(&in.FromClient, session.Secret, session.Expires), used)...), nil
}

type identitiesAnswer struct {
	Body struct {
		Page
		Issuers []string `json:"issuers" nullable:"false"`
	}
}

func (s *server) listIdentities(ctx context.Context, in *PageQuery) (*identitiesAnswer, error) {
	all, err := s.Accounts.Identities(ctx, identityOf(ctx).UserID)
	if err != nil {
		return nil, s.personalProblem(err, "list identities")
	}
	var out identitiesAnswer
	issuers := views(all, func(e sensocto.ExternalIdentity) string { return e.Issuer })
	slices.Sort(issuers)
	out.Body.Issuers, out.Body.Page = pageOf(slices.Compact(issuers), in, func(issuer string) string { return cursorOf(time.Time{}, issuer) })
	return &out, nil
}

type unlinkIdentityInput struct {
	FromClient
	Issuer string `query:"issuer" required:"true" maxLength:"2048" doc:"One of the issuers in the list."`
}

func (s *server) unlinkIdentity(ctx context.Context, in *unlinkIdentityInput) (*empty, error) {
	u, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Accounts.Confirm(ctx, u, identityOf(ctx).ID, "", in.client); err != nil {
		return nil, s.personalProblem(err, "unlink an identity")
	}
	if err := s.Accounts.Unlink(ctx, u, in.Issuer); err != nil {
		return nil, s.personalProblem(err, "unlink an identity")
	}
	return nil, nil
}
