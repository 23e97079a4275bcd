package web

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sensocto/sensocto"
)

// Bounds of the answers that are being written at once: each holds its page in
// memory.
const (
	maxWriting       = 64
	maxWritingToPeer = 16 // to one address
)

// readers bounds the requests that read measurements at once: a processor stays
// free for what is live. A request does not count while its answer is written, so
// that a client that reads slowly keeps no other waiting.
type readers struct {
	slots chan struct{}
	cut   atomic.Uint64

	mu      sync.Mutex
	writing map[string]int // guarded by mu; answers that are being written, by address
	all     int            // guarded by mu; the sum of writing
}

func newReaders() *readers {
	return &readers{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)), writing: map[string]int{}}
}

// fewAtATime is the middleware. A request that waits longer than it may take is
// refused.
func (s *server) fewAtATime(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	if !s.readers.enter(ctx.Context()) {
		writeProblem(w, http.StatusServiceUnavailable, "too many requests read measurements at this moment: try again later")
		return
	}
	defer s.readers.leave()
	peer := r.RemoteAddr
	if address, ok := addressOf(peer); ok {
		peer = address.String()
	}
	answer := &answerWriter{ResponseWriter: w, readers: s.readers, peer: peer}
	next(humago.NewContext(ctx.Operation(), r.WithContext(ctx.Context()), answer))
}

func (l *readers) enter(ctx context.Context) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *readers) leave() { <-l.slots }

// add counts n more answers that are being written to peer. It reports whether
// they are within the bounds.
func (l *readers) add(peer string, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all += n
	if l.writing[peer] += n; l.writing[peer] == 0 {
		delete(l.writing, peer)
	}
	return l.all <= maxWriting && l.writing[peer] <= maxWritingToPeer
}

func (l *readers) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{Name: "http_slow_answers_cut_total", Help: "Answers with measurements that were cut, as too many waited for their clients.", Kind: sensocto.KindCounter, Value: float64(l.cut.Load())})
}

// answerWriter leaves the readers while it writes to its client.
type answerWriter struct {
	http.ResponseWriter
	readers *readers
	peer    string
}

func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answerWriter) Write(b []byte) (int, error) {
	l := a.readers
	if !l.add(a.peer, 1) {
		l.cut.Add(1)
		// The connection breaks, so that the client does not take a part for all.
		_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now())
	}
	l.leave()
	n, err := a.ResponseWriter.Write(b)
	l.add(a.peer, -1)
	l.slots <- struct{}{} // not long: whoever has one computes
	return n, err
}
