// Package web is what the program offers over HTTP: a versioned JSON API with
// its OpenAPI document, health, metrics, and a small page to look at sensors.
// The WebSocket endpoint is handed in and passed through.
//
// It promises that every answer that reports a failure is an RFC 9457 problem,
// that every request is checked against the credential it brings (protocol
// section 2) when it arrives, and that no credential is logged. It keeps no
// state of its own and starts no goroutine.
package web

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/sensocto/sensocto"
)

// Options are what New needs. Auth, Sensors and Store must be set.
type Options struct {
	Auth    sensocto.Authenticator
	Sensors sensocto.SensorRegistry
	Store   sensocto.Store
	// Rights decides who may do what with which sensor; by default the scopes of
	// credentials alone.
	Rights sensocto.Rights
	// Accounts and Rooms are the people's part of the API; nil leaves it out.
	Accounts Accounts
	Rooms    Rooms
	// Erase removes a user who is marked, with everything that is theirs; HandOver
	// gives a sensor another owner, for whom it counts too with charge. Both are needed
	// with Accounts.
	Erase    func(ctx context.Context, userID string) error
	HandOver func(ctx context.Context, sensorID, ownerID string, charge bool) error
	// Alerts are rules that tell people of sensors; nil leaves them out.
	Alerts Alerts
	// Audit is told what people do with sensors and the server; nil discards it.
	Audit sensocto.Auditor
	// Security takes what is refused; nil discards it.
	Security sensocto.SecurityLog
	// AuditLog is what was recorded; nil leaves it out of the API.
	AuditLog AuditLog
	// Socket serves /socket/websocket; nil means 404.
	Socket http.Handler
	// Metrics are shown at /metrics beside those of the Go runtime.
	Metrics []sensocto.MetricSource
	// Backup writes an archive of everything; nil means that there is none.
	Backup func(ctx context.Context, w io.Writer) error
	// ApplyRetention removes what is older than it is kept, and returns what
	// went; nil means that nothing is removed.
	ApplyRetention func(ctx context.Context) ([]sensocto.Aged, error)
	// Retention returns what is older at a time than it is kept; nil means that
	// there is no retention.
	Retention func(ctx context.Context, now time.Time) ([]sensocto.Aged, error)
	// Export prepares a file of measurements; nil means that there is none.
	Export func(ctx context.Context, q ExportQuery) (ExportFile, error)
	// Import stores an uploaded recording of a sensor for whoever the identity
	// is; nil means that none is taken.
	Import func(ctx context.Context, id sensocto.Identity, sensorID string, body io.Reader) (sensocto.Imported, error)
	// P2P shares rooms with other servers; nil means that it is off.
	P2P P2P
	// Attention tells who looks at what; nil means that nobody knows.
	Attention Attention
	// Load tells how busy the server is; nil means that nobody knows.
	Load Load
	// Delivered returns how many samples of a sensor went to viewers; nil means
	// that nobody counts.
	Delivered func(sensorID string) uint64
	// Ready returns why the program cannot do its work now; nil means always ready.
	Ready func() error
	// Progress says what a program that is ready still does after its start, ""
	// where that is nothing.
	Progress func() string
	// TrustedProxies are the networks of reverse proxies: what these say of whom
	// they pass requests on for is believed. None by default.
	TrustedProxies []netip.Prefix
	// MetricsElsewhere says that MetricsHandler is served on an address of its
	// own: then a token is needed for those here.
	MetricsElsewhere bool
	// App is the built web app, with index.html at its root; nil serves a plain
	// page in its place.
	App fs.FS
	// Version of the program, shown in the OpenAPI document.
	Version string
	// AllowedOrigins are the origins ("https://example.org") of other sites
	// whose pages may use the API. None by default.
	AllowedOrigins []string
	// Hosts are further names by which the server is called, beside those of
	// the loopback interface. They matter for requests that come over loopback
	// without a token, where guests are switched on: see [server.rebound].
	Hosts []string
	// Log takes requests at debug and faults at error; nil discards them.
	Log *slog.Logger
}

// server is what the handlers share. It does not change after New.
type server struct {
	Options
	mux          *http.ServeMux
	api          huma.API
	openAPI      []byte
	requests     requestMetrics
	longRequests longRequests
	readers      *readers
}

