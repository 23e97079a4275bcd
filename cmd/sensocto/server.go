package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/account"
	"github.com/sensocto/sensocto/alert"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/audit"
	"github.com/sensocto/sensocto/call"
	"github.com/sensocto/sensocto/erasure"
	"github.com/sensocto/sensocto/load"
	"github.com/sensocto/sensocto/mail"
	"github.com/sensocto/sensocto/peopledb"
	"github.com/sensocto/sensocto/pubsub"
	"github.com/sensocto/sensocto/rights"
	"github.com/sensocto/sensocto/room"
	"github.com/sensocto/sensocto/seclog"
	"github.com/sensocto/sensocto/sensor"
	"github.com/sensocto/sensocto/socket"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal"
	"github.com/sensocto/sensocto/web"
	"github.com/sensocto/sensocto/web/ui"
)

// server is the parts of a running server, in the order in which they start.
type server struct {
	config   Config
	log      *slog.Logger
	store    *store.Store
	retainer *store.Retainer
	people   *peopledb.DB
	security *seclog.Log
	mailer   *mail.Mailer // nil where no mail is sent
	accounts *account.Accounts
	rights   *rights.Rights
	rooms    *room.Rooms
	calls    *call.Calls
	relay    *call.Relay // nil where it is off
	sharing  *sharing    // nil where it is off
	eraser   *erasure.Eraser
	audit    *audit.Log
	alerts   *alert.Alerts
	sensors  *sensor.Registry
	looks    *attention.Tracker
	load     *load.Meter
	sockets  *socket.Server
	http     *http.Server
	conns    *web.Conns
	clock    *referenceClock
	metrics  *http.Server // of its own address; nil where there is none
	pprof    *http.Server // nil where it is off
}

