package web

import (
	"context"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
)

// contentPolicy lets pages use what this server serves and nothing else.
// connect-src 'self' covers the WebSocket as well.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (s *server) securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if s.behindTLS(r.Host) { // not for TLS alone: a certificate that nobody vouches for would lock people out
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses changes that a browser sends for a page of another site:
// guests and session cookies are rights that such a page would borrow.
func (s *server) sameOrigin(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	for _, origin := range s.AllowedOrigins {
		if err := p.AddTrustedOrigin(origin); err != nil {
			s.Log.Warn("allowed origin ignored: it must look like https://example.org", "origin", origin, "err", err)
		}
	}
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusedAs(r.Context(), sensocto.SecurityCrossSiteRefused, "other_site")
		writeProblem(w, http.StatusForbidden, "pages of other sites may not change anything here")
	}))
	return p.Handler(next)
}

// cors lets pages of the allowed origins use the API. There are no credentials
// in the sense of CORS: such a page brings a bearer token.
func (s *server) cors(next http.Handler) http.Handler {
	if len(s.AllowedOrigins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		if origin == "" || !slices.Contains(s.AllowedOrigins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", "Link, WWW-Authenticate")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept")
			w.Header().Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recoverPanic turns a panic into a problem, or, where the answer has begun,
// into a broken connection: a client must not take half an answer for all.
func (s *server) recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.requests.panics.Add(1)
			s.Log.Error("panic in a request", "method", r.Method, "path", r.URL.Path, "err", p, "stack", string(debug.Stack()))
			if m, ok := w.(*meter); ok && m.status != 0 {
				panic(http.ErrAbortHandler)
			}
			writeProblem(w, http.StatusInternalServerError, "the server has a fault: see its log")
		}()
		next.ServeHTTP(w, r)
	})
}

// observe counts and logs requests. Only the path is logged: a query may hold
// a token.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		m := &meter{ResponseWriter: w}
		who := &asked{}
		defer func() {
			took := time.Since(start)
			s.noteRefusal(r, m.code(), who)
			s.requests.add(m.code(), took)
			s.Log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", m.code(), "bytes", m.bytes, "took", took, "peer", r.RemoteAddr)
		}()
		next.ServeHTTP(m, r.WithContext(context.WithValue(r.Context(), askedKey{}, who)))
	})
}

// meter notes the status and the size of an answer.
type meter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (m *meter) WriteHeader(status int) {
	if m.status == 0 {
		m.status = status
	}
	m.ResponseWriter.WriteHeader(status)
}

func (m *meter) Write(b []byte) (int, error) {
	if m.status == 0 {
		m.status = http.StatusOK
	}
	n, err := m.ResponseWriter.Write(b)
	m.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (m *meter) Unwrap() http.ResponseWriter { return m.ResponseWriter }

func (m *meter) code() int {
	if m.status == 0 {
		return http.StatusOK
	}
	return m.status
}
