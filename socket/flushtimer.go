package socket

import (
	"sync"
	"time"
)

// pulse starts the writers of all connections that gather frames, together:
// one timer for the whole server, so that a busy server wakes up a few hundred
// times a second and not once for every viewer. It beats only while somebody
// waits, at multiples of its period since the server's start.
//
// It holds each connection at most once, so the connections bound it.
type flushTimer struct {
	srv    *Server
	period time.Duration
	timer  *time.Timer

	mu        sync.Mutex    // guards what follows; taken after an outbox's
	notBefore time.Duration // no beat before, since the server's start
	waiting   []*outbox
	spare     []*outbox // the slice of the beat before, for reuse
	set       bool      // the timer runs
}

// add has the outbox told at the next beat.
func (p *flushTimer) add(o *outbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, o)
	if p.set {
		return
	}
	p.set = true
	now := p.srv.now()
	wait := max(p.period-now%p.period, p.notBefore-now)
	if p.timer == nil {
		p.timer = time.AfterFunc(wait, p.tick)
		return
	}
	p.timer.Reset(wait)
}

// untilRead returns how long readers may wait with what is to leave at a beat.
func (p *flushTimer) untilRead() time.Duration {
	return p.period - (p.srv.now()+readLead)%p.period
}

// readersWoke has the next beat wait until they have read: their timer may have
// been late.
func (p *flushTimer) delayForReaders() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notBefore = p.srv.now() + readLead
	if p.set {
		p.timer.Reset(readLead)
	}
}

func (p *flushTimer) tick() {
	p.mu.Lock()
	due := p.waiting
	p.waiting, p.spare, p.set = p.spare[:0], nil, false
	p.mu.Unlock()
	p.srv.writers.withStandby(func() {
		for i, o := range due {
			o.flushDue()
			due[i] = nil
		}
	})
	p.mu.Lock()
	p.spare = due
	p.mu.Unlock()
}
