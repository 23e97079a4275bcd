// Package seclog writes the security log: one structured line for each thing that
// the server refused, with the keys event, reason, user, credential, address,
// action and target. It is the only place that writes such lines.
//
// Nobody can flood it. Of one event, an address (the whole of IPv4, the /64 of
// IPv6) has [burst] lines at once and then one in [interval]; all addresses
// together have [burstOfAll] and then one in [intervalOfAll]. What is left out is
// counted in a metric, and in the key suppressed of the next line; [Log.Run]
// writes a line about those that no other line followed.
package seclog

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

const (
	burst         = 10
	interval      = 10 * time.Second
	burstOfAll    = 100
	intervalOfAll = 200 * time.Millisecond

	// maxSources bounds the table of addresses. When it is full, any one goes.
	maxSources = 10_000
	// maxTextBytes bounds what a line holds of a text that a client chose.
	maxTextBytes = 128
)

// Log is a sensocto.SecurityLog. It is safe for concurrent use.
type Log struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows; not held while a line is written
	sources map[source]*bucket
	events  map[sensocto.SecurityEvent]*total
}

// source is an address that causes an event.
type source struct {
	event   sensocto.SecurityEvent
	network string
}

// total is what there was of one event.
type total struct {
	bucket
	written, omitted uint64
}

var _ sensocto.SecurityLog = (*Log)(nil)

// New returns a Log that writes to log; nil discards. It starts nothing: see Run.
func New(log *slog.Logger) *Log {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &Log{log: log, sources: make(map[source]*bucket), events: make(map[sensocto.SecurityEvent]*total)}
	for _, e := range [...]sensocto.SecurityEvent{sensocto.SecuritySignInRefused, sensocto.SecurityRightRefused, sensocto.SecurityLimitReached,
		sensocto.SecurityCrossSiteRefused, sensocto.SecurityMalformedInput} {
		l.total(e, time.Now()) // metrics show zeros from the start
	}
	return l
}

// Refused implements sensocto.SecurityLog.
func (l *Log) Refused(r sensocto.Refusal) {
	suppressed, due := l.due(r, time.Now())
	if !due {
		return
	}
	args := []any{"event", string(r.Event)}
	for _, f := range [...]struct{ key, value string }{
		{"reason", r.Reason}, {"user", cmp.Or(r.UserID, r.Identity.UserID, r.Identity.OwnerID)}, {"credential", r.Identity.ID},
		{"address", sensocto.HostOf(r.Address)}, {"action", r.Action}, {"target", r.Target},
	} {
		if f.value != "" {
			args = append(args, f.key, clean(f.value))
		}
	}
	if suppressed > 0 {
		args = append(args, "suppressed", suppressed)
	}
	l.log.Log(context.Background(), levelOf(r.Event), "refused", args...)
}

// levelOf returns warn for what no honest client causes by a mistake.
func levelOf(e sensocto.SecurityEvent) slog.Level {
	switch e {
	case sensocto.SecurityLimitReached, sensocto.SecurityCrossSiteRefused:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// due reports whether a refusal gets a line, and how many before it got none: of
// the same address, and of others where all together were too many.
func (l *Log) due(r sensocto.Refusal, now time.Time) (suppressed uint64, due bool) {
	key := source{r.Event, network(r.Address)}
	l.mu.Lock()
	defer l.mu.Unlock()
	of, all := l.source(key, now), l.total(r.Event, now)
	switch {
	case !of.Take(1, now):
		of.suppressed++
	case !all.Take(1, now):
		all.suppressed++
	default:
		suppressed = of.suppressed + all.suppressed
		of.suppressed, all.suppressed = 0, 0
		all.written++
		return suppressed, true
	}
	all.omitted++
	return 0, false
}

func (l *Log) source(key source, now time.Time) *bucket {
	b := l.sources[key]
	if b == nil {
		l.makeRoom(now)
		b = newBucket(burst, interval, now)
		l.sources[key] = b
	}
	return b
}

func (l *Log) total(e sensocto.SecurityEvent, now time.Time) *total {
	t := l.events[e]
	if t == nil {
		t = &total{bucket: *newBucket(burstOfAll, intervalOfAll, now)}
		l.events[e] = t
	}
	return t
}

// makeRoom drops any address of a full table; what it has suppressed counts for
// all.
func (l *Log) makeRoom(now time.Time) {
	for key, b := range l.sources {
		if len(l.sources) < maxSources {
			return
		}
		l.total(key.event, now).suppressed += b.suppressed
		delete(l.sources, key)
	}
}

// clean returns a text that every terminal takes, of bounded length.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !sensocto.Printable(r) {
			return '\uFFFD'
		}
		return r
	}, text[:min(len(text), maxTextBytes)])
	return strings.ToValidUTF8(text, "\uFFFD")
}

// Metrics implements sensocto.MetricSource.
func (l *Log) Metrics(emit func(sensocto.Metric)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e, t := range l.events {
		emit(sensocto.Metric{Name: "security_events_total", Help: "Refusals that the security log has a line of, by event.", Kind: sensocto.KindCounter, Labels: []string{"event", string(e)}, Value: float64(t.written)})
		emit(sensocto.Metric{Name: "security_events_suppressed_total", Help: "Refusals without a line of their own in the security log, because there were too many, by event.", Kind: sensocto.KindCounter, Labels: []string{"event", string(e)}, Value: float64(t.omitted)})
	}
}
