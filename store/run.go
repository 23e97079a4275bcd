package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	firstRetry   = 100 * time.Millisecond
	lastRetry    = 2 * time.Second
	flushTimeout = time.Minute // a cold tier that hangs longer has failed
	sweepEvery   = time.Minute
)

var errEnded = errors.New("the store has ended")

// Run brings what the journal has to the cold tier, and flushes until ctx ends;
// then it takes nothing more and flushes what there is within a deadline of its
// own. It returns an error if samples were left, or if the journal is damaged.
func (s *Store) Run(ctx context.Context) error {
	if s.journal == nil {
		return s.run(ctx)
	}
	writing, stop := context.WithCancel(context.WithoutCancel(ctx)) // until all else is done
	ended := make(chan error, 1)                                    // the one result
	go func() { ended <- s.journal.Run(writing) }()
	err := s.run(ctx)
	stop() // the last thing: what was flushed is truncated, and what was not is kept
	return errors.Join(err, <-ended)
}

func (s *Store) run(ctx context.Context) error {
	defer s.end()
	if s.journal != nil {
		if err := s.recoverJournal(ctx); err != nil {
			s.close()
			if ctx.Err() != nil {
				return nil // the journal keeps everything for the next start
			}
			return err
		}
	}
	var upkeep sync.WaitGroup
	upkeep.Go(func() { s.refill(ctx) })
	upkeep.Go(func() { s.maintain(ctx) })
	defer upkeep.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	var retry time.Duration
	s.pressure.on.Store(true)
	for {
		select {
		case <-ctx.Done():
			return s.shutdown(ctx)
		case <-s.wake:
			if retry > 0 {
				continue // the timer is set
			}
		case <-timer.C:
			retry = s.flushDetached(ctx, retry)
		case <-sweep.C:
			s.sweep(time.Now())
		}
		timer.Reset(max(retry, s.untilFlush(time.Now())))
	}
}

// untilFlush returns how long the next flush may wait.
func (s *Store) untilFlush(now time.Time) time.Duration {
	s.dirtyMu.Lock()
	defer s.dirtyMu.Unlock()
	switch {
	case len(s.waiters) > 0 || s.unflushed.Load() >= s.options.FlushBytes && len(s.dirty) > 0:
		return 0
	case len(s.dirty) > 0:
		return max(0, s.options.FlushInterval-now.Sub(s.dirtySince))
	}
	return time.Hour // a wake-up comes first
}

// flushDetached is flushAndAnswer with a deadline of its own: the end of ctx
// does not tear a write.
func (s *Store) flushDetached(ctx context.Context, retry time.Duration) time.Duration {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	return s.flushAndAnswer(ctx, retry)
}

// flushAndAnswer flushes, answers who waits, and returns how long to wait after
// a failure.
func (s *Store) flushAndAnswer(ctx context.Context, retry time.Duration) time.Duration {
	waiters := s.takeWaiters() // first: what they wait for is put already
	err := s.Flush(ctx)
	answer := err
	if err != nil {
		answer = fmt.Errorf("%w: %w", sensocto.ErrUnavailable, err)
	}
	for _, done := range waiters {
		done(answer)
	}
	if err == nil {
		return 0
	}
	return min(max(firstRetry, 2*retry), lastRetry)
}

// Durable calls done once, from another goroutine, when everything put before
// is in the journal, on the disk, or where there is none in the cold tier; or
// with an error when writing it failed: it is kept and tried again then, but
// nobody is told. All who wait share one fsync or one transaction.
func (s *Store) Durable(done func(error)) {
	if s.journal != nil {
		s.journal.Synced(func(err error) {
			if err != nil {
				err = fmt.Errorf("%w: %w", sensocto.ErrUnavailable, err)
			}
			done(err)
		})
		return
	}
	s.dirtyMu.Lock()
	if s.ended {
		s.dirtyMu.Unlock()
		go done(errEnded)
		return
	}
	s.waiters = append(s.waiters, done) // bounded by the callers: each waits for its answer
	s.dirtyMu.Unlock()
	s.signal()
}

func (s *Store) takeWaiters() []func(error) {
	s.dirtyMu.Lock()
	defer s.dirtyMu.Unlock()
	waiters := s.waiters
	s.waiters = nil
	return waiters
}

// shutdown flushes until nothing is left or the deadline passes.
func (s *Store) shutdown(ctx context.Context) error {
	s.close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.ShutdownTimeout)
	defer cancel()
	for retry := time.Duration(0); ; {
		retry = s.flushAndAnswer(ctx, retry)
		if retry == 0 && s.unflushed.Load() == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("last flush: %s", s.Left()), s.Err())
		case <-time.After(retry):
		}
	}
}

// Left says what the cold tier does not have yet, and where that is.
func (s *Store) Left() string {
	unflushed := s.unflushed.Load()
	if s.journal == nil {
		return fmt.Sprintf("%d bytes of samples are in memory alone", unflushed)
	}
	return fmt.Sprintf("%d bytes of samples are not in the database; the journal holds all that was confirmed, which the next start brings there; "+
		"%d bytes are not in the journal either", unflushed, s.journal.Unsynced())
}

// close lets no further Put in, and waits for those that are under way.
func (s *Store) close() {
	s.closed.Store(true)
	s.moved()
	for _, n := range s.allSensors() {
		n.mu.Lock()
		//lint:ignore SA2001 a Put that saw the store open has its samples listed now
		n.mu.Unlock()
	}
}

// end refuses those who still wait or will.
func (s *Store) end() {
	s.dirtyMu.Lock()
	if !s.ended {
		close(s.over)
	}
	s.ended = true
	s.dirtyMu.Unlock()
	for _, done := range s.takeWaiters() {
		done(errEnded)
	}
}

// sweep makes room where series are silent: what their rings hold becomes a
// warm chunk. Series with few samples stay: they take little, and their parts
// would stay small for ever.
func (s *Store) sweep(now time.Time) {
	const few = 64
	for _, n := range s.allSensors() {
		n.mu.Lock()
		for _, r := range n.series {
			if !r.dirty && r.flushed == r.next && len(r.ring) > few && now.Sub(r.flushAt) >= s.options.IdleAfter {
				s.settle(r)
			}
		}
		n.mu.Unlock()
	}
	s.trimHot()
	s.trimWarm()
}
