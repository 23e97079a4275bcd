package audit

import (
	"context"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	maxBatch       = 256
	gatherTime     = 200 * time.Millisecond // events of this long share a transaction
	maxBackoff     = 30 * time.Second
	finalTime      = 5 * time.Second // for what is queued at the end
	forgetInterval = time.Hour
	forgetPortion  = 5000 // rows of one transaction: others wait for it
)

// Run writes what is recorded, and removes what is older than it is kept, until
// ctx ends and what was queued is written.
func (l *Log) Run(ctx context.Context) error {
	forget := time.NewTicker(forgetInterval)
	defer forget.Stop()
	repeat := time.NewTicker(repeatTime)
	defer repeat.Stop()
	l.forget(ctx)
	for {
		select {
		case <-repeat.C:
			l.enqueueRepeats(time.Now().Add(-repeatTime))
		case e := <-l.queue:
			if batch := l.gather(ctx, e); !l.write(ctx, batch) {
				l.finish(ctx, batch)
				return nil
			}
		case <-forget.C:
			l.forget(ctx)
		case <-ctx.Done():
			l.finish(ctx, nil)
			return nil
		}
	}
}

// enqueueRepeats queues an event for each that was repeated since.
func (l *Log) enqueueRepeats(before time.Time) {
	for _, e := range l.repeats.over(before) {
		l.enqueue(e)
	}
}

// gather returns an event with those that come within gatherTime.
func (l *Log) gather(ctx context.Context, first sensocto.AuditEvent) []sensocto.AuditEvent {
	batch := append(make([]sensocto.AuditEvent, 0, 16), first)
	end := time.NewTimer(gatherTime)
	defer end.Stop()
	for len(batch) < maxBatch {
		select {
		case e := <-l.queue:
			batch = append(batch, e)
		case <-end.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// write writes a batch, trying until it succeeds. It reports false where ctx
// ended before.
func (l *Log) write(ctx context.Context, batch []sensocto.AuditEvent) bool {
	for backoff := time.Second; ; backoff = min(2*backoff, maxBackoff) {
		err := l.store.InsertAudit(ctx, batch)
		if err == nil {
			l.written.Add(uint64(len(batch)))
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if l.failures.Add(1); backoff == time.Second {
			l.log.Error("the audit log cannot be written; trying on", "err", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(backoff):
		}
	}
}

// finish writes a batch and what is queued, as far as finalTime allows. What is
// left is counted as dropped.
func (l *Log) finish(ctx context.Context, batch []sensocto.AuditEvent) {
	l.enqueueRepeats(time.Now().Add(time.Second))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalTime)
	defer cancel()
	for {
		for len(batch) < maxBatch && len(l.queue) > 0 { // this goroutine alone takes from it
			batch = append(batch, <-l.queue)
		}
		if len(batch) == 0 {
			return
		}
		if !l.write(ctx, batch) {
			lost := uint64(len(batch) + len(l.queue))
			l.dropped.Add(lost)
			l.log.Error("the end of the audit log was not written: the database did not take it in time", "events", lost)
			return
		}
		batch = batch[:0]
	}
}

// forget removes what is older than it is kept, in portions.
func (l *Log) forget(ctx context.Context) {
	for {
		n, err := l.store.ForgetAudit(ctx, time.Now().Add(-l.keep), forgetPortion)
		l.forgotten.Add(uint64(max(0, n)))
		if err != nil && ctx.Err() == nil {
			l.log.Warn("old events stay in the audit log for now", "err", err)
		}
		if err != nil || n < forgetPortion || ctx.Err() != nil {
			return
		}
	}
}

// Flush writes what is queued. It is for a process that never calls Run, such as
// a command.
func (l *Log) Flush(ctx context.Context) error {
	var batch []sensocto.AuditEvent
	for {
		select {
		case e := <-l.queue:
			batch = append(batch, e)
		default:
			if len(batch) == 0 { // a command that only reads does not wait for a writer
				return nil
			}
			return l.store.InsertAudit(ctx, batch)
		}
	}
}
