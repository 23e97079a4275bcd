package p2p

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// errNoSensor tells the same to whoever is no member, and of a sensor that is not
// shared: what is there is not for them to know.
var errNoSensor = &sensocto.Error{Code: sensocto.CodeUnauthorized, Reason: "no_right", Message: "there is no such sensor in the room, or no right to see it"}

// errSlow ends a stream whose peer takes an answer so slowly that it keeps others waiting.
var errSlow = &sensocto.Error{Code: sensocto.CodeRateLimited, Message: "an answer was not taken within a minute"}

// errAsksTooMuch ends a stream: servers that keep to the protocol wait for an answer.
var errAsksTooMuch = &sensocto.Error{Code: sensocto.CodeRateLimited, Message: "a third question about the sensor came while two were not answered"}

const (
	openTime    = 5 * time.Second        // for the first frame
	pingEvery   = 5 * time.Second        // between two frames, by both sides
	silentAfter = 15 * time.Second       // without a frame the other side is gone
	writeTime   = 30 * time.Second       // in which a peer has to take what is sent
	askTime     = 10 * time.Second       // for one answer
	answerTime  = time.Minute            // in which a peer has to take an answer, from its first frame
	watchEvery  = 200 * time.Millisecond // between two changes of the level
)

const (
	maxQueued          = 8192     // measurements that wait for a stream; beyond it they are read from memory later
	maxQueuedDocuments = 4 << 20  // bytes of documents among them
	maxAllDocuments    = 64 << 20 // the same of all streams
	asksOfOne          = 2        // questions under way of a stream, until their answers are sent
	asksOfPeer         = 4        // of all streams of an endpoint
	asksOfAll          = 16
	catchUpPart        = 4096      // samples that are read from memory at once
	catchUpBytes       = 256 << 10 // of documents among them: more are read in smaller parts
	// catchUpParts are read of an attribute before everything else has a turn.
	catchUpParts = 4
)

// served is a sensor of this server that somebody at another one sees.
//
// One goroutine reads what the peer asks, one writes, up to two read answers from the
// store, and the sensor's own delivers.
type served struct {
	live   *live
	stream *Stream
	peer   string // endpoint
	from   *peer
	open   openFrame
	wake   chan struct{}

	mu        sync.Mutex // guards what follows
	queue     []*sensocto.Batch
	queued    int // measurements in it
	documents int // bytes of documents in it
	ended     bool
	lagged    bool             // the queue was dropped: what it had is in memory
	sensor    *sensocto.Sensor // to be told
	stale     bool             // rights may have changed
	watch     *watchFrame      // to be followed
	answers   []*reply         // that wait to be sent, in parts
	asking    int              // questions whose answers are not all sent
	failure   error            // why the stream ends; nil for no reason that the peer is told

	// The writer's own.
	stop   func() // of the attention
	sub    sensocto.Subscription
	signal sensocto.Subscription
	sent   map[string]int64 // number of the next sample, by attribute
	rights sensocto.SensorRights

	// The data frame that the writer makes.
	out      []byte
	at       int // where it begins
	run      run
	runBytes int // of its samples, about
}

func (s *served) notify() { wake(s.wake) }

// serve shows a sensor to a peer until either side ends that.
func (l *live) serve(ctx context.Context, stream *Stream, endpoint string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer func() {
		closing, done := context.WithTimeout(context.WithoutCancel(ctx), openTime)
		defer done()
		_ = stream.Close(closing) // ends the reader, too
	}()
	s := &served{live: l, stream: stream, peer: endpoint, wake: make(chan struct{}, 1), stop: func() {}}
	from, leave := l.join(endpoint)
	defer leave()
	s.from = from
	in := &frames{read: patientRead(stream, openTime), most: maxAskFrame}
	err := s.begin(ctx, in)
	if err != nil {
		l.count.refused.Add(1)
		s.say(ctx, err)
		return
	}
	s.stale = true // rights may have changed since, unheard
	l.mu.Lock()
	l.served[s] = struct{}{}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.served, s)
		l.mu.Unlock()
	}()
	var parts sync.WaitGroup
	in.read = patientRead(stream, silentAfter)
	parts.Go(func() {
		s.fail(s.listen(ctx, in, &parts))
		cancel()
	})
	s.fail(s.writeAll(ctx))
	s.quit()
	cancel()
	parts.Wait() // say reads, and a stream has one reader
	s.release()
	s.say(context.WithoutCancel(ctx), s.failure)
}

