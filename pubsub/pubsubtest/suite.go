// Package pubsubtest is the contract of sensocto.PubSub as a test suite: every
// implementation passes it.
package pubsubtest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// Open returns a fresh implementation; what it needs is ended by t.Cleanup.
type Open func(t *testing.T) sensocto.PubSub

// Run tests an implementation.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, sensocto.PubSub){
		"reaches every subscriber of the topic":        testReachesAll,
		"keeps topics apart":                           testTopicsApart,
		"keeps each publisher's order":                 testOrder,
		"delivers to one subscriber on many topics":    testManyTopics,
		"delivers nothing after close":                 testClose,
		"closes twice":                                 testCloseTwice,
		"subscribes and closes inside a delivery":      testReentrant,
		"contains a subscriber's panic":                testPanic,
		"reports whether anybody is subscribed":        testSubscribed,
		"loses nothing while others come and go":       testChurn,
		"hands the same message to local subscribers":  testShared,
		"a publisher follows who comes and goes":       testPublisher,
		"a publisher misses nobody who has subscribed": testPublisherChurn,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// recorder remembers what it got.
type recorder struct {
	mu       sync.Mutex
	messages []*sensocto.Message
	wake     chan struct{} // one slot: wake-ups coalesce
}

func newRecorder() *recorder { return &recorder{wake: make(chan struct{}, 1)} }

func (r *recorder) Deliver(m *sensocto.Message) {
	r.mu.Lock()
	r.messages = append(r.messages, m)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// wait returns the messages once there are n.
func (r *recorder) wait(t *testing.T, n int) []*sensocto.Message {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		r.mu.Lock()
		got := r.messages
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-r.wake:
		case <-deadline:
			t.Fatalf("got %d messages, want %d", len(got), n)
		}
	}
}

func message(topic string, n int) *sensocto.Message {
	return &sensocto.Message{Topic: topic, Event: fmt.Sprint(n)}
}

func wantEvents(t *testing.T, got []*sensocto.Message, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("got %d messages, want %d", len(got), n)
	}
	for i, m := range got {
		if m.Event != fmt.Sprint(i) {
			t.Fatalf("message %d is event %s", i, m.Event)
		}
	}
}

func testReachesAll(t *testing.T, ps sensocto.PubSub) {
	all := make([]*recorder, 50)
	for i := range all {
		all[i] = newRecorder()
		defer ps.Subscribe("data:a", all[i]).Close()
	}
	ps.Publish(message("data:a", 0))
	for _, r := range all {
		wantEvents(t, r.wait(t, 1), 1)
	}
}

func testTopicsApart(t *testing.T, ps sensocto.PubSub) {
	a, b := newRecorder(), newRecorder()
	defer ps.Subscribe("data:a", a).Close()
	defer ps.Subscribe("data:b", b).Close()
	ps.Publish(message("data:b", 0))
	ps.Publish(message("data:a", 0))
	if got := a.wait(t, 1); len(got) != 1 || got[0].Topic != "data:a" {
		t.Fatalf("subscriber of data:a got %v", got)
	}
	if got := b.wait(t, 1); len(got) != 1 || got[0].Topic != "data:b" {
		t.Fatalf("subscriber of data:b got %v", got)
	}
}

func testOrder(t *testing.T, ps sensocto.PubSub) {
	r := newRecorder()
	defer ps.Subscribe("data:a", r).Close()
	const n = 1000
	for i := range n {
		ps.Publish(message("data:a", i))
	}
	wantEvents(t, r.wait(t, n), n)
}

func testManyTopics(t *testing.T, ps sensocto.PubSub) {
	r := newRecorder()
	for i := range 20 {
		defer ps.Subscribe(fmt.Sprintf("data:%d", i), r).Close()
	}
	for i := range 20 {
		ps.Publish(message(fmt.Sprintf("data:%d", i), i))
	}
	if got := r.wait(t, 20); len(got) != 20 {
		t.Fatalf("got %d messages, want 20", len(got))
	}
}

func testClose(t *testing.T, ps sensocto.PubSub) {
	gone, stays := newRecorder(), newRecorder()
	sub := ps.Subscribe("data:a", gone)
	defer ps.Subscribe("data:a", stays).Close()
	ps.Publish(message("data:a", 0))
	gone.wait(t, 1)
	sub.Close()
	ps.Publish(message("data:a", 1))
	wantEvents(t, stays.wait(t, 2), 2)
	wantEvents(t, gone.wait(t, 1), 1)
}

