package socket

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/admission"
	"github.com/sensocto/sensocto/socket/inventory"
	"github.com/sensocto/sensocto/socket/outbound"
	"github.com/sensocto/sensocto/socket/rooms"
	"github.com/sensocto/sensocto/socket/tick"
	"github.com/sensocto/sensocto/socket/ws"
)

// Limits bound what one connection, or all of them, may cost. Zero values
// stand for the defaults.
type Limits struct {
	Connections     int           // open at once; default 50,000
	Topics          int           // of a connection, sensors watched by one viewer topic, and sensors that one frame may name; default 1,000
	Watched         int           // sensors that one connection watches, on all its topics; default 10,000
	WatchedInAll    int           // the same of all connections; default 1,000,000
	Anonymous       int           // connections that have not shown yet who they are; default 2,048
	AnonymousOfOne  int           // the same of one address; default 256
	JoinTimeout     time.Duration // after which such a connection is closed; default 30 s
	UnfinishedBytes int64         // of large messages that have not come whole, of all connections; default 256 MiB
	ReplyBytes      int           // of one reply; default 4 MiB
	FramesPerSecond int           // from a connection; default 20,000
	TextBytes       int           // of a text message; default 1 MiB
	BinaryBytes     int           // of a binary message; default 4 MiB
	QueueBytes      int           // waiting for a connection, encoded; default 1 MiB
	History         int           // samples per attribute in a join's history; default 10,000
	Idle            time.Duration // silence after which a connection is closed; default 60 s
	Write           time.Duration // after which a write that does not end closes a connection; default 30 s
	Attributes      int           // attributes of one sensor; default 1000
	ClockSkew       time.Duration // how far in the future a timestamp may be; default 1 h
	// Gather is how long frames may wait for others to be written together
	// with, behind a write that has just been; default 4 ms, negative for never.
	Gather time.Duration
	// Refusals is how many joins of one address may be refused in a row before a
	// further one costs its connection; one is forgiven per second. Default 100.
	Refusals int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Connections:     cmp.Or(l.Connections, 50_000),
		Topics:          cmp.Or(l.Topics, 1_000),
		Watched:         cmp.Or(l.Watched, 10_000),
		WatchedInAll:    cmp.Or(l.WatchedInAll, 1_000_000),
		Anonymous:       cmp.Or(l.Anonymous, 2_048),
		AnonymousOfOne:  cmp.Or(l.AnonymousOfOne, 256),
		JoinTimeout:     cmp.Or(l.JoinTimeout, 30*time.Second),
		UnfinishedBytes: cmp.Or(l.UnfinishedBytes, 256<<20),
		ReplyBytes:      cmp.Or(l.ReplyBytes, 4<<20),
		FramesPerSecond: cmp.Or(l.FramesPerSecond, 20_000),
		TextBytes:       cmp.Or(l.TextBytes, 1<<20),
		BinaryBytes:     cmp.Or(l.BinaryBytes, 4<<20),
		QueueBytes:      cmp.Or(l.QueueBytes, 1<<20),
		History:         cmp.Or(l.History, 10_000),
		Idle:            cmp.Or(l.Idle, 60*time.Second),
		Write:           cmp.Or(l.Write, 30*time.Second),
		Attributes:      cmp.Or(l.Attributes, 1000),
		ClockSkew:       cmp.Or(l.ClockSkew, time.Hour),
		Gather:          cmp.Or(l.Gather, 4*time.Millisecond),
		Refusals:        cmp.Or(l.Refusals, 100),
	}
}

// Options are what a Server needs. Auth, Sensors, Store, PubSub and Attention are
// required.
type Options struct {
	Auth      sensocto.Authenticator
	Sensors   sensocto.SensorRegistry
	Store     sensocto.Store
	PubSub    sensocto.PubSub
	Attention sensocto.Attention
	// Rights decides who may see and bring which sensors; by default the scopes of
	// credentials alone.
	Rights sensocto.Rights
	// Rooms are what room topics show; nil means that there are none.
	Rooms rooms.Source
	// Calls are the calls of rooms; nil means that there are none.
	Calls  rooms.Calls
	Limits Limits
	// Now is the clock that timestamps are checked against; default time.Now.
	Now func() time.Time
	// AllowedOrigins are the web origins that browsers may connect from,
	// besides the host that serves them: "https://example.org",
	// "https://*.example.org", or "*" for all.
	AllowedOrigins []string
	// Address returns whom a request comes from, for the limit on refused
	// peers; by default its RemoteAddr. Behind a proxy it has to look deeper.
	Address func(*http.Request) string
	// Audit is told which commands are sent to sensors; nil discards it.
	Audit sensocto.Auditor
	// Security takes what is refused; nil discards it.
	Security sensocto.SecurityLog
	Log      *slog.Logger
}

// Server is the WebSocket endpoint: an http.Handler for /socket/websocket.
type Server struct {
	auth      sensocto.Authenticator
	sensors   sensocto.SensorRegistry
	store     sensocto.Store
	pubsub    sensocto.PubSub
	attention sensocto.Attention
	rights    sensocto.Rights
	inventory *inventory.Topics
	rooms     *rooms.Topics
	limits    Limits
	origins   []string
	addressOf func(*http.Request) string
	clock     func() time.Time // nil for the wall clock
	audit     sensocto.Auditor
	security  sensocto.SecurityLog
	log       *slog.Logger
	events    admission.EventLog // of what clients can cause

	started     time.Time
	viewers     atomic.Uint64 // the last ViewerID
	connIDs     atomic.Uint64
	revocations atomic.Uint64 // of credentials and rights
	offenders   admission.Offenders
	anonymous   admission.Anonymous
	unfinished  admission.Budget // bytes
	watched     admission.Budget // sensors that are watched
	reads       admission.Turns  // of history: a processor stays free for what is live
	outbound    *outbound.Hub
	readGate    *tick.Gate // of readers whose devices nobody looks at closely
	flushGate   *tick.Gate // of those whose devices send more often than viewers are written to
	count       counters
	unsubscribe func() // from revocations and changes of rights

	mu      sync.Mutex         // guards what follows
	conns   map[*conn]struct{} // those that serve runs for
	stopped bool
	tasks   sync.WaitGroup // all goroutines; grows only while a connection is open
}

