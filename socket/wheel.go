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
type wheel struct {
	srv    *Server
	level  sensocto.AttentionLevel
	period time.Duration
	timer  *time.Timer

	mu      sync.Mutex // guards what follows; taken after a source's
	waiting []*source
	set     bool // the timer runs
}

// add has the sensor's window ended at the next beat.
func (w *wheel) add(s *source) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, s)
	if w.set {
		return
	}
	w.set = true
	wait := w.period - w.srv.now()%w.period
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.beat)
		return
	}
	w.timer.Reset(wait)
}

func (w *wheel) beat() {
	w.mu.Lock()
	due := w.waiting
	w.waiting, w.set = make([]*source, 0, len(due)), false
	w.mu.Unlock()
	var parked []*outbox
	for _, s := range due {
		parked = s.turn(w.level, parked)
	}
	w.srv.writers.during(func() { flush(parked) })
}
