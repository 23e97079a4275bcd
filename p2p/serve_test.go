package p2p

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
)

// aServed is a stream to which nobody is admitted; nothing is written to it.
func aServed() *served {
	l := newLive(&Live{}, &RoomSync{people: newPeople(nil, nil)})
	from, _ := l.join("peer")
	return &served{live: l, from: from, wake: make(chan struct{}, 1), stop: func() {}}
}

// An answer counts until it is sent, so a peer that takes none of them has no more than
// two of them wait.
func TestServed_AnswersCountUntilTheyAreSent(t *testing.T) {
	s := aServed()
	var parts sync.WaitGroup
	ask := func() error {
		defer parts.Wait()
		return s.ask(t.Context(), []byte(`{"id":1,"latest":{}}`), &parts)
	}
	next := func() []byte {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.nextFrame()
	}
	for range asksOfOne {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.live.asks); n != asksOfOne {
		t.Errorf("%d answers wait and count", n)
	}
	if next() == nil || len(s.live.asks) != asksOfOne-1 {
		t.Error("an answer that was taken still counts")
	}
	if err := ask(); err != nil {
		t.Errorf("after an answer was taken: %v", err)
	}
	if err := ask(); err != errAsksTooMuch {
		t.Errorf("a third question: %v", err)
	}
	s.release()
	if n := len(s.live.asks); n != 0 || next() != nil {
		t.Errorf("%d answers count after the stream has ended", n)
	}
}

// An answer of several frames counts until its last.
func TestServed_AnAnswerOfManyFramesCountsUntilItsLast(t *testing.T) {
	s, released := aServed(), false
	s.asking = 1
	s.answered(&reply{id: 1, release: func() { released = true }}, make([]byte, 2*answerPart+1), nil)
	for i := range 3 {
		if released || s.nextFrame() == nil {
			t.Fatalf("frame %d of 3: released %v", i, released)
		}
	}
	if !released || s.asking != 0 {
		t.Error("an answer that was taken still counts")
	}
}

