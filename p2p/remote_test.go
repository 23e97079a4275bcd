package p2p

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
)

// list is the sensors of other servers that are shown here.
type list struct {
	Sensors
	sensocto.Attention
	full  bool
	shown map[string]bool
	late  func() // before a sensor is added; may be nil
}

func (l *list) AddRemote(_ context.Context, _ string, r sensocto.Registration) error {
	if l.full {
		return errors.New("no more sensors")
	}
	if l.late != nil {
		l.late()
	}
	l.shown[r.SensorID] = true
	return nil
}

func (l *list) DropRemote(_ context.Context, id string) error {
	delete(l.shown, id)
	return nil
}

func (*list) Watch(string, func(sensocto.Backpressure)) func() { return func() {} }

// Of two updates that wait for each other, the later one knows what there is now.
func TestLive_AnUpdateThatWaitedKnowsWhatThereIsNow(t *testing.T) {
	sensors := &list{shown: map[string]bool{}}
	l := newLive(&Live{Sensors: sensors, Attention: sensors}, &RoomSync{})
	there := map[string]place{"strap": {}}
	l.update(func() map[string]place { return there })
	if !sensors.shown["strap"] || l.remote("strap") == nil {
		t.Fatal("the sensor is not shown")
	}
	l.turn.Lock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.update(func() map[string]place { return there })
	}()
	there = nil // taken out of its room meanwhile
	l.turn.Unlock()
	<-done
	if sensors.shown["strap"] || l.remote("strap") != nil {
		t.Error("a sensor that was taken out is shown")
	}
}

// A sensor that could not be added is noted until it was, or is no longer there.
func TestLive_ASensorThatCouldNotBeAddedIsTriedAgain(t *testing.T) {
	sensors := &list{shown: map[string]bool{}, full: true}
	l := newLive(&Live{Sensors: sensors, Attention: sensors}, &RoomSync{log: slog.New(slog.DiscardHandler)})
	there := func() map[string]place { return map[string]place{"strap": {}, "belt": {}} }
	l.update(there)
	if len(l.absent) != 2 || len(sensors.shown) != 0 {
		t.Fatalf("%v are absent", l.absent)
	}
	l.update(func() map[string]place { return map[string]place{"strap": {}} })
	if len(l.absent) != 1 {
		t.Errorf("%v are absent, and one of them is no longer there", l.absent)
	}
	sensors.full = false
	l.update(there)
	if len(l.absent) != 0 || !sensors.shown["strap"] || l.remote("belt") == nil {
		t.Errorf("%v are absent, %v shown", l.absent, sensors.shown)
	}
}

// A sensor that is taken out of its room does not come back by what its server says of it
// just then, or later.
func TestLive_ASensorThatWasTakenOutIsNotBroughtBack(t *testing.T) {
	state := []byte(`{"name":"Strap","type":"ecg","online":true}`)
	sensors := &list{shown: map[string]bool{}}
	l := newLive(&Live{Sensors: sensors, Attention: sensors}, &RoomSync{})
	there := map[string]place{"strap": {}}
	now := func() map[string]place { return there }
	l.update(now)
	r := l.remote("strap")
	there = nil
	updated := make(chan struct{})
	sensors.late = func() {
		go func() {
			defer close(updated)
			l.update(now)
		}()
		select {
		case <-updated: // the sensor was dropped before it is shown
		case <-time.After(50 * time.Millisecond): // the update waits
		}
	}
	if _, _, err := (&session{remote: r}).learn(t.Context(), state); err != nil {
		t.Error(err)
	}
	<-updated
	if sensors.shown["strap"] {
		t.Error("it is back by what was said meanwhile")
	}
	sensors.late = nil
	if err := (&session{remote: r}).state(t.Context(), state); err != errDropped || sensors.shown["strap"] {
		t.Errorf("what is said later: %v, shown: %v", err, sensors.shown["strap"])
	}
	if err := (&session{remote: r}).connectDevice(t.Context(), sensocto.Registration{}); err != errDropped {
		t.Errorf("its device: %v", err)
	}

	// Shared again, it is another one, which the stream of before does not touch.
	there = map[string]place{"strap": {}}
	l.update(now)
	if _, _, err := (&session{remote: r}).learn(t.Context(), state); err != errDropped || !sensors.shown["strap"] {
		t.Errorf("%v, shown: %v", err, sensors.shown["strap"])
	}
}
