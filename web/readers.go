package web

import (
	"context"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
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
	maxFar           = 16 // that wait for other servers
)

// readers bounds the requests that read measurements at once: a processor stays
// free for what is live. A request does not count while its answer is written, so
// that a client that reads slowly keeps no other waiting.
type readers struct {
	slots chan struct{}
	far   chan struct{} // of sensors of other servers, which read for us and may take their time
	cut   atomic.Uint64

	mu      sync.Mutex      // guards writing
	writing []*answerWriter // in the middle of a write, what began first before the others
}

func newReaders() *readers {
	return &readers{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)), far: make(chan struct{}, maxFar)}
}

// of returns the slots of requests for a sensor.
func (l *readers) of(sensorID string) chan struct{} {
	if strings.HasPrefix(sensorID, sensocto.RemoteSensorPrefix) {
		return l.far
	}
	return l.slots
}

// fewAtATime is the middleware. A request that waits longer than it may take is
// refused.
func (s *server) fewAtATime(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	slots := s.readers.of(ctx.Param("id"))
	if !enter(ctx.Context(), slots) {
		writeProblem(w, http.StatusServiceUnavailable, "too many requests read measurements at this moment: try again later")
		return
	}
	defer func() { <-slots }()
	peer := r.RemoteAddr
	if address, ok := addressOf(peer); ok {
		peer = address.String()
	}
	answer := &answerWriter{ResponseWriter: w, readers: s.readers, slots: slots, peer: peer}
	next(humago.NewContext(ctx.Operation(), r.WithContext(ctx.Context()), answer))
}

func enter(ctx context.Context, slots chan<- struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// begin counts one more answer that is being written. Where that is one too many,
// of an address or in all, the one is cut that has been waiting for its client
// longest: who reads is not cut for others who do not.
func (l *readers) begin(a *answerWriter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writing = append(l.writing, a)
	ofPeer := func(b *answerWriter) bool { return b.peer == a.peer }
	n := 0
	for _, b := range l.writing {
		if ofPeer(b) {
			n++
		}
	}
	switch {
	case n > maxWritingToPeer:
		l.cutOff(slices.IndexFunc(l.writing, ofPeer))
	case len(l.writing) > maxWriting:
		l.cutOff(0)
	}
}

// cutOff breaks a connection, so that its client does not take a part for all. The
// caller holds mu: its write has not returned, so the answer is still there.
func (l *readers) cutOff(i int) {
	a := l.writing[i]
	l.writing = slices.Delete(l.writing, i, i+1)
	a.over.Store(true)
	l.cut.Add(1)
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now())
}

func (l *readers) end(a *answerWriter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.writing, a); i >= 0 {
		l.writing = slices.Delete(l.writing, i, i+1)
	}
}

func (l *readers) Metrics(emit func(sensocto.Metric)) {
	emit(sensocto.Metric{Name: "http_slow_answers_cut_total", Help: "Answers with measurements that were cut, as too many waited for their clients.", Kind: sensocto.KindCounter, Value: float64(l.cut.Load())})
}

// answerWriter leaves the readers while it writes to its client.
type answerWriter struct {
	http.ResponseWriter
	readers *readers
	slots   chan struct{} // in which its request has a place
	peer    string
	over    atomic.Bool // it was cut
}

func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answerWriter) Write(b []byte) (int, error) {
	if a.over.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	l := a.readers
	l.begin(a)
	<-a.slots
	n, err := a.ResponseWriter.Write(b)
	l.end(a)
	a.slots <- struct{}{} // not long: whoever has one computes
	return n, err
}
