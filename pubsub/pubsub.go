// Package pubsub carries messages from publishers to the subscribers of their
// topic inside one process.
//
// Publish calls every subscriber in turn, in the publisher's goroutine: what
// one goroutine publishes on a topic arrives in that order, and there is no
// queue here that could overflow. A subscriber must not block; one that needs
// time keeps a bounded queue of its own and decides there what is lost. No
// lock is held while a subscriber runs, so it may subscribe, unsubscribe and
// publish itself.
package pubsub

import (
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

const shardCount = 64 // a power of two

// Local is a sensocto.PubSub within the process. It is safe for concurrent use.
type Local struct {
	seed   maphash.Seed
	shards [shardCount]shard

	published     atomic.Uint64
	delivered     atomic.Uint64
	panics        atomic.Uint64
	subscriptions atomic.Int64

	// generation starts at 1 and grows when any topic appears or disappears. Each publisher
	// reads it, and it changes seldom: so it has a cache line of its own.
	_          [64]byte
	generation atomic.Uint64
	_          [64]byte
}

// shard holds a part of the topics, so that joins on one topic do not hold up
// publishing on another.
type shard struct {
	mu     sync.RWMutex
	topics map[string]*topic // guarded by mu; only topics with a subscriber
}

// topic is the subscribers of one topic. Publishers iterate over a snapshot
// that never changes, made anew by the first publish after a change: a
// thousand joins in a row copy nothing.
type topic struct {
	mu       sync.Mutex
	subs     []*subscription // guarded by mu
	snapshot atomic.Pointer[[]*subscription]
}

type subscription struct {
	local  *Local
	name   string
	to     sensocto.Subscriber
	closed atomic.Bool
}

// New returns an empty Local.
func New() *Local {
	l := &Local{seed: maphash.MakeSeed()}
	l.generation.Store(1)
	for i := range l.shards {
		l.shards[i].topics = make(map[string]*topic)
	}
	return l
}

func (l *Local) shard(name string) *shard {
	return &l.shards[maphash.String(l.seed, name)%shardCount]
}

func (l *Local) lookup(name string) *topic {
	s := l.shard(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topics[name]
}

// Subscribed implements sensocto.PubSub.
func (l *Local) Subscribed(name string) bool { return l.lookup(name) != nil }

// Subscribe implements sensocto.PubSub.
func (l *Local) Subscribe(name string, to sensocto.Subscriber) sensocto.Subscription {
	sub := &subscription{local: l, name: name, to: to}
	s := l.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil {
		t = &topic{}
		s.topics[name] = t
		l.generation.Add(1)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subs = append(t.subs, sub)
	t.snapshot.Store(nil)
	l.subscriptions.Add(1)
	return sub
}

// Close implements sensocto.Subscription. It may be called twice.
func (sub *subscription) Close() {
	if sub.closed.Swap(true) {
		return
	}
	sub.local.subscriptions.Add(-1)
	s := sub.local.shard(sub.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[sub.name]
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.subs, sub)
	t.subs = slices.Delete(t.subs, i, i+1)
	t.snapshot.Store(nil)
	if len(t.subs) == 0 {
		t.subs = nil // a publisher may still hold the topic
		delete(s.topics, sub.name)
		sub.local.generation.Add(1)
	}
}

// Publish implements sensocto.PubSub.
func (l *Local) Publish(m *sensocto.Message) bool { return l.publish(l.lookup(m.Topic), m) }

// publisher remembers its topic as long as no topic comes or goes.
type publisher struct {
	local      *Local
	generation uint64
	topic      *topic // at that generation; nil where nobody is subscribed
	name       string
}

// Publisher implements sensocto.PubSub.
func (l *Local) Publisher(topic string) sensocto.Publisher { return &publisher{local: l, name: topic} }

func (p *publisher) Publish(m *sensocto.Message) bool {
	if now := p.local.generation.Load(); now != p.generation {
		p.topic, p.generation = p.local.lookup(p.name), now
	}
	return p.local.publish(p.topic, m)
}

// publish publishes on a topic, which is nil where nobody is subscribed.
func (l *Local) publish(t *topic, m *sensocto.Message) bool {
	if t == nil {
		return false
	}
	l.published.Add(1)
	subs := t.present()
	for _, sub := range subs {
		if !sub.closed.Load() {
			l.deliver(sub, m)
		}
	}
	l.delivered.Add(uint64(len(subs)))
	return true
}

// deliver keeps a subscriber's panic from its neighbours and the publisher.
func (l *Local) deliver(sub *subscription, m *sensocto.Message) {
	defer func() {
		if r := recover(); r != nil {
			l.panics.Add(1)
			slog.Error("a subscriber panicked", "topic", m.Topic, "err", r)
		}
	}()
	sub.to.Deliver(m)
}

// present returns the subscribers in the order in which they came.
func (t *topic) present() []*subscription {
	if s := t.snapshot.Load(); s != nil {
		return *s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := slices.Clone(t.subs)
	t.snapshot.Store(&s)
	return s
}

// Metrics implements sensocto.MetricSource.
func (l *Local) Metrics(emit func(sensocto.Metric)) {
	count := func(name, help string, v uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Value: float64(v)})
	}
	count("pubsub_published_total", "Messages published on topics with subscribers.", l.published.Load())
	count("pubsub_delivered_total", "Messages handed to subscribers.", l.delivered.Load())
	count("pubsub_panics_total", "Panics of subscribers that were contained.", l.panics.Load())
	emit(sensocto.Metric{Name: "pubsub_subscriptions", Help: "Present subscriptions.", Kind: sensocto.KindGauge, Value: float64(l.subscriptions.Load())})
}
