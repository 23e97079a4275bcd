package admission

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// logEvery is how often one kind of event gets a line of the log.
const logEvery = time.Second

// EventLog bounds the lines that clients can cause: of one kind of event there
// is at most one in logEvery, and it says how many before it were left out. The
// metrics count all of them.
type EventLog struct {
	Log *slog.Logger
	Now func() time.Duration // a monotonic clock

	mu    sync.Mutex // guards what follows; never held while a line is written
	kinds map[string]*loggedKind
}

type loggedKind struct {
	last    time.Duration
	omitted int
}

// Write logs an event; kind is one of few.
func (l *EventLog) Write(level slog.Level, kind, message string, args ...any) {
	omitted, due := l.due(kind, l.Now())
	if !due {
		return
	}
	if omitted > 0 {
		args = append(args, "omitted", omitted)
	}
	l.Log.Log(context.Background(), level, message, args...)
}

func (l *EventLog) due(kind string, now time.Duration) (omitted int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, known := l.kinds[kind]
	switch {
	case !known:
		if l.kinds == nil {
			l.kinds = make(map[string]*loggedKind)
		}
		k = &loggedKind{}
		l.kinds[kind] = k
	case now-k.last < logEvery:
		k.omitted++
		return 0, false
	}
	omitted, k.last, k.omitted = k.omitted, now, 0
	return omitted, true
}
