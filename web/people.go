package web

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

// Accounts manages people and what they sign in with; *account.Accounts does.
type Accounts interface {
	// Open returns who may sign up (open, invited or closed), and whether guests
	// may have accounts for a day.
	Open() (registration string, guests bool)
	SignUp(ctx context.Context, s sensocto.SignUp) (sensocto.User, error)
	SetUp(ctx context.Context, secret string, s sensocto.SignUp) (sensocto.User, error)
	SignIn(ctx context.Context, email, password string, from sensocto.Client) (sensocto.Session, error)
	Guest(ctx context.Context, name string, from sensocto.Client) (sensocto.Session, error)
	Begin(ctx context.Context, u sensocto.User, from sensocto.Client) (sensocto.Session, error)
	CheckPassword(ctx context.Context, u sensocto.User, password string, from sensocto.Client) error
	SendsMail() bool
	Forgotten(email, address string) error
	CheckChange(u sensocto.User, name, email, password *string) error
	ChangeEmail(u sensocto.User, email, address string) error
	// SeeLink returns a link without using it.
	SeeLink(ctx context.Context, kind sensocto.LinkKind, secret string) (sensocto.Link, error)
	ConfirmEmail(ctx context.Context, secret string) (sensocto.User, error)
	InviteToServer(ctx context.Context, by sensocto.User, email string) (link string, err error)
	MailInvitation(i sensocto.Invitation, by string) error
	BeginDevice(name, address string) (code, secret string, expires time.Time, err error)
	Device(u sensocto.User, code, address string) (sensocto.DeviceRequest, error)
	ConfirmDevice(u sensocto.User, code, address string) (name string, err error)
	DeviceToken(ctx context.Context, secret string) (text string, _ sensocto.User, err error)
	Sessions(ctx context.Context, userID string) ([]sensocto.Token, error)
	EndSession(ctx context.Context, userID, tokenID string) error
	User(ctx context.Context, id string) (sensocto.User, error)
	Users(ctx context.Context, after string, limit int) ([]sensocto.User, error)
	FindUsers(ctx context.Context, text, after string, limit int) ([]sensocto.User, error)
	// MailReset mails a link with which the user sets a new password.
	MailReset(ctx context.Context, u sensocto.User) error
	Rename(ctx context.Context, u sensocto.User, name string) (sensocto.User, error)
	SetPassword(ctx context.Context, u sensocto.User, password, except string) (sensocto.User, error)
	Erase(ctx context.Context, u sensocto.User) error
	SetAdmin(ctx context.Context, u sensocto.User, admin bool) (sensocto.User, error)
	// SignOut ends all sessions of a user except one.
	SignOut(ctx context.Context, userID, except string) error
	SetDisabled(ctx context.Context, u sensocto.User, disabled bool) (sensocto.User, error)
	UserTokens(ctx context.Context, userID string) ([]sensocto.Token, error)
	CreateUserToken(ctx context.Context, u sensocto.User, t sensocto.Token) (text string, _ sensocto.Token, err error)
	ResetPassword(ctx context.Context, secret, password string) (sensocto.User, error)
	// Confirm returns nil where the person showed in a session a short while ago who
	// they are, or the password is the user's.
	Confirm(ctx context.Context, u sensocto.User, sessionID, password string, from sensocto.Client) error
	// ConfirmSession notes that they did so now, by the password.
	ConfirmSession(ctx context.Context, u sensocto.User, sessionID, password string, from sensocto.Client) error
	// Ways returns how people sign in beside passwords.
	Ways() sensocto.SignInWays
	Passkeys
	Issuer
}

// identityKey is where a request's identity is in its context.
type identityKey struct{}

// identityOf returns who asks. It is for operations made by personal.
func identityOf(ctx context.Context) sensocto.Identity {
	id, _ := ctx.Value(identityKey{}).(sensocto.Identity)
	return id
}

// access says who may call an operation of the people's API at all. What they
// may do with what is decided further in.
type access uint8

const (
	anybody   access = iota // also without a credential
	known                   // whoever has an account, with any token
	person                  // whoever has an account, if the token's scopes allow it
	signedIn                // by session alone: what a token must not do
	moderator               // an administrator, by session
)