// newServer builds the parts and starts none of them.
func newServer(ctx context.Context, c Config, db database, log *slog.Logger, more ...sensocto.MetricSource) (*server, error) {
	s := &server{config: c, log: log, security: seclog.New(log), conns: web.NewConns(c.connections()), people: peopledb.New(db), looks: attention.New(attention.Options{Hold: c.Hold, Spread: c.Spread})}
	var err error
	options := c.storeOptions(log)
	options.Attention = s.looks.Level
	if s.store, err = store.Open(ctx, db, options); err != nil {
		return nil, err
	}
	hub := pubsub.New()
	issuer, err := c.oidc()
	if err != nil {
		return nil, err
	}
	if s.mailer, err = newMailer(c, log); err != nil {
		return nil, err
	}
	s.audit = audit.New(audit.Options{Store: s.people, Keep: time.Duration(c.AuditKeep), Log: log})
	s.accounts = account.New(account.Options{Store: s.people, GuestScopes: c.Guests, Registration: account.Registration(c.Registration), Guests: c.GuestAccounts, SessionLife: time.Duration(c.SessionLife), SessionIdle: time.Duration(c.SessionIdle), OIDC: issuer, Mail: outgoing(s.mailer), Audit: s.audit, Security: s.security, Renamed: s.renamed, Log: log})
	s.sensors = sensor.NewRegistry(sensor.Options{
		Store: s.store, PubSub: hub, Catalog: db, Log: log, MaxAttributes: c.Attributes, MaxSensors: c.Sensors,
		IdentitySensors: c.IdentitySensors, IdentitySeries: c.IdentitySeries, SaveTimeout: c.ShutdownTimeout / 3,
		Forget: s.people.RemoveSensor, OwnerChanged: s.ownerChanged, OwnerName: s.ownerName,
	})
	if err := s.sensors.Load(ctx); err != nil {
		return nil, err
	}
	for id, attributes := range s.store.Attributes() {
		s.sensors.Adopt(id, attributes)
	}
	s.retainer = newRetainer(s.store, c, func(context.Context) ([]sensocto.Sensor, error) { return s.sensors.Sensors(), nil }, log)
	s.load = load.New(load.Options{
		CPUs: c.LoadCores, Memory: int64(c.LoadMemory), Calm: c.LoadCalm, Tell: s.loadChanged, Log: log,
		Queues: []load.Queue{{Name: "store", Fill: s.store.Fill}, {Name: "mailboxes", Fill: s.sensors.Fill}},
	})
	// Where callers without a credential may view, that is what the operator decided
	// for the operator's sensors.
	s.rights = rights.New(rights.Options{Store: s.people, Owner: s.sensors.Owner, OperatorShown: slices.Contains(c.Guests, sensocto.ScopeView), Log: log})
	s.rooms = room.New(room.Options{Store: s.people, Rights: s.rights, Attempts: s.accounts, Sensor: s.sensor, PubSub: hub, Listen: s.looks.Listen, Audit: s.audit, Log: log})
	if s.sharing, err = newSharing(c, s, hub, log); err != nil {
		return nil, err
	}
	s.eraser = erasure.New(erasure.Options{Store: s.people, Sensors: s.sensors, Rooms: s.rooms, Log: log})
	if err := s.people.EndTransientShares(ctx); err != nil { // of devices that were connected when the server was killed
		return nil, err
	}
	s.alerts = alert.New(alert.Options{
		Store: s.people, Rights: s.rights, Notifier: s.rooms, PubSub: hub, Attention: s.looks, Sensor: s.sensors.Sensor,
		AllowPrivate: c.WebhooksAllowPrivate, Mailer: alerting(s.mailer), Origin: func() string { return s.accounts.Ways().Origin }, Log: log,
	})
	if err := s.alerts.Load(ctx); err != nil {
		return nil, err
	}
	if s.calls, err = newCalls(c); err != nil {
		return nil, err
	}
	lastRun, err := s.retainer.Seen()
	if err != nil {
		log.Warn("the time of the last run is not known", "err", err)
	}
	s.clock = newReferenceClock(s.store.Newest(), lastRun, c.ClockSkew, log)
	s.sockets = socket.New(socket.Options{
		Auth: s.accounts, Sensors: s.sensors, Store: s.samples(), PubSub: hub, Attention: s.looks, Rights: s.rights, Rooms: s.rooms, Calls: s.calls,
		Limits: c.socketLimits(), Now: s.clock.Now, AllowedOrigins: c.AllowedOrigins, Audit: s.audit, Security: s.security, Log: log,
	})
	sources := metricSources(db, s.store, hub, s.looks, s.load, s.alerts, s.audit, s.security, s.accounts, s.sensors, s.sockets, s.retainer, s.conns, s.clock, s.eraser, s.calls)
	if s.mailer != nil {
		sources = append(sources, s.mailer)
	}
	if s.sharing != nil {
		sources = append(sources, s.sharing.sync, s.sharing.sync.LiveMetrics())
	}
	sources = append(sources, more...)
	handler := web.New(web.Options{
		Auth: s.accounts, Sensors: s.sensors, Store: s.samples(), Socket: s.sockets,
		App: ui.Files(), Rights: s.rights, Accounts: s.accounts, Rooms: s.rooms, Erase: s.eraser.User, HandOver: s.handOver,
		P2P: s.sharing.web(), Alerts: s.alerts, Audit: s.audit, Security: s.security, AuditLog: s.audit,
		Metrics: sources, TrustedProxies: c.TrustedProxies, MetricsElsewhere: c.MetricsListen != "",
		Backup: s.backupTo(db, c.roomKeyFile()), Retention: s.retainer.Plan, ApplyRetention: s.retainer.Apply,
		Export: s.exporter(), Import: newImporter(s.sensors, s.store, log).run,
		Attention: s.looks, Load: s.load, Delivered: s.sockets.Delivered,
		Ready: readiness(db, s.store.Err), Progress: s.progress, Version: version, AllowedOrigins: c.AllowedOrigins, Hosts: c.Hosts, Log: log,
	})
	s.http = newHTTP(handler, log)
	if c.MetricsListen != "" {
		s.metrics = newHTTP(handler.Metrics, log)
		s.conns.Attach(s.metrics)
	}
	s.conns.Attach(s.http)
	if c.Pprof != "" {
		s.pprof = newPprof(log)
	}
	s.relay, err = newRelay(c, s.calls, log) // the last: it opens sockets
	return s, err
}

func (c Config) storeOptions(log *slog.Logger) store.Options {
	return store.Options{
		HotSamples: c.HotSamples, HotBytes: c.share(c.HotMemory, 8), MaxSeries: c.maxSeries(), WarmWindow: c.WarmWindow, WarmBytes: c.warmBytes(), MaxUnflushedBytes: int64(c.MaxUnflushed),
		Journal: journal.OS(c.journal()), JournalBytes: int64(c.JournalMax), ShutdownTimeout: c.ShutdownTimeout / 2, Log: log,
	}
}

// warmBytes is the budget of the warm tier.
func (c Config) warmBytes() int64 { return c.share(c.WarmMemory, 8) }

// maxSeries is the bound on series: what was said, or what a quarter of the
// memory holds at the 1 KiB that each takes.
func (c Config) maxSeries() int64 {
	if c.Series > 0 {
		return int64(c.Series)
	}
	return min(c.share(0, 4)>>10, 1_000_000)
}