// A peer that takes no answer leaves places to others.
func TestLive_APeerHasAShareOfTheQuestions(t *testing.T) {
	l := newLive(&Live{}, &RoomSync{})
	greedy, _ := l.join("greedy")
	another, leave := l.join("greedy") // stream
	for range asksOfPeer {
		if _, ok := l.mayAsk(t.Context(), another); !ok {
			t.Fatal("no place")
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := l.mayAsk(over, greedy); ok || len(l.asks) != asksOfPeer {
		t.Errorf("a peer has %d places", len(l.asks))
	}
	modest, leaveToo := l.join("modest")
	release, ok := l.mayAsk(t.Context(), modest)
	if !ok {
		t.Fatal("no place for another peer")
	}
	release()
	leaveToo()
	leave()
	if len(l.peers) != 1 || len(l.asks) != asksOfPeer || len(modest.asks) != 0 {
		t.Errorf("%d peers, %d places taken", len(l.peers), len(l.asks))
	}
}

// Who changes the level all the time is read slowly; the first change counts at once.
func TestServed_ChangesOfTheLevelArePaced(t *testing.T) {
	one := appendFrame(nil, frameWatch, []byte(`{"level":"high"}`))
	reads := 0
	in := &frames{most: maxAskFrame, read: func(ctx context.Context) ([]byte, error) {
		reads++
		return one, ctx.Err()
	}}
	s := aServed()
	ctx, cancel := context.WithTimeout(t.Context(), 2*watchEvery+watchEvery/2)
	defer cancel()
	var parts sync.WaitGroup
	if err := s.listen(ctx, in, &parts); !errors.Is(err, context.DeadlineExceeded) || s.watch == nil || reads < 1 || reads > 4 {
		t.Errorf("%v: %d changes were read", err, reads)
	}
}

// endless is a sensor whose samples come faster than anybody takes them.
type endless struct {
	Sensors
	Samples
	reads int
}

func (*endless) Sensor(string) (sensocto.Sensor, bool) {
	return sensocto.Sensor{Attributes: []sensocto.Attribute{{ID: "ecg"}, {ID: "hr"}}}, true
}

func (e *endless) From(_ context.Context, _, _ string, q sensocto.NumberQuery) (int64, []sensocto.Sample, bool, error) {
	e.reads++
	return q.From, make([]sensocto.Sample, q.Limit), false, nil
}

// Catching up leaves a turn to everything else, and to all attributes.
func TestServed_CatchingUpEndsWhereSamplesComeFaster(t *testing.T) {
	s, e := aServed(), &endless{}
	s.live.Live = &Live{Sensors: e, Samples: e}
	s.sent = map[string]int64{}
	s.rights.LiveSince = time.Now() // so that nothing is written
	if more, err := s.catchUp(t.Context()); !more || err != nil || e.reads != 2*catchUpParts {
		t.Errorf("%v, %v after %d reads", more, err, e.reads)
	}
	if s.sent["ecg"] != s.sent["hr"] {
		t.Errorf("%v: an attribute has more turns than another", s.sent)
	}
}

// documents are a sensor's, each as large as it may be.
type documents struct{ endless }

func (d *documents) From(_ context.Context, _, _ string, q sensocto.NumberQuery) (int64, []sensocto.Sample, bool, error) {
	samples := make([]sensocto.Sample, min(q.Limit, q.Bytes/sensocto.MaxDocumentBytes))
	for i := range samples {
		samples[i].Document = make([]byte, sensocto.MaxDocumentBytes)
	}
	return q.From, samples, true, nil
}

// What is read at once is bounded in bytes, and that it was cut is counted.
func TestServed_CatchingUpReadsFewDocumentsAtOnce(t *testing.T) {
	s, d := aServed(), &documents{}
	s.live.Live = &Live{Sensors: d, Samples: d}
	s.sent = map[string]int64{}
	s.rights.LiveSince = time.Now() // so that nothing is written
	more, err := s.catchUp(t.Context())
	if err != nil || !more || s.sent["hr"] != catchUpParts*catchUpBytes/sensocto.MaxDocumentBytes || s.live.count.cut.Load() != 2*catchUpParts {
		t.Errorf("%v, %v: %v, %d cut", more, err, s.sent, s.live.count.cut.Load())
	}
}

type aSubscription struct{ sensocto.Subscription }

// Answers come behind what was published before, which is still in memory.
func TestServed_AnswersWaitWhileTheStreamCatchesUp(t *testing.T) {
	s, e := aServed(), &endless{}
	s.live.Live = &Live{Sensors: e, Samples: e}
	s.sub, s.sent = aSubscription{}, map[string]int64{}
	s.rights.LiveSince = time.Now() // so that nothing is written
	s.answered(&reply{id: 1, release: func() {}}, nil, nil)
	late := &sensocto.Batch{Measurements: []sensocto.Measurement{{AttributeID: "ecg", Number: 1 << 40}}}
	s.Deliver(&sensocto.Message{Payload: late})
	s.lag()
	if err := s.do(t.Context(), s.take()); err != nil {
		t.Fatal(err)
	}
	if w := s.take(); !w.lagged || !w.answer || s.sent["ecg"] > 1<<40 {
		t.Errorf("lagged %v, an answer waits %v, sent up to %d", w.lagged, w.answer, s.sent["ecg"])
	}
}

// A right that ends while much is sent ends that, too.
func TestServed_WithoutARightNothingMoreIsSent(t *testing.T) {
	e := &endless{}
	for name, send := range map[string]func(s *served) error{
		"from memory": func(s *served) error {
			_, err := s.catchUp(t.Context())
			return err
		},
		"as it comes": func(s *served) error {
			s.out, s.at = beginFrame(s.out[:0], frameData)
			if err := s.add(t.Context(), &sensocto.Measurement{AttributeID: "ecg"}); err != nil {
				return err
			}
			s.endRun()
			return s.sendOut(t.Context())
		},
		"an answer": func(s *served) error {
			s.answered(&reply{id: 1, release: func() {}}, []byte("secret"), nil)
			return s.sendAnswer(t.Context())
		},
	} {
		s := aServed()
		s.live.Live = &Live{Sensors: e, Samples: e}
		s.sent, s.stale = map[string]int64{}, true
		if err := send(s); err != errNoSensor || s.live.count.revoked.Load() != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReply_IsOutdatedWithTheRightToThePast(t *testing.T) {
	at := time.Now()
	a := &reply{secret: true, rights: sensocto.SensorRights{Live: true, History: true, Since: at}}
	for name, f := range map[string]struct {
		now  sensocto.SensorRights
		want bool
	}{
		"the same":         {sensocto.SensorRights{Live: true, History: true, Since: at.Round(0).UTC(), Command: true}, false},
		"from a later day": {sensocto.SensorRights{Live: true, History: true, Since: at.Add(1)}, true},
		"live alone":       {sensocto.SensorRights{Live: true, Since: at}, true},
	} {
		if a.outdated(f.now) != f.want {
			t.Errorf("%s: not %v", name, f.want)
		}
	}
}

// What waits for a peer is bounded in measurements and in bytes.
func TestServed_TheQueueIsDroppedWhereItIsFull(t *testing.T) {
	batch := func(n int, document []byte) *sensocto.Message {
		b := &sensocto.Batch{Measurements: make([]sensocto.Measurement, n)}
		for i := range b.Measurements {
			b.Measurements[i].Document = document
		}
		return &sensocto.Message{Payload: b}
	}
	for name, f := range map[string]struct {
		message *sensocto.Message
		fits    int
	}{
		"numbers":   {batch(1024, nil), maxQueued / 1024},
		"documents": {batch(16, make([]byte, 64<<10)), maxQueuedDocuments >> 20},
	} {
		s := aServed()
		for range f.fits {
			s.Deliver(f.message)
		}
		if s.lagged || len(s.queue) != f.fits {
			t.Errorf("%s: %d of %d wait", name, len(s.queue), f.fits)
		}
		s.Deliver(f.message)
		if !s.lagged || len(s.queue) != 0 || s.documents != 0 || s.live.count.lagged.Load() != 1 {
			t.Errorf("%s: %d wait beyond the bound", name, len(s.queue))
		}
	}
}

// Many streams together hold no more documents than a few: who comes beyond that drops its
// own, and nobody else's.
func TestServed_DocumentsOfAllStreamsAreBounded(t *testing.T) {
	l := aServed().live
	message := &sensocto.Message{Payload: &sensocto.Batch{Measurements: []sensocto.Measurement{{Sample: sensocto.Sample{Document: make([]byte, 1<<20)}}}}}
	var all []*served
	for range maxAllDocuments >> 21 {
		s := aServed()
		s.live = l
		all = append(all, s)
		s.Deliver(message)
		s.Deliver(message)
	}
	last := all[len(all)-1]
	if last.lagged || l.documents.Load() != maxAllDocuments {
		t.Fatalf("%d bytes wait", l.documents.Load())
	}
	last.Deliver(message)
	if !last.lagged || len(last.queue) != 0 || all[0].lagged || l.documents.Load() != maxAllDocuments-2<<20 || l.count.lagged.Load() != 1 {
		t.Errorf("%d bytes wait, %d of the last", l.documents.Load(), len(last.queue))
	}
	for _, s := range all {
		s.take()
	}
	if l.documents.Load() != 0 {
		t.Errorf("%d bytes are still counted", l.documents.Load())
	}
}

// A peer that takes each frame just in time does not keep its place for as long as it
// likes: an answer is taken within a minute.
func TestServed_APeerThatTakesAnAnswerSlowlyLosesTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests, stdin := io.Pipe()
		sidecar := NewSidecar(SidecarOptions{})
		sidecar.calls = newCalls(stdin, func() {})
		var peer sync.WaitGroup
		peer.Go(func() {
			lines := bufio.NewScanner(requests)
			lines.Buffer(nil, maxLine)
			for lines.Scan() {
				var r request
				if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
					t.Error(err)
				}
				time.Sleep(writeTime - time.Second)
				sidecar.calls.deliver(line{ID: r.ID, OK: &answer{}}, nil)
			}
		})
		s, released := aServed(), false
		s.stream = &Stream{sidecar: sidecar, id: 1}
		s.answered(&reply{id: 1, release: func() { released = true }}, make([]byte, 100*answerPart), nil)
		began, sent := time.Now(), 0
		var err error
		for ; err == nil; sent++ {
			err = s.sendAnswer(t.Context())
		}
		if took := time.Since(began); err != errSlow || sent != 3 || took != answerTime || s.live.count.slow.Load() != 1 {
			t.Errorf("%v after %d frames and %v", err, sent, took)
		}
		if s.release(); !released {
			t.Error("the answer still counts")
		}
		_ = stdin.Close()
		peer.Wait()
	})
}