// personal is operation for routes of people: their rights are no scopes.
func (s *server) personal(id, method, path string, a access, tag, summary string) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: "/api/v1" + path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: 64 << 10, BodyReadTimeout: 10 * time.Second,
		Middlewares: append(s.personalMiddlewares(a), knownParameters),
		Errors:      []int{http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}
	if a != anybody {
		op.Security = []map[string][]string{{"bearer": {}}, {"session": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
	}
	return op
}

// personalMiddlewares are those of personal, for whoever may send any parameters.
func (s *server) personalMiddlewares(a access) huma.Middlewares {
	return huma.Middlewares{s.asPerson(a), noStore, idCursors}
}

// asPerson lets in whom the access allows, and notes who that is.
func (s *server) asPerson(a access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		token := credential(r)
		id, err := s.Auth.Authenticate(r.Context(), token)
		if a != anybody { // whoever calls those has no right to be refused; sign-ins have an event of their own
			noteAsker(r, id, token != "")
		}
		switch {
		case err != nil && !errors.Is(err, sensocto.ErrUnauthorized):
			s.cannotAuthenticate(w, err)
			return
		case a == anybody:
		case err != nil || id.UserID == "":
			s.signInFirst(w, id, token)
			return
		case a == person && !inScope(id, r.Method):
			s.challenge(w, http.StatusForbidden, "insufficient_scope", personScopes(r.Method), "the token does not have the right: to look takes view, all else view and ingest, and a token that names sensors is for these alone")
			return
		case a >= signedIn && id.Kind != sensocto.KindSession:
			writeProblem(w, http.StatusForbidden, "this takes a session: a token is not enough")
			return
		case a == moderator && !id.Can(sensocto.ScopeAdmin):
			writeProblem(w, http.StatusForbidden, "this is for administrators")
			return
		}
		ctx = asCaller(ctx, id)
		if !unbounded(r.URL.Path) {
			next(ctx)
			return
		}
		work, end := s.longRequests.watch(ctx.Context(), id, s.stillMay(ctx), http.NewResponseController(w))
		defer end()
		switch id, err := s.Auth.Authenticate(r.Context(), credential(r)); { // it may have been revoked in between
		case errors.Is(err, sensocto.ErrUnauthorized):
			s.signInFirst(w, id, token)
			return
		case err != nil:
			s.cannotAuthenticate(w, err)
			return
		}
		next(huma.WithContext(ctx, work))
	}
}

// cannotAuthenticate answers where nobody can tell who asks, as without the database.
func (s *server) cannotAuthenticate(w http.ResponseWriter, err error) {
	s.Log.Error("cannot check a credential", "err", err)
	writeProblem(w, http.StatusServiceUnavailable, "the credential cannot be checked now: try again later")
}

// signInFirst answers whoever is no person: with no credential, one that is not valid, or one
// of the server itself.
func (s *server) signInFirst(w http.ResponseWriter, id sensocto.Identity, token string) {
	switch {
	case token == "":
		s.challenge(w, http.StatusUnauthorized, "", "", "sign in first: POST /api/v1/session")
	case id.ID == "":
		s.challenge(w, http.StatusUnauthorized, "invalid_token", "", "the session or token is not valid, has expired or was revoked: sign in again, POST /api/v1/session")
	default:
		w.Header().Set("WWW-Authenticate", challengeOf("", ""))
		writeReasoned(w, &reasoned{*problem(http.StatusUnauthorized, "this takes a person's account, and the token is one of the server itself: sign in first, POST /api/v1/session"), "account_needed"})
	}
}

// personScopes are those that inScope asks for.
func personScopes(method string) sensocto.Scope {
	if method == http.MethodGet || method == http.MethodHead {
		return sensocto.ScopeView
	}
	return sensocto.ScopeView + " " + sensocto.ScopeIngest
}

// inScope reports whether a credential is for what people do beside sensors.
func inScope(id sensocto.Identity, method string) bool {
	looks := method == http.MethodGet || method == http.MethodHead
	return len(id.SensorIDs) == 0 && id.Can(sensocto.ScopeView) && (looks || id.Can(sensocto.ScopeIngest))
}

// asCaller notes on whose behalf an operation is called.
func asCaller(ctx huma.Context, id sensocto.Identity) huma.Context {
	r, _ := humago.Unwrap(ctx)
	ctx = huma.WithValue(ctx, identityKey{}, id)
	return huma.WithContext(ctx, sensocto.WithCaller(ctx.Context(), sensocto.Caller{Identity: id, Address: r.RemoteAddr}))
}