// patientRead returns reads that fail after a time without anything.
func patientRead(stream *Stream, patience time.Duration) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return stream.Read(ctx)
	}
}

// fail keeps the first reason why the stream ends.
func (s *served) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		s.failure = err
	}
}

// say tells the peer why the stream ends, where that is for it to know.
func (s *served) say(ctx context.Context, err error) {
	e, ok := errors.AsType[*sensocto.Error](err)
	if !ok || ctx.Err() != nil || e.Reason == "p2p_timeout" || e.Code == sensocto.CodeUnavailable {
		return
	}
	if e == errFrame || e == errQuestion || e == errAsksTooMuch {
		s.live.count.broken.Add(1)
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if frame, err := appendJSONFrame(nil, frameFailed, failed(0, e)); err == nil && s.stream.Write(ctx, frame) == nil {
		_ = s.stream.Finish(ctx)
		for err == nil { // until the peer has closed: a reset would overtake the frame
			_, err = s.stream.Read(ctx)
		}
	}
}

// begin reads the first frame, and looks whether who asks may see the sensor.
func (s *served) begin(ctx context.Context, in *frames) error {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	kind, body, err := in.next(ctx)
	if err != nil {
		return err
	}
	if kind != frameOpen || json.Unmarshal(body, &s.open) != nil {
		return errFrame
	}
	s.rights, err = s.allowed(ctx)
	return err
}

// allowed returns the rights of who asks: a member of the room, at the server that asks,
// who may see the sensor. It returns errNoSensor for everybody else.
func (s *served) allowed(ctx context.Context) (r sensocto.SensorRights, err error) {
	rooms := s.live.sync
	member, shared := rooms.showing(s.open.Room, s.open.As, SensorRef{s.open.Owner, s.open.Sensor})
	userID := rooms.people.known(s.open.As)
	if !shared || member.Endpoint != s.peer || userID == "" || rooms.people.local(s.open.As) || !rooms.people.local(s.open.Owner) {
		return r, errNoSensor
	}
	who := sensocto.Identity{ID: "p2p", UserID: userID, OwnerID: userID, Scopes: []sensocto.Scope{sensocto.ScopeView}}
	if r, err = s.live.Rights.Sensor(ctx, who, s.open.Sensor); err == nil && !r.Live {
		err = errNoSensor
	}
	return r, err
}

// listen follows what the peer asks until the stream ends.
func (s *served) listen(ctx context.Context, in *frames, parts *sync.WaitGroup) error {
	next := time.NewTimer(0) // when it may look otherwise
	defer next.Stop()
	for {
		kind, body, err := in.next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch kind {
		case framePing:
		case frameWatch:
			if err = s.look(body); err == nil {
				err = waitFor(ctx, next)
			}
		case frameAsk:
			err = s.ask(ctx, body, parts)
		default:
			err = errFrame
		}
		if err != nil {
			return err
		}
	}
}

// waitFor waits for a timer, and starts it again for the next change of the level: who
// changes it all the time is read more slowly.
func waitFor(ctx context.Context, next *time.Timer) error {
	select {
	case <-next.C:
		next.Reset(watchEvery)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look notes how closely the peer looks.
func (s *served) look(body []byte) error {
	var w watchFrame
	if json.Unmarshal(body, &w) != nil {
		return errFrame
	}
	if _, err := sensocto.ParseAttentionLevel(w.Level); err != nil {
		return errFrame
	}
	s.mu.Lock()
	if before := s.watch; before != nil && w.From == nil {
		w.From = before.From
	}
	s.watch = &w
	s.mu.Unlock()
	s.notify()
	return nil
}
