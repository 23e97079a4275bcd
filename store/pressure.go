package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// How long a Put waits: for a cold tier that takes nothing, and at all.
const (
	pressPatience = 2 * time.Second
	longestPress  = 10 * time.Second
)

// pressure makes Put wait while the cold tier is behind but works: a source
// that is faster is slowed down, by its socket in the end, long before anything
// has to be refused. It is not only the disk that the flush may wait for, but a
// processor, which those who put keep from it.
type pressure struct {
	on   atomic.Bool // Run flushes
	vain atomic.Bool // a wait was in vain: nobody waits until something moves again

	mu   sync.Mutex    // guards the following
	room chan struct{} // closed when something has moved; nil while nobody waits
}

// pressed reports whether a Put should wait.
func (s *Store) pressed() bool {
	return s.unflushed.Load() > s.options.MaxUnflushedBytes/4 &&
		s.pressure.on.Load() && !s.pressure.vain.Load() && s.failing.Load() == nil && !s.closed.Load()
}

// Ready reports whether a Put would take a usual batch, or refuse it, without
// waiting.
func (s *Store) Ready() bool { return !s.pressed() && (s.journal == nil || s.journal.Ready()) }

// press waits until the cold tier has caught up, or ctx ends. It gives up where
// nothing moves: what is then is for the bound to decide.
func (s *Store) press(ctx context.Context) {
	s.metrics.presses.Add(1)
	timeout := time.NewTimer(pressPatience)
	defer timeout.Stop()
	began := time.Now()
	for waiting := s.unflushed.Load(); ; {
		room := s.pressure.wait()
		if !s.pressed() {
			return
		}
		select {
		case <-room:
		case <-timeout.C:
			now := s.unflushed.Load()
			switch {
			case time.Since(began) >= longestPress:
				return
			case now < waiting: // it moves, slowly
				waiting = now
				timeout.Reset(pressPatience)
				continue
			}
			s.pressure.vain.Store(true)
			s.moved() // those who wait need not wait as long
			return
		case <-ctx.Done():
			return
		}
	}
}

// wait returns what is closed when something moves.
func (p *pressure) wait() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.room == nil {
		p.room = make(chan struct{})
	}
	return p.room
}

// moved lets those look again who wait.
func (s *Store) moved() {
	p := &s.pressure
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.room != nil {
		close(p.room)
		p.room = nil
	}
}

// eased says that less waits for the cold tier.
func (s *Store) eased() {
	s.pressure.vain.Store(false)
	s.moved()
}