// personalProblem turns an error of the domain into HTTP.
func (s *server) personalProblem(err error, doing string) error {
	status := 0
	switch sensocto.ErrorReason(err) {
	case "wrong_credentials", "account_needed", "passkey_refused", "passkey_copied", "account_disabled":
		status = http.StatusUnauthorized
	case "version_mismatch":
		status = http.StatusPreconditionFailed
	}
	e, ok := errors.AsType[*sensocto.Error](err)
	if !ok {
		return s.translate(err, doing, "")
	}
	if status == 0 {
		status = statusOf(e.Code)
	}
	return &reasoned{ErrorModel: *invalidBody(status, err), Reason: sensocto.ErrorReason(err)}
}

// invalidBody is the problem of an error that may join what is wrong with several
// members of a body.
func invalidBody(status int, err error) *huma.ErrorModel {
	all := sensocto.Errors(err)
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = e.Error()
	}
	p := problem(status, strings.Join(texts, "; "))
	for i, e := range all {
		name, named := strings.CutPrefix(e.Reason, "invalid_")
		if e.Field != "" {
			name, named = e.Field, true
		}
		if named && e.Code == sensocto.CodeInvalid {
			p.Errors = append(p.Errors, &huma.ErrorDetail{Location: "body." + name, Message: texts[i]})
		}
	}
	return p
}

// reasoned is a problem with a word for programs.
type reasoned struct {
	huma.ErrorModel
	Reason string `json:"reason"`
}

// GetHeaders says when to try again.
func (r *reasoned) GetHeaders() http.Header {
	if r.Status == http.StatusTooManyRequests {
		return http.Header{"Retry-After": {"60"}}
	}
	return nil
}

// clientOf returns where a request comes from.
func clientOf(ctx huma.Context) sensocto.Client {
	r, _ := humago.Unwrap(ctx)
	return sensocto.Client{Address: r.RemoteAddr, Device: deviceOf(r.UserAgent())}
}

// deviceOf says in few words what a User-Agent header claims, for the list of
// sessions.
func deviceOf(agent string) string {
	name := "unknown program"
	for _, b := range []struct{ mark, name string }{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"sensocto", "sensocto"}, {"curl/", "curl"},
	} {
		if strings.Contains(agent, b.mark) {
			name = b.name
			break
		}
	}
	for _, p := range []struct{ mark, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, p.mark) {
			return name + " on " + p.name
		}
	}
	return name
}

// FromClient is part of the input of an operation that has to know where a
// request comes from.
type FromClient struct {
	client sensocto.Client
	secure bool   // over TLS
	host   string // as the request names the server
}

// Resolve implements huma.Resolver.
func (f *FromClient) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	f.client, f.secure, f.host = clientOf(ctx), overTLS(r), r.Host
	return nil
}

// PageQuery selects a part of a list.
type PageQuery struct {
	After string `query:"after" maxLength:"64" doc:"Continue behind this id: next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"Most items of a page."`
}

// BackQuery selects a part of a list whose newest items come first.
type BackQuery struct {
	Before string `query:"before" maxLength:"64" doc:"Continue before this id: next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"Most items of a page."`
}

// idCursors refuses what is no next of a page before: it would be answered with an
// empty page, or the wrong one. All lists of people's API go on behind an id.
func idCursors(ctx huma.Context, next func(huma.Context)) {
	for _, name := range []string{"after", "before"} {
		if text := ctx.Query(name); text != "" && !uuidText.MatchString(text) {
			_, w := humago.Unwrap(ctx)
			p := reasoned{*problem(http.StatusUnprocessableEntity, "query."+name+": a cursor is the next of the page before"), "invalid_cursor"}
			writeReasoned(w, &p)
			return
		}
	}
	next(ctx)
}

// uuidText is how ids are written.
var uuidText = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// next returns the id behind which a list goes on, "" at its end.
func next[T any](items []T, limit int, id func(T) string) string {
	if len(items) < limit {
		return ""
	}
	return id(items[len(items)-1])
}

// empty is a 204.
type empty struct{}

// etag is how a version stands in If-Match and ETag.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// parseETag reads what etag writes, quotes or not.
func parseETag(text string) (int64, bool) {
	v, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(text, "W/"), `"`), 10, 64)
	return v, err == nil && v > 0
}