// share is what was said, or a part of the memory that there is; 0, which stands
// for a default, where nothing is known.
func (c Config) share(said Bytes, part int64) int64 {
	if said > 0 {
		return int64(said)
	}
	memory := int64(c.LoadMemory)
	if memory <= 0 {
		memory = load.Machine{Files: os.DirFS("/")}.MemoryLimit()
	}
	return memory / part
}

func (c Config) socketLimits() socket.Limits {
	connections := c.connections()
	anonymous := max(1, min(c.Anonymous, connections/4)) // one address gets half of them at most
	return socket.Limits{
		// The rest is for requests over HTTP.
		Connections: max(1, min(c.Connections, connections-connections/4)), Topics: c.Topics, FramesPerSecond: c.FramesPerSecond,
		TextBytes: int(c.TextFrame), BinaryBytes: int(c.BinaryFrame), QueueBytes: int(c.Outbound),
		History: c.History, Attributes: c.Attributes, Idle: c.IdleTimeout, ClockSkew: c.ClockSkew,
		Watched: c.Watched, WatchedInAll: c.watchedInAll(), Anonymous: anonymous, AnonymousOfOne: max(1, min(c.AnonymousOfOne, anonymous/2)),
		JoinTimeout: c.JoinTimeout, UnfinishedBytes: c.share(c.Unfinished, 16), ReplyBytes: int(c.Reply),
	}
}

// watchedInAll is the bound on watched sensors: what was said, or an eighth of
// the memory at the 1.5 kB that each takes.
func (c Config) watchedInAll() int {
	if c.WatchedInAll > 0 {
		return c.WatchedInAll
	}
	return int(min(c.share(0, 8)/1500, 1_000_000))
}

// metricSources returns those of the parts that have metrics.
func metricSources(parts ...any) (sources []sensocto.MetricSource) {
	for _, p := range parts {
		if source, ok := p.(sensocto.MetricSource); ok {
			sources = append(sources, source)
		}
	}
	return sources
}

// handOver gives a sensor another owner, and ends what the one before may see no
// more. With charge the sensor counts for the new owner.
func (s *server) handOver(ctx context.Context, sensorID, ownerID string, charge bool) error {
	if err := s.sensors.SetOwner(ctx, sensorID, ownerID, charge); err != nil {
		return err
	}
	// With whom it is shared is for the new owner to say.
	err := s.people.RemoveSensor(ctx, sensorID)
	s.rights.Recheck()
	return err
}

// ownerChanged is called with a sensor that is new, or gone: whoever waited for it,
// or watched it, may have no right to what comes.
func (s *server) ownerChanged(sensorID string) { s.sockets.Recheck(sensorID) }

// ownerName returns what a user is called.
func (s *server) ownerName(ctx context.Context, userID string) (string, error) {
	u, err := s.people.User(ctx, userID)
	if errors.Is(err, sensocto.ErrNotFound) {
		return "", nil
	}
	return u.Name, err
}

func (s *server) renamed(userID, name string) { s.sensors.OwnerRenamed(userID, name) }

// loadChanged tells the parts that act on it how busy the server is.
func (s *server) loadChanged(l sensocto.Load) {
	s.sensors.SetLoad(l)
	s.looks.SetLoad(l)
}

// stage is a part that runs.
type stage struct {
	name string
	run  func(context.Context) error
	stop context.CancelFunc
	done chan struct{}
}