// New returns a Server. It starts nothing.
func New(o Options) *Server {
	s := &Server{
		auth: o.Auth, sensors: o.Sensors, store: o.Store, pubsub: o.PubSub, attention: o.Attention, rights: o.Rights,
		limits: o.Limits.withDefaults(), origins: o.AllowedOrigins,
		addressOf: o.Address, clock: o.Now, audit: o.Audit, security: o.Security, log: o.Log,
		started: time.Now(), conns: make(map[*conn]struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.audit == nil {
		s.audit = sensocto.NoAudit{}
	}
	if s.security == nil {
		s.security = sensocto.NoSecurityLog{}
	}
	if s.rights == nil {
		s.rights = sensocto.ScopeRights{}
	}
	if s.addressOf == nil {
		s.addressOf = func(r *http.Request) string { return r.RemoteAddr }
	}
	s.events.Log, s.events.Now = s.log, s.now
	s.offenders = admission.Offenders{Points: float64(s.limits.Refusals), PerPoint: time.Second, Max: 10_000}
	s.anonymous = admission.Anonymous{Most: s.limits.Anonymous, MostOfOne: s.limits.AnonymousOfOne}
	s.unfinished.Max, s.watched.Max = s.limits.UnfinishedBytes, int64(s.limits.WatchedInAll)
	s.reads = make(admission.Turns, max(1, runtime.GOMAXPROCS(0)-1))
	s.outbound = outbound.New(outbound.Options{QueueBytes: s.limits.QueueBytes, ReplyBytes: s.limits.ReplyBytes, Gather: s.limits.Gather, PubSub: s.pubsub, Started: s.started, Tasks: &s.tasks})
	s.inventory = inventory.New(inventory.Options{Sensors: s.sensors, Rights: s.rights, Reads: s.reads, ReplyBytes: s.limits.ReplyBytes})
	s.rooms = rooms.New(rooms.Options{Source: o.Rooms, Calls: o.Calls, Rights: s.rights, Events: &s.events})
	s.readGate = tick.NewGate(s.now, tick.After(readPause), tick.Hooks{})
	s.flushGate = s.outbound.NewReadGate(readLead)
	revoked, changed := s.auth.OnRevoked(s.onRevoked), s.rights.OnChanged(s.onRightsChanged)
	s.unsubscribe = func() { revoked(); changed() }
	return s
}

// now is the time since the server's start: one cheap number to compare.
func (s *Server) now() time.Duration { return time.Since(s.started) }

func (s *Server) nextViewer() sensocto.ViewerID {
	return sensocto.ViewerID(s.viewers.Add(1))
}

// Delivered returns how many samples of a sensor went to viewers: see
// outbound.Hub.Delivered.
func (s *Server) Delivered(sensorID string) uint64 { return s.outbound.Delivered(sensorID) }

// Run closes connections that are silent or do not take what is written, until
// ctx ends.
func (s *Server) Run(ctx context.Context) error {
	ticker := time.NewTicker(max(time.Millisecond, min(time.Second, s.limits.Idle/4, s.limits.Write/4, s.limits.JoinTimeout/4)))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.sweep(s.now())
		}
	}
}

func (s *Server) sweep(now time.Duration) {
	for _, c := range s.all() {
		switch {
		case c.out.BlockedFor() > s.limits.Write:
			s.count.closes.add("write_timeout", 1)
			c.Abort(errWriteTimeout)
		case now-time.Duration(c.lastRead.Load()) > s.limits.Idle && !c.out.Waited(): // whose reader waits is not heard
			c.close(ws.CloseShutdown, "silent")
		case c.overdue(now):
			c.close(ws.ClosePolicy, "join_timeout")
		}
	}
	s.offenders.Sweep(now)
}

// errWriteTimeout ends connections whose peer does not take bytes at all.
var errWriteTimeout = &sensocto.Error{Code: sensocto.CodeUnavailable, Reason: "write_timeout", Message: "the peer does not take what is written"}

// Shutdown closes all connections with 1001, waits until they have ended and
// what they had received is with the sensors, and accepts no more. When ctx ends
// first, connections are cut.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.unsubscribe()
	for _, c := range s.all() {
		c.close(ws.CloseShutdown, reasonShutdown)
	}
	done := make(chan struct{})
	go func() {
		s.tasks.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for _, c := range s.all() {
			c.Abort(ctx.Err())
			c.cancel()
		}
		<-done
		return ctx.Err()
	}
}

// all returns the present connections.
func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// add accepts a connection, whose serve is to run then. It reports false when
// the server is shutting down.
func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.conns[c] = struct{}{}
	s.tasks.Add(1)
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// onRevoked ends what a token that is not valid any more had joined.
func (s *Server) onRevoked(identityID string) {
	s.revocations.Add(1)
	lost := map[*conn][]*channel{}
	for _, c := range s.all() {
		if channels := c.revoked(identityID); len(channels) > 0 {
			lost[c] = channels
		}
	}
	s.closeHandlers(lost)
}
