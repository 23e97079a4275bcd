// Package audit keeps who did what to whom, when and from which address.
//
// [Log.Record] never blocks and never fails its caller: events wait in a bounded
// queue, which [Log.Run] writes to the database in batches. When the queue is
// full, because the database has been away for long, the newest events are
// dropped and counted. What is queued when Run's context ends is written before
// Run returns, if the database takes it in time. A kill of the process loses
// what was queued, usually less than a second of it.
//
// Nothing is ever changed; events are removed once they are older than they are
// kept.
package audit

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sensocto/sensocto"
)

// Store keeps the events; *peopledb.DB is one.
type Store interface {
	// InsertAudit adds events, all or none, leaving out those that are there.
	InsertAudit(ctx context.Context, events []sensocto.AuditEvent) error
	// Audit returns events, newest first.
	Audit(ctx context.Context, q sensocto.AuditQuery) ([]sensocto.AuditEvent, error)
	// ForgetAudit removes up to limit events from before a time.
	ForgetAudit(ctx context.Context, before time.Time, limit int) (int64, error)
}

// Options are what New needs. Store must be set.
type Options struct {
	Store Store
	// Keep is how long events are kept; default 400 days.
	Keep time.Duration
	// Queue is how many events may wait for the database; default 4,096.
	Queue int
	Log   *slog.Logger
}

// Log is a sensocto.Auditor. It is safe for concurrent use.
type Log struct {
	store Store
	keep  time.Duration
	log   *slog.Logger
	queue chan sensocto.AuditEvent // when full, Record drops and counts

	repeats repeats // of commands

	recorded, written, dropped, failures, forgotten atomic.Uint64
}

var _ sensocto.Auditor = (*Log)(nil)

// New returns a Log. It starts nothing: see Run.
func New(o Options) *Log {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Log{
		store: o.Store, keep: cmp.Or(o.Keep, 400*24*time.Hour), log: o.Log,
		queue: make(chan sensocto.AuditEvent, cmp.Or(o.Queue, 4096)),
	}
}

// maxDetailBytes bounds the detail of an event, which may hold what a client says.
const maxDetailBytes = 256

// Record implements sensocto.Auditor.
func (l *Log) Record(ctx context.Context, e sensocto.AuditEvent) {
	caller := sensocto.CallerOf(ctx)
	if e.ActorID == "" && e.Action != sensocto.AuditSignInRefused {
		e.ActorID = caller.Identity.OwnerID
	}
	if e.ActorID != "" && e.ActorID == caller.Identity.OwnerID {
		e.CredentialID = cmp.Or(e.CredentialID, caller.Identity.ID)
	}
	e.ID, e.At = uuid.Must(uuid.NewV7()).String(), time.Now().UTC().Truncate(time.Microsecond)
	e.Address = sensocto.HostOf(cmp.Or(e.Address, caller.Address))
	e.Detail = clean(e.Detail)
	if e.Action == sensocto.AuditCommanded && l.repeats.isOne(e) {
		return
	}
	l.enqueue(e)
}

func (l *Log) enqueue(e sensocto.AuditEvent) {
	select {
	case l.queue <- e:
		l.recorded.Add(1)
	default:
		l.dropped.Add(1)
	}
}

// clean returns a text that every database and terminal takes.
func clean(text string) string {
	b := make([]rune, 0, min(len(text), maxDetailBytes))
	for _, r := range text {
		if len(b) == maxDetailBytes {
			break
		}
		if !sensocto.Printable(r) {
			r = '\uFFFD'
		}
		b = append(b, r)
	}
	return string(b)
}

// List returns a page of events that the identity may read: one's own and those
// done to oneself, or for an administrator those of anybody; an empty UserID of
// the query means oneself, or for an administrator everybody. It returns an error
// of code unauthorized for the events of others.
//
// The address of another person is left out: it is the actor's, and not for
// whomever something was done to.
func (l *Log) List(ctx context.Context, id sensocto.Identity, q sensocto.AuditQuery) ([]sensocto.AuditEvent, error) {
	admin := id.Can(sensocto.ScopeAdmin)
	if q.UserID == "" && !admin {
		q.UserID = id.UserID
	}
	switch {
	case id.UserID == "" && !admin:
		return nil, sensocto.ErrUnauthorized
	case q.UserID != id.UserID && !admin:
		return nil, &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "only administrators see what others did"}
	}
	if admin && q.UserID != id.UserID && q.Before == "" {
		l.Record(ctx, sensocto.AuditEvent{Action: sensocto.AuditRead, ActorID: id.OwnerID, CredentialID: id.ID, UserID: q.UserID})
	}
	events, err := l.store.Audit(ctx, q)
	if !admin {
		for i := range events {
			if e := &events[i]; e.ActorID != "" && e.ActorID != id.UserID {
				e.Address, e.CredentialID = "", ""
			}
		}
	}
	return events, err
}

// Metrics implements sensocto.MetricSource.
func (l *Log) Metrics(emit func(sensocto.Metric)) {
	counter := func(name, help string, n *atomic.Uint64) {
		emit(sensocto.Metric{Name: name, Help: help, Value: float64(n.Load())})
	}
	emit(sensocto.Metric{Name: "audit_queued", Help: "Events of the audit log that wait for the database.", Kind: sensocto.KindGauge, Value: float64(len(l.queue))})
	counter("audit_recorded_total", "Events taken for the audit log.", &l.recorded)
	counter("audit_written_total", "Events written to the audit log.", &l.written)
	counter("audit_dropped_total", "Events that the audit log lost: its queue was full, or the database did not take them at the end.", &l.dropped)
	counter("audit_failures_total", "Batches of events that could not be written, and are tried again.", &l.failures)
	counter("audit_forgotten_total", "Events removed because they were older than audit.keep.", &l.forgotten)
}