func testCloseTwice(t *testing.T, ps sensocto.PubSub) {
	r := newRecorder()
	first := ps.Subscribe("data:a", r)
	defer ps.Subscribe("data:a", r).Close()
	first.Close()
	first.Close()
	ps.Publish(message("data:a", 0))
	wantEvents(t, r.wait(t, 1), 1)
}

type deliverFunc func(*sensocto.Message)

func (f deliverFunc) Deliver(m *sensocto.Message) { f(m) }

func testReentrant(t *testing.T, ps sensocto.PubSub) {
	r := newRecorder()
	var once sync.Once
	done := make(chan struct{})
	var self sensocto.Subscription
	self = ps.Subscribe("data:a", deliverFunc(func(*sensocto.Message) {
		once.Do(func() {
			ps.Subscribe("data:b", r)
			ps.Publish(message("data:b", 0))
			self.Close()
			close(done)
		})
	}))
	ps.Publish(message("data:a", 0))
	<-done
	wantEvents(t, r.wait(t, 1), 1)
}

func testPanic(t *testing.T, ps sensocto.PubSub) {
	r := newRecorder()
	defer ps.Subscribe("data:a", deliverFunc(func(*sensocto.Message) { panic("subscriber") })).Close()
	defer ps.Subscribe("data:a", r).Close()
	ps.Publish(message("data:a", 0))
	ps.Publish(message("data:a", 1))
	wantEvents(t, r.wait(t, 2), 2)
}

func testSubscribed(t *testing.T, ps sensocto.PubSub) {
	if ps.Subscribed("data:a") {
		t.Fatal("Subscribed before anybody was")
	}
	sub := ps.Subscribe("data:a", newRecorder())
	if !ps.Subscribed("data:a") {
		t.Fatal("not Subscribed after Subscribe")
	}
	sub.Close()
	if ps.Subscribed("data:a") {
		t.Fatal("Subscribed after Close")
	}
}

func testChurn(t *testing.T, ps sensocto.PubSub) {
	r := newRecorder()
	defer ps.Subscribe("data:a", r).Close()
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				ps.Subscribe("data:a", newRecorder()).Close()
			}
		})
	}
	const n = 500
	for i := range n {
		ps.Publish(message("data:a", i))
	}
	wantEvents(t, r.wait(t, n), n)
	stop.Store(true)
	wg.Wait()
}

func testShared(t *testing.T, ps sensocto.PubSub) {
	a, b := newRecorder(), newRecorder()
	defer ps.Subscribe("data:a", a).Close()
	defer ps.Subscribe("data:a", b).Close()
	ps.Publish(message("data:a", 0))
	if a.wait(t, 1)[0] != b.wait(t, 1)[0] {
		t.Fatal("two subscribers of one process got different messages: each would be encoded on its own")
	}
}

func testPublisher(t *testing.T, ps sensocto.PubSub) {
	p, other := ps.Publisher("data:a"), newRecorder()
	for i := range 3 {
		if p.Publish(message("data:a", 0)) {
			t.Fatalf("round %d: somebody was there before Subscribe", i)
		}
		r := newRecorder()
		sub := ps.Subscribe("data:a", r)
		for j := range 2 {
			if !p.Publish(message("data:a", j)) {
				t.Fatalf("round %d: nobody was there after Subscribe", i)
			}
		}
		wantEvents(t, r.wait(t, 2), 2)
		sub.Close()
		defer ps.Subscribe(fmt.Sprintf("data:b%d", i), other).Close() // a topic that comes meanwhile
	}
	wantEvents(t, other.wait(t, 0), 0)
}

func testPublisherChurn(t *testing.T, ps sensocto.PubSub) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	for i := range 2 {
		wg.Go(func() {
			for !stop.Load() {
				ps.Subscribe(fmt.Sprintf("data:%d", i), newRecorder()).Close()
			}
		})
	}
	wg.Go(func() {
		for p := ps.Publisher("data:a"); !stop.Load(); {
			p.Publish(message("data:a", 0))
		}
	})
	for range 200 {
		r := newRecorder()
		sub := ps.Subscribe("data:a", r)
		r.wait(t, 1)
		sub.Close()
	}
}
