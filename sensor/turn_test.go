package sensor_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/sensor"
)

// moodyStore is ready, slow and broken at random. It notes whether a sensor put two
// batches at once.
type moodyStore struct {
	*faultyStore
	t      *testing.T
	inside atomic.Int32

	mu   sync.Mutex
	took []int // values of attribute ecg, in order
}

func (s *moodyStore) Ready() bool { return rand.IntN(3) > 0 }

func (s *moodyStore) putting(b *sensocto.Batch) error {
	if s.inside.Add(1) != 1 {
		s.t.Error("a sensor put two batches at once")
	}
	defer s.inside.Add(-1)
	switch n := rand.IntN(200); {
	case n < 50:
		time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond)
	case n < 60:
		return sensocto.ErrUnavailable
	case n < 62:
		panic("planted")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range b.Measurements {
		if m.AttributeID == "ecg" {
			s.took = append(s.took, int(m.Value))
		}
	}
	return nil
}

// However the store waits, refuses and fails: a sensor has one turn at a time, in
// the order in which batches were pushed, and each is answered once.
func TestSensor_OneTurnAtATimeAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var moody *moodyStore
		w := newWorld(t, func(o *sensor.Options) {
			o.Mailbox = 20
			moody = &moodyStore{faultyStore: o.Store.(*faultyStore), t: t}
			moody.plant(moody.putting)
			o.Store = moody
		})
		l, _ := w.connect(t, "s1")
		var others sync.WaitGroup
		stop := make(chan struct{})
		for range 2 { // what else a sensor has to do
			others.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond):
					}
					_ = w.Put(t.Context(), "s1", sensocto.Measurement{AttributeID: "other", Sample: sensocto.Sample{Timestamp: epoch, Value: float64(i)}})
					_ = l.UpdateAttribute(t.Context(), sensocto.AttributeUpdate, sensocto.Attribute{ID: "ecg", Unit: []string{"mV", "V"}[i%2]})
				}
			})
		}
		var want []int
		var answered sync.WaitGroup
		var mu sync.Mutex
		answers := make(map[int]int)
		for i := range 2000 {
			answered.Add(1)
			if err := l.Push(t.Context(), fill(l.Batch(), "ecg", i, 1), func(err error) {
				mu.Lock()
				defer mu.Unlock()
				if answers[i]++; answers[i] == 1 {
					answered.Done()
				}
				if err == nil {
					want = append(want, i)
				}
			}); err != nil {
				t.Fatal(err)
			}
			if rand.IntN(4) == 0 {
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			}
		}
		answered.Wait()
		close(stop)
		others.Wait()
		l.Close()
		synctest.Wait()
		for i := range 2000 {
			if answers[i] != 1 {
				t.Errorf("batch %d was answered %d times", i, answers[i])
			}
		}
		checkTurns(t, moody.took, want)
		if w.metric("sensor_panics_total") == 0 || w.metric("sensor_restarts_total") != w.metric("sensor_panics_total") {
			t.Errorf("%v panics, %v pauses", w.metric("sensor_panics_total"), w.metric("sensor_restarts_total"))
		}
	})
}

// checkTurns compares what a store took with what was answered without an error,
// which is both in the order of turns.
func checkTurns(t *testing.T, took, answered []int) {
	t.Helper()
	if len(took) != len(answered) || len(took) == 0 {
		t.Fatalf("%d batches were taken, %d answered with ok", len(took), len(answered))
	}
	for i := range took {
		if took[i] != answered[i] || i > 0 && took[i] <= took[i-1] {
			t.Fatalf("turn %d: batch %d was taken, %d answered", i, took[i], answered[i])
		}
	}
}

// The turn is the sender's where the store does not make it wait, so Push lasts as
// long as Put, and the sensor's own elsewhere.
func TestSensor_WhoseTurnItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ready := range []bool{true, false} {
			w := newWorld(t, func(o *sensor.Options) {
				if ready {
					o.Store = readyStore{o.Store}
				}
			})
			w.store.plant(func(*sensocto.Batch) error {
				time.Sleep(time.Millisecond)
				return nil
			})
			l, _ := w.connect(t, "s1")
			began := time.Now()
			if err := l.Push(t.Context(), fill(l.Batch(), "ecg", 0, 1), nil); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); ready != (took == time.Millisecond) {
				t.Errorf("the store is ready: %t, and Push took %v", ready, took)
			}
			l.Close()
			synctest.Wait()
		}
	})
}

// What comes during a sender's turn is done after it, though nothing else comes.
func TestSensor_MailDuringASendersTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *sensor.Options) { o.Store = readyStore{o.Store} })
		w.store.plant(func(*sensocto.Batch) error {
			time.Sleep(time.Millisecond)
			return nil
		})
		l, _ := w.connect(t, "s1")
		defer l.Close()
		var pushing sync.WaitGroup
		pushing.Go(func() { _ = l.Push(t.Context(), fill(l.Batch(), "ecg", 0, 1), nil) })
		synctest.Wait() // it is in the store
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := l.UpdateAttribute(ctx, sensocto.AttributeUpdate, sensocto.Attribute{ID: "ecg", Unit: "mV"})
		if took := time.Since(began); err != nil || took != time.Millisecond {
			t.Errorf("it was done after %v (%v), want 1 ms", took, err)
		}
		pushing.Wait()
	})
}

// What changes a sensor in its sender's turn is announced, at the latest when the pace
// allows it, though nothing else comes.
func TestSensor_AnnouncesWhatASendersTurnChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *sensor.Options) { o.Store = readyStore{o.Store} })
		l, _ := w.connect(t, "s1")
		defer l.Close()
		heard := w.listen(sensocto.SignalTopic("s1"))
		names := []string{"a", "b", "c", "d", "e", "f", "g", "h"} // more than a burst of announcements
		for i, name := range names {
			if err := push(t, l, name, i, 1); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s := heard.last().Payload.(sensocto.Sensor); len(s.Attributes) != len(names) {
			t.Errorf("the last announcement has %d attributes, want %d", len(s.Attributes), len(names))
		}
	})
}

// readyStore never makes anybody wait.
type readyStore struct{ sensocto.Store }

func (readyStore) Ready() bool { return true }

// After a panic in its sender's turn a sensor pauses as after any other.
func TestSensor_PausesAfterAPanicInASendersTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *sensor.Options) { o.Store = readyStore{o.Store} })
		w.store.plant(func(b *sensocto.Batch) error {
			if b.Measurements[0].Value == 1 {
				panic("planted")
			}
			return nil
		})
		l, _ := w.connect(t, "s1")
		defer l.Close()
		var took []time.Duration
		for i := range 4 {
			began := time.Now()
			if err := push(t, l, "ecg", i, 1); sensocto.ErrorCode(err) == sensocto.CodeInternal != (i == 1) {
				t.Fatalf("push %d: %v", i, err)
			}
			took = append(took, time.Since(began))
		}
		if took[1] > 0 || took[2] != 50*time.Millisecond || took[3] > 0 {
			t.Errorf("pushes took %v, want a pause of 50 ms before the third", took)
		}
	})
}
