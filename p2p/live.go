package p2p

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Live is what it takes to see the sensors of other servers, and to show those of this
// one. All fields are required.
type Live struct {
	Sensors   Sensors
	Samples   Samples
	Attention sensocto.Attention
	Rights    sensocto.Rights
	PubSub    sensocto.PubSub
}

// Sensors are the sensors of this server; *sensor.Registry.
type Sensors interface {
	Sensor(id string) (sensocto.Sensor, bool)
	AddRemote(ctx context.Context, ownerID string, r sensocto.Registration) error
	ConnectRemote(ctx context.Context, ownerID string, r sensocto.Registration, d sensocto.Device) (sensocto.SensorLink, error)
	TakeRemote(ctx context.Context, b *sensocto.Batch, keep bool) error
	SyncRemote(ctx context.Context, id string) error
	KeepRemote(ctx context.Context, id string) error
	DropRemote(ctx context.Context, id string) error
}

// Samples are the samples of this server; *store.Store.
type Samples interface {
	sensocto.Store
	From(ctx context.Context, sensorID, attributeID string, q sensocto.NumberQuery) (first int64, samples []sensocto.Sample, cut bool, err error)
}

// live is both sides of sensors that are seen from other servers.
type live struct {
	*Live
	sync      *RoomSync
	asks      chan struct{} // a token for each question under way, until its answer is sent
	documents atomic.Int64  // bytes of documents in the queues of all streams
	unknown   chan struct{} // one slot: there may be sensors of which nothing but the room is known

	turn   sync.Mutex        // one update of remotes at a time; taken before mu
	absent map[string]string // sensors that could not be added, and why; guarded by turn

	mu      sync.Mutex // guards what follows
	running context.Context
	tasks   sync.WaitGroup
	ended   bool // no more tasks
	remotes map[string]*remote
	served  map[*served]struct{}
	peers   map[string]*peer // by endpoint, while they have streams

	count liveCounts
}

// liveCounts are what was done since the start.
type liveCounts struct {
	refused, revoked, sent, received, lost, lagged, cut, broken, slow, failures atomic.Uint64
}

func newLive(l *Live, s *RoomSync) *live {
	if l == nil {
		return nil
	}
	return &live{Live: l, sync: s, asks: make(chan struct{}, asksOfAll), unknown: make(chan struct{}, 1), absent: map[string]string{}, remotes: map[string]*remote{}, served: map[*served]struct{}{}, peers: map[string]*peer{}}
}

// peer is an endpoint that sees sensors of this server.
type peer struct {
	streams int
	asks    chan struct{} // a token for each of its questions under way
}

// join counts a stream of an endpoint until leave is called.
func (l *live) join(endpoint string) (p *peer, leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p = l.peers[endpoint]
	if p == nil {
		p = &peer{asks: make(chan struct{}, asksOfPeer)}
		l.peers[endpoint] = p
	}
	p.streams++
	return p, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if p.streams--; p.streams == 0 {
			delete(l.peers, endpoint)
		}
	}
}

// mayAsk waits until an answer to a peer may be read; release ends that.
func (l *live) mayAsk(ctx context.Context, p *peer) (release func(), ok bool) {
	select {
	case p.asks <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	select {
	case l.asks <- struct{}{}:
	case <-ctx.Done():
		<-p.asks
		return nil, false
	}
	return func() { <-l.asks; <-p.asks }, true
}

// run lets tasks begin until the context ends, and waits for them.
func (l *live) run(ctx context.Context) {
	l.mu.Lock()
	l.running = ctx
	l.mu.Unlock()
	l.task(l.describeAll)
	stop := l.Rights.OnChanged(func([]string) { l.recheck("") })
	l.addAbsent(ctx)
	stop()
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.tasks.Wait()
	l.update(func() map[string]place { return nil })
}

// addEvery is how often sensors that could not be added are tried again.
const addEvery = 30 * time.Second

// addAbsent adds sensors that could not be added before, until the context ends.
func (l *live) addAbsent(ctx context.Context) {
	again := time.NewTicker(addEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			l.turn.Lock()
			some := len(l.absent) > 0
			l.turn.Unlock()
			if some {
				l.sync.refresh()
			}
		}
	}
}

// task runs f on a goroutine that run waits for; it reports false where there is no
// running.
func (l *live) task(f func(ctx context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.running == nil {
		return false
	}
	ctx := l.running
	l.tasks.Go(func() { f(ctx) })
	return true
}

// up has the sidecar announce streams of sensors, after each of its starts.
func (l *live) up() {
	l.task(func(ctx context.Context) {
		if err := l.sync.options.Sidecar.Listen(ctx, sensorProtocol); err != nil && ctx.Err() == nil {
			l.sync.log.Warn("sensors are not shown to other servers", "err", err)
		}
		wake(l.unknown)
	})
}

// accept serves a stream that another server has opened.
func (l *live) accept(e Event) {
	stream := l.sync.options.Sidecar.Accepted(e)
	l.task(func(ctx context.Context) { l.serve(ctx, stream, e.Peer) })
}

// recheck has the streams that show sensors of a room ask again for their rights,
// before they send anything more; "" stands for all rooms.
func (l *live) recheck(roomID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.served {
		if roomID == "" || s.open.Room == roomID {
			s.mu.Lock()
			s.stale = true
			s.mu.Unlock()
			s.notify()
		}
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
