package socket

import (
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// wheel ends the windows of one level: of all sensors together, at multiples of
// the level's period since the server's start, so that a viewer of many sensors
// gets one frame. It has one timer for the whole server, which runs only while
// some window holds something.
//
// It holds each sensor at most once, so the sensors bound it.
type windowTimer struct {
	srv    *Server
	level  sensocto.AttentionLevel
	period time.Duration
	timer  *time.Timer

	mu      sync.Mutex // guards what follows; taken after a source's
	waiting []*fanout
	set     bool // the timer runs
}

// add has the sensor's window ended at the next beat.
func (w *windowTimer) add(s *fanout) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, s)
	if w.set {
		return
	}
	w.set = true
	wait := w.period - w.srv.now()%w.period
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.tick)
		return
	}
	w.timer.Reset(wait)
}

func (w *windowTimer) tick() {
	w.mu.Lock()
	due := w.waiting
	w.waiting, w.set = make([]*fanout, 0, len(due)), false
	w.mu.Unlock()
	var parked []*outbox
	for _, s := range due {
		parked = s.flushWindow(w.level, parked)
	}
	w.srv.writers.withStandby(func() { flushStaged(parked) })
}
