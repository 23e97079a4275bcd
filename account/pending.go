package account

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// pendingLife is how long somebody has to finish a sign-in or a registration
	// that takes two steps.
	pendingLife = 5 * time.Minute
	// maxPending bounds those of everybody, maxPendingOfOne those of one address:
	// beyond it the oldest ends.
	maxPending, maxPendingOfOne = 10_000, 100
)

// pending is what was begun and not finished yet. Each entry is taken once.
type pending[T any] struct {
	evicted atomic.Uint64 // that others made end before their time

	mu      sync.Mutex // guards what follows
	entries map[attemptKey]*list.Element
	order   *list.List // of *begun[T], oldest first, which is the order in which they end
	of      map[string]int
}

type begun[T any] struct {
	key     attemptKey
	address string
	ends    time.Time
	value   T
}

func newPending[T any]() *pending[T] {
	return &pending[T]{entries: make(map[attemptKey]*list.Element), order: list.New(), of: make(map[string]int)}
}

// add notes what somebody at an address has begun.
func (p *pending[T]) add(key attemptKey, address string, value T, now time.Time) {
	address = addressKey(address)
	p.mu.Lock()
	defer p.mu.Unlock()
	for e := p.order.Front(); e != nil && !now.Before(e.Value.(*begun[T]).ends); e = p.order.Front() {
		p.remove(e)
	}
	if p.of[address] >= maxPendingOfOne {
		p.evicted.Add(1)
		p.remove(p.oldestOf(address))
	}
	if p.order.Len() >= maxPending {
		p.evicted.Add(1)
		p.remove(p.order.Front())
	}
	p.entries[key] = p.order.PushBack(&begun[T]{key, address, now.Add(pendingLife), value})
	p.of[address]++
}

// take returns what was begun with a key, and ends it. It reports false for what
// was never begun, took too long, or was taken before.
func (p *pending[T]) take(key attemptKey, now time.Time) (value T, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries[key]
	if e == nil {
		return value, false
	}
	p.remove(e)
	b := e.Value.(*begun[T])
	return b.value, now.Before(b.ends)
}

func (p *pending[T]) oldestOf(address string) *list.Element {
	e := p.order.Front()
	for e.Value.(*begun[T]).address != address {
		e = e.Next()
	}
	return e
}

func (p *pending[T]) remove(e *list.Element) {
	b := p.order.Remove(e).(*begun[T])
	delete(p.entries, b.key)
	if p.of[b.address]--; p.of[b.address] == 0 {
		delete(p.of, b.address)
	}
}