// run starts the parts bottom-up, calls ready, and when ctx ends or a part
// fails stops them top-down: whatever is still flushed has a live receiver.
func (s *server) run(ctx context.Context, listener net.Listener, ready func()) error {
	loaded := make(chan struct{})
	stages := []*stage{
		{name: "memory", run: trimMemory},
		{name: "security log", run: s.security.Run},
		{name: "store", run: s.store.Run},
		{name: "last values", run: func(ctx context.Context) error { return s.loadLast(ctx, loaded) }},
		{name: "retention", run: s.retainer.Run},
		{name: "clock", run: s.clock.Run},
		{name: "audit log", run: s.audit.Run},
		{name: "accounts", run: s.accounts.Run},
		{name: "rights", run: s.rights.Run},
		{name: "alerts", run: s.alerts.Run},
		{name: "sensors", run: s.sensors.Run},
		{name: "rooms", run: s.rooms.Run},
		{name: "erasure", run: s.eraser.Run},
		{name: "load", run: s.load.Run},
		{name: "sockets", run: s.sockets.Run},
		{name: "http", run: func(ctx context.Context) error { return serveHTTP(ctx, s.http, listener, s.shutdownHTTP) }},
	}
	if s.mailer != nil {
		stages = slices.Insert(stages, 1, &stage{name: "mail", run: s.mailer.Run})
	}
	if s.sharing != nil {
		at := slices.IndexFunc(stages, func(st *stage) bool { return st.name == "rooms" })
		stages = slices.Insert(stages, at+1, &stage{name: "sharing", run: s.sharing.sync.Run})
	}
	if s.relay != nil {
		s.log.Info("TURN server", "address", s.relay.Addr(), "public", s.config.TURNPublic)
		stages = slices.Insert(stages, 1, &stage{name: "turn", run: s.relay.Run})
	}
	if s.pprof != nil {
		l, err := listen("pprof", s.config.Pprof)
		if err != nil {
			return err
		}
		s.log.Info("profiles", "url", "http://"+l.Addr().String()+"/debug/pprof/")
		stages = append(stages, &stage{name: "pprof", run: func(ctx context.Context) error {
			return serveHTTP(ctx, s.pprof, l, func() error { return s.pprof.Close() })
		}})
	}
	if s.metrics != nil {
		l, err := listen("metrics_listen", s.config.MetricsListen)
		if err != nil {
			return err
		}
		s.log.Info("metrics", "url", "http://"+reachable(l.Addr())+"/metrics")
		stages = append(stages, &stage{name: "metrics", run: func(ctx context.Context) error {
			return serveHTTP(ctx, s.metrics, s.conns.Listener(l), func() error { return s.metrics.Close() })
		}})
	}
	failed := make(chan error, len(stages)) // one result each, so that no stage waits
	for _, st := range stages {
		st.start(ctx, failed)
	}
	select {
	case <-loaded:
	case <-ctx.Done():
	case <-time.After(recoveryPatience):
		s.log.Info("devices are accepted while samples are read back from the journal; reads of these wait")
	}
	ready()
	s.log.Info("started", "version", version, "data_dir", s.config.DataDir)
	var err error
	select {
	case <-ctx.Done():
		s.log.Info("stopping")
	case err = <-failed:
	}
	return errors.Join(err, s.stop(stages, failed))
}

// recoveryPatience is how long a start waits until everything can be read: most
// starts are faster, and no device is kept waiting longer.
const recoveryPatience = time.Second

// loadLast reads the sensors' last values, tells that it did, and waits for the
// end of ctx.
func (s *server) loadLast(ctx context.Context, loaded chan<- struct{}) error {
	err := s.sensors.LoadLast(ctx)
	for errors.Is(err, sensocto.ErrUnavailable) && ctx.Err() == nil { // still reading back, or the database is away
		select {
		case <-time.After(time.Second):
			err = s.sensors.LoadLast(ctx)
		case <-ctx.Done():
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("last values are missing until their sensors send again", "err", err)
	}
	close(loaded)
	<-ctx.Done()
	return nil
}

// start runs the stage. Its context does not end with the program's: stages
// are stopped one after the other.
func (st *stage) start(ctx context.Context, failed chan<- error) {
	ctx, st.stop = context.WithCancel(context.WithoutCancel(ctx))
	st.done = make(chan struct{})
	go func() {
		defer close(st.done)
		err := st.run(ctx)
		switch {
		case err != nil && !errors.Is(err, context.Canceled):
			failed <- fmt.Errorf("%s: %w", st.name, err)
		case ctx.Err() == nil:
			failed <- fmt.Errorf("%s ended by itself", st.name)
		}
	}()
}

// stop ends the stages, last first, and waits for each until the deadline that
// they share.
func (s *server) stop(stages []*stage, failed <-chan error) error {
	deadline := time.NewTimer(s.config.ShutdownTimeout)
	defer deadline.Stop()
	for i := len(stages) - 1; i >= 0; i-- {
		st := stages[i]
		st.stop()
		select {
		case <-st.done:
		case <-deadline.C:
			return fmt.Errorf("%s did not end within shutdown_timeout (%v): %s", st.name, s.config.ShutdownTimeout, s.store.Left())
		}
	}
	s.log.Info("stopped")
	var errs []error // of all stages: that one failed must not hide what another lost
	for {
		select {
		case err := <-failed:
			errs = append(errs, err)
		default:
			return errors.Join(errs...)
		}
	}
}

// shutdownHTTP closes the sockets with "come back" and lets requests finish.
func (s *server) shutdownHTTP() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.ShutdownTimeout/3)
	defer cancel()
	sockets := make(chan error, 1) // one result
	go func() { sockets <- s.sockets.Shutdown(ctx) }()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if socketErr := <-sockets; socketErr != nil || err != nil {
		s.log.Warn("not every connection ended in order", "err", errors.Join(err, socketErr))
	}
	return nil
}

// serveHTTP serves until ctx ends, then calls shutdown.
func serveHTTP(ctx context.Context, server *http.Server, l net.Listener, shutdown func() error) error {
	served := make(chan error, 1) // one result
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	err := shutdown()
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