// requestTimeout bounds the work on one request of the API, reading from disk
// included, but not the time that a slow client takes to read the answer. What
// looks at everything has no such bound: it ends with its client.
const requestTimeout = 30 * time.Second

// Handler is everything that the program serves over HTTP.
type Handler struct {
	http.Handler
	// Metrics is the metrics alone, for an address of their own: it asks nobody
	// for a right.
	Metrics http.Handler
}

// New returns the handler of everything that the program serves over HTTP.
func New(o Options) *Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func() string { return "" }
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	s := &server{Options: o, mux: http.NewServeMux(), readers: newReaders()}
	if s.Audit == nil {
		s.Audit = sensocto.NoAudit{}
	}
	if s.Security == nil {
		s.Security = sensocto.NoSecurityLog{}
	}
	if s.Rights == nil {
		s.Rights = sensocto.ScopeRights{}
	}
	o.Auth.OnRevoked(s.longRequests.revoked) // both for as long as the program runs
	s.Rights.OnChanged(s.longRequests.rightsChanged)
	s.routeAPI()
	s.routeOperations()
	s.routePages()
	metrics := http.NewServeMux()
	metrics.Handle("GET /metrics", s.metricsHandler())
	return &Handler{Handler: s.handler(), Metrics: metrics}
}

// handler puts the layers around the routes, outermost last.
func (s *server) handler() http.Handler {
	h := http.Handler(http.HandlerFunc(s.route))
	h = s.timeout(h)
	h = s.sameOrigin(h)
	h = s.cors(h)
	h = s.recoverPanic(h)
	h = s.observe(h)
	h = s.securityHeaders(h)
	h = s.passSocket(h)
	h = s.plainCookies(h)
	h = s.strictFraming(h)
	return s.behindProxies(h)
}

// passSocket hands upgrades to the socket untouched: it takes the connection
// over, so nothing here may wrap its ResponseWriter or stay on its stack.
func (s *server) passSocket(next http.Handler) http.Handler {
	if s.Socket == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.TrimSuffix(r.URL.Path, "/") != "/socket/websocket": // Phoenix takes the slash as well
			next.ServeHTTP(w, r)
		case s.reboundGuest(r):
			s.refuse(r, sensocto.SecurityCrossSiteRefused, "unknown_host", r.Host)
			writeProblem(w, http.StatusForbidden, "while guests are on, pages may connect only under the server's own names, not "+r.Host+": add it to hosts")
		default:
			s.Socket.ServeHTTP(w, r)
		}
	})
}

// route serves the request, or the problem that the mux has with it.
func (s *server) route(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == "*" {
		writeProblem(w, http.StatusBadRequest, "the request is for no resource")
		return
	}
	h, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	// The mux speaks plain text; a redirect to the clean path is kept.
	answer := &statusRecorder{header: http.Header{}}
	h.ServeHTTP(answer, r)
	switch answer.status {
	case http.StatusNotFound:
		writeProblem(w, answer.status, "there is nothing at this address; /api/docs describes the API")
	case http.StatusMethodNotAllowed:
		allow := answer.header.Get("Allow")
		w.Header().Set("Allow", allow)
		writeProblem(w, answer.status, "use one of the methods "+allow)
	default:
		h.ServeHTTP(w, r)
	}
}

// statusRecorder keeps the head of an answer and drops its body.
type statusRecorder struct {
	header http.Header
	status int
}

func (s *statusRecorder) Header() http.Header         { return s.header }
func (s *statusRecorder) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusRecorder) WriteHeader(status int)      { s.status = status }

func (s *server) timeout(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if unbounded(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// unbounded reports whether a request may take as long as it takes.
func unbounded(path string) bool {
	return path == backupPath || path == retentionPath || path == personExportPath ||
		strings.HasPrefix(path, "/api/v1/rooms/") && strings.HasSuffix(path, "/export") ||
		strings.HasPrefix(path, "/api/v1/sensors/") && (strings.HasSuffix(path, "/export") || strings.HasSuffix(path, "/import"))
}

// Server returns an http.Server for the handler with time-outs against clients
// that are slow on purpose. They do not apply to a connection that became a
// WebSocket, and a long answer extends them as it is written.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      requestTimeout + 10*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// hostname returns a Host header or address without its port, in lower case.
func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
