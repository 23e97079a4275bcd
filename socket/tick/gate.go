package tick

import (
	"sync"
	"time"
)

// Gate lets goroutines wait for a common tick.
type Gate struct {
	timer *Timer[chan struct{}]

	mu   sync.Mutex    // guards what follows; taken before the timer's
	open chan struct{} // closed at the next tick; nil while nobody waits
}

// NewGate returns a Gate that opens when delay says (see Options). Then opened is
// called, behind those who waited; it may be nil.
func NewGate(now func() time.Duration, delay func(now time.Duration) time.Duration, opened func()) *Gate {
	g := &Gate{}
	g.timer = NewTimer(Options[chan struct{}]{Now: now, Delay: delay, Tick: func(due []chan struct{}) {
		g.release(due)
		if opened != nil {
			opened()
		}
	}})
	return g
}

// Wait returns at the next tick, or when wake is ready, which may be nil.
func (g *Gate) Wait(wake <-chan struct{}) {
	select {
	case <-g.next():
	case <-wake:
	}
}

func (g *Gate) next() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = make(chan struct{})
		g.timer.Add(g.open)
	}
	return g.open
}

func (g *Gate) release(due []chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, open := range due {
		close(open)
	}
	g.open = nil
}
