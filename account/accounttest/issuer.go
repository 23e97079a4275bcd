package accounttest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/text/language"
)

// The client that an Issuer knows.
const (
	ClientID     = "sensocto"
	ClientSecret = "a secret & more: +%"
)

// Person is somebody whom an Issuer knows.
type Person struct {
	Subject, Name, Email string
	EmailVerified        bool
}

// Issuer is an OpenID Connect issuer over HTTP. It signs everybody in as the
// person that SignInAs chose, without asking.
type Issuer struct {
	URL string
	// Away makes it answer nothing.
	Away atomic.Bool
	// Describe changes its description before it is sent, Tell what it says of
	// people; nil leaves them.
	Describe, Tell func(document map[string]any)
	// SignedIn is when browsers signed in at the issuer, which does not ask again;
	// nil says that they do so now. The zero time is not said at all.
	SignedIn func() time.Time

	people *people
}

// NewIssuer starts an issuer that ends with the test. callback is where it may
// send browsers back to.
func NewIssuer(t testing.TB, callback string) *Issuer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	i := &Issuer{URL: "http://" + server.Listener.Addr().String(), people: &people{users: map[string]*storage.User{}}}
	store := storage.NewStorageWithClients(i.people, map[string]*storage.Client{ClientID: storage.WebClient(ClientID, ClientSecret, callback)})
	config := &op.Config{CryptoKey: sha256.Sum256([]byte(t.Name())), CodeMethodS256: true, AuthMethodPost: true, SupportedUILocales: []language.Tag{language.English}}
	provider, err := op.NewProvider(config, &remembering{store, i}, op.StaticIssuer(i.URL), op.WithAllowInsecure())
	check(t, err)
	mux := http.NewServeMux()
	login := func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("authRequestID")
		if err := store.CheckUsernamePassword(i.people.name(), password, id); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(provider)(r.Context(), id), http.StatusFound)
	}
	mux.Handle("/login/username", op.NewIssuerInterceptor(provider.IssuerFromRequest).HandlerFunc(login))
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) { changed(w, r, provider, i.Describe) })
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, r *http.Request) { changed(w, r, provider, i.Tell) })
	mux.Handle("/", provider)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.Away.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	return i
}

// remembering is a storage whose people may have signed in earlier.
type remembering struct {
	*storage.Storage
	issuer *Issuer
}

// earlier is a request of somebody who signed in earlier.
type earlier struct {
	op.AuthRequest
	at time.Time
}

// GetAuthTime implements op.AuthRequest.
func (e earlier) GetAuthTime() time.Time { return e.at }

func (r *remembering) aged(request op.AuthRequest, err error) (op.AuthRequest, error) {
	if err != nil || r.issuer.SignedIn == nil {
		return request, err
	}
	return earlier{request, r.issuer.SignedIn()}, nil
}

// AuthRequestByCode implements op.Storage.
func (r *remembering) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	return r.aged(r.Storage.AuthRequestByCode(ctx, code))
}

// CreateAccessToken implements op.Storage.
func (r *remembering) CreateAccessToken(ctx context.Context, request op.TokenRequest) (id string, expires time.Time, err error) {
	if e, ok := request.(earlier); ok {
		request = e.AuthRequest
	}
	return r.Storage.CreateAccessToken(ctx, request)
}

// changed answers with what the provider answers, changed.
func changed(w http.ResponseWriter, r *http.Request, provider http.Handler, change func(map[string]any)) {
	if change == nil {
		provider.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	provider.ServeHTTP(answer, r)
	var document map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &document); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	change(document)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// SignInAs makes a person known, and signs in browsers that come from now on as
// them.
func (i *Issuer) SignInAs(p Person) { i.people.choose(p) }

// Visit goes where the server sent a browser, signs in, and returns the address
// that the browser is sent back to.
func (i *Issuer) Visit(t testing.TB, location string) *url.URL {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for range 5 {
		answer, err := client.Get(location)
		check(t, err)
		_ = answer.Body.Close()
		next, err := answer.Location()
		if err != nil {
			t.Fatalf("%s answers %s", location, answer.Status)
		}
		if location = next.String(); "http://"+next.Host != i.URL {
			return next
		}
	}
	t.Fatal("the issuer does not send the browser back")
	return nil
}

// password is everybody's.
const password = "verysecure"

// people implements storage.UserStore.
type people struct {
	mu     sync.Mutex // guards what follows
	users  map[string]*storage.User
	chosen string
}

func (p *people) choose(who Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users[who.Subject] = &storage.User{ID: who.Subject, Username: who.Subject, Password: password, FirstName: who.Name, Email: who.Email, EmailVerified: who.EmailVerified}
	p.chosen = who.Subject
}

func (p *people) name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.chosen
}

// GetUserByID implements storage.UserStore.
func (p *people) GetUserByID(id string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.users[id]
}

// GetUserByUsername implements storage.UserStore.
func (p *people) GetUserByUsername(name string) *storage.User { return p.GetUserByID(name) }

// ExampleClientID implements storage.UserStore.
func (p *people) ExampleClientID() string { return "service" }
