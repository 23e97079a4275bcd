package visible_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket/visible"
)

// world is the sensors that there are, what the viewer may see of them, and the feed.
type world struct {
	mu      sync.Mutex
	sensors map[string]sensocto.Sensor
	sees    sensocto.Visible
	err     error
	asked   func() // while the database is asked; nil for nothing

	topic string
	via   sensocto.Subscriber
	came  []*sensocto.Message
}

// registry is the sensors of a world.
type registry struct {
	sensocto.SensorRegistry
	*world
}

func (r registry) Sensor(id string) (sensocto.Sensor, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, known := r.sensors[id]
	return s, known
}

func (r registry) Owner(id string) (string, bool) {
	s, known := r.Sensor(id)
	return s.OwnerID, known
}

// rights are the rights in a world.
type rights struct {
	sensocto.Rights
	*world
}

func (w rights) Visible(context.Context, sensocto.Identity) (sensocto.Visible, error) {
	w.mu.Lock()
	v, err, asked := w.sees, w.err, w.asked
	w.mu.Unlock()
	v.SensorIDs = maps.Clone(v.SensorIDs)
	if asked != nil {
		asked()
	}
	return v, err
}

func (w *world) SubscribeVia(topic string, s sensocto.Subscriber) { w.topic, w.via = topic, s }
func (w *world) Deliver(m *sensocto.Message)                      { w.came = append(w.came, m) }

// take returns what came, once.
func (w *world) take() (came []*sensocto.Message) {
	came, w.came = w.came, nil
	return came
}

func (w *world) filter() *visible.Filter {
	return visible.New(rights{world: w}, registry{world: w}, sensocto.Identity{ID: "viewer"})
}

func (w *world) open(t testing.TB) *visible.Filter {
	f := w.filter()
	if err := f.Open(t.Context(), w, "topic"); err != nil {
		t.Fatal(err)
	}
	if w.topic != "topic" || w.via != sensocto.Subscriber(f) {
		t.Fatalf("it subscribed %v to %q", w.via, w.topic)
	}
	return f
}

// at is a time of which last values are.
func at(second int64) time.Time { return time.Unix(second, 0) }

// sensor has a last value of 10 s after 1970.
func sensor(id, owner string) sensocto.Sensor {
	return sensocto.Sensor{ID: id, OwnerID: owner, Attributes: []sensocto.Attribute{{ID: "a", LastValue: &sensocto.Sample{Timestamp: at(10).UnixMicro()}}}}
}

// describe is a sensor's id, with ! where it has its last value.
func describe(s sensocto.Sensor) string {
	if s.Attributes[0].LastValue != nil {
		return s.ID + "!"
	}
	return s.ID
}

func newWorld() *world {
	w := &world{sensors: map[string]sensocto.Sensor{}}
	for _, s := range []sensocto.Sensor{sensor("mine", "me"), sensor("shared", "other"), sensor("late", "other"), sensor("hidden", "other"), sensor("ownerless", "")} {
		w.sensors[s.ID] = s
	}
	w.sees = sensocto.Visible{Owners: []string{"me"}, SensorIDs: map[string]time.Time{"shared": {}, "late": at(20), "gone": {}}}
	return w
}

func TestFilter_WhatOneViewerSees(t *testing.T) {
	all := []string{"gone", "hidden", "late", "mine", "ownerless", "shared"}
	for name, c := range map[string]struct {
		sees sensocto.Visible
		want []string // of all; with ! where the last value is seen
	}{
		"own and shared":  {newWorld().sees, []string{"late", "mine!", "shared!"}},
		"only some":       {sensocto.Visible{Owners: []string{"me"}, SensorIDs: map[string]time.Time{"shared": {}, "late": {}}, Only: []string{"late", "hidden"}}, []string{"late!"}},
		"nothing":         {sensocto.Visible{}, nil},
		"no owner's name": {sensocto.Visible{Owners: []string{""}}, nil},
		"everything":      {sensocto.Visible{All: true}, []string{"hidden!", "late!", "mine!", "ownerless!", "shared!"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.sees = c.sees
			f := w.open(t)
			var got []string
			for _, id := range all {
				s, sees := f.Sensor(id)
				if sees {
					got = append(got, describe(s))
				}
				if !c.sees.All && f.Sees(id) != sees {
					t.Errorf("Sees(%s) is %v", id, f.Sees(id))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("the viewer sees %v, want %v", got, c.want)
			}
			ids := all
			if !c.sees.All {
				ids = []string{}
				for _, text := range c.want {
					ids = append(ids, strings.TrimSuffix(text, "!"))
				}
			}
			if of := f.Of(all); !slices.Equal(of, ids) {
				t.Errorf("of all these are %v, want %v", of, ids)
			}
		})
	}
}

// texts is what came, as text.
func texts(came []*sensocto.Message) (list []string) {
	for _, m := range came {
		switch p := m.Payload.(type) {
		case sensocto.Sensor:
			list = append(list, m.Event+" "+describe(p))
		case sensocto.SensorListUpdate:
			text := m.Event
			for _, s := range p.Added {
				text += " +" + describe(s)
			}
			for _, s := range p.Changed {
				text += " ~" + describe(s)
			}
			for _, id := range p.Removed {
				text += " -" + id
			}
			list = append(list, text)
		}
	}
	return list
}

func TestFilter_Deliver(t *testing.T) {
	list := func(u sensocto.SensorListUpdate) *sensocto.Message {
		return &sensocto.Message{Topic: "topic", Event: "list", Payload: u}
	}
	one := func(s sensocto.Sensor) *sensocto.Message {
		return &sensocto.Message{Topic: "topic", Event: "one", Payload: s}
	}
	shown := []string{"mine", "shared", "late", "hidden"}
	for name, c := range map[string]struct {
		m    *sensocto.Message
		want []string
	}{
		"a sensor":                 {one(sensor("mine", "me")), []string{"one mine!"}},
		"one that is seen since":   {one(sensor("late", "other")), []string{"one late"}},
		"one that is not seen":     {one(sensor("hidden", "other")), nil},
		"one that is new":          {list(sensocto.SensorListUpdate{Added: []sensocto.Sensor{sensor("new", "me"), sensor("foreign", "other")}}), []string{"list +new!"}},
		"one that was shown, anew": {list(sensocto.SensorListUpdate{Added: []sensocto.Sensor{sensor("mine", "me")}}), []string{"list ~mine!"}},
		"changes":                  {list(sensocto.SensorListUpdate{Changed: []sensocto.Sensor{sensor("late", "other"), sensor("hidden", "other")}}), []string{"list ~late"}},
		"one that was given away":  {list(sensocto.SensorListUpdate{Changed: []sensocto.Sensor{sensor("mine", "other")}}), []string{"list -mine"}},
		"one that was given to me": {list(sensocto.SensorListUpdate{Changed: []sensocto.Sensor{sensor("hidden", "me")}}), []string{"list +hidden!"}},
		"removed":                  {list(sensocto.SensorListUpdate{Removed: []string{"hidden", "mine", "never"}}), []string{"list -mine"}},
		"nothing of it is seen":    {list(sensocto.SensorListUpdate{Changed: []sensocto.Sensor{sensor("hidden", "other")}, Removed: []string{"x"}}), nil},
		"what is about no sensor":  {&sensocto.Message{Topic: "topic", Event: "other", Payload: 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			f := w.open(t)
			if ids := f.Show(shown); !slices.Equal(ids, shown[:3]) {
				t.Fatalf("shown are %v", ids)
			}
			if f.Deliver(c.m); !slices.Equal(texts(w.take()), c.want) {
				t.Errorf("%v came, want %v", texts(w.came), c.want)
			}
		})
	}
	t.Run("who sees everything gets the message itself", func(t *testing.T) {
		w := newWorld()
		w.sees = sensocto.Visible{All: true}
		f := w.open(t)
		m := list(sensocto.SensorListUpdate{Removed: []string{"x"}})
		if f.Deliver(m); len(w.came) != 1 || w.came[0] != m {
			t.Errorf("%v came", w.came)
		}
	})
}

func TestFilter_Recheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		ok     bool
		want   []string
	}{
		"nothing has changed": {func(*world) {}, true, nil},
		"one more":            {func(w *world) { w.sees.SensorIDs["hidden"] = time.Time{} }, true, []string{"sensor_list_updated +hidden!"}},
		"one more since":      {func(w *world) { w.sees.SensorIDs["hidden"] = at(20) }, true, []string{"sensor_list_updated +hidden"}},
		"one that is unknown": {func(w *world) { w.sees.SensorIDs["never"] = time.Time{} }, true, nil},
		"one less":            {func(w *world) { delete(w.sees.SensorIDs, "shared") }, true, []string{"sensor_list_updated -shared"}},
		"no owner":            {func(w *world) { w.sees.Owners = nil }, true, []string{"sensor_list_updated -mine"}},
		"all, as an operator": {func(w *world) { w.sees.All = true }, true, nil}, // the credential is another one then
		"no answer":           {func(w *world) { w.err = errors.New("no database") }, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			f := w.open(t)
			f.Show([]string{"mine", "shared", "late"})
			c.change(w)
			if ok := f.Recheck(t.Context()); ok != c.ok || !slices.Equal(texts(w.came), c.want) {
				t.Errorf("Recheck is %v, and %v came; want %v, %v", ok, texts(w.came), c.ok, c.want)
			}
		})
	}
}

// A right may come to a viewer who saw nothing.
func TestFilter_RecheckOfAnEmptyList(t *testing.T) {
	w := newWorld()
	seen := w.sees
	w.sees = sensocto.Visible{}
	f := w.open(t)
	if ids := f.Show([]string{"mine", "shared"}); len(ids) > 0 {
		t.Fatalf("shown are %v", ids)
	}
	if w.sees = seen; !f.Recheck(t.Context()) || len(texts(w.came)) != 1 || !strings.Contains(texts(w.came)[0], "+shared!") {
		t.Errorf("%v came", texts(w.came))
	}
}

func TestFilter_OpenFails(t *testing.T) {
	w := newWorld()
	w.err = errors.New("no database")
	if err := w.filter().Open(t.Context(), w, "topic"); err != w.err || w.via != nil {
		t.Errorf("Open is %v, and %v subscribed", err, w.via)
	}
}

// A list that starts from what is shown and follows the updates is in the end what the
// viewer sees, however sensors, owners and rights change. No update adds what is
// there, or changes or removes what is not.
func TestFilter_TheListIsWhatTheViewerSees(t *testing.T) {
	ids := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(rt *rapid.T) {
		id, owner := rapid.SampledFrom(ids), rapid.SampledFrom([]string{"me", "other", ""})
		w := &world{sensors: map[string]sensocto.Sensor{}, sees: sensocto.Visible{Owners: []string{"me"}, SensorIDs: map[string]time.Time{}}}
		if rapid.Bool().Draw(rt, "credential names sensors") {
			w.sees.Only = []string{"a", "b"}
		}
		var published []sensocto.SensorListUpdate // and not delivered yet
		var f *visible.Filter
		list := map[string]bool{}
		follow := func() {
			for _, m := range w.take() {
				u := m.Payload.(sensocto.SensorListUpdate)
				for _, s := range u.Added {
					if list[s.ID] {
						rt.Fatalf("%s is added, and was there", s.ID)
					}
					list[s.ID] = true
				}
				for _, s := range u.Changed {
					if !list[s.ID] {
						rt.Fatalf("%s is changed, and was not there", s.ID)
					}
				}
				for _, id := range u.Removed {
					if !list[id] {
						rt.Fatalf("%s is removed, and was not there", id)
					}
					delete(list, id)
				}
			}
		}
		deliver := func() {
			f.Deliver(&sensocto.Message{Payload: published[0]})
			published = published[1:]
			follow()
		}
		put := func(rt *rapid.T) {
			s := sensor(id.Draw(rt, "id"), owner.Draw(rt, "owner"))
			u := sensocto.SensorListUpdate{Added: []sensocto.Sensor{s}}
			if _, known := w.sensors[s.ID]; known {
				u = sensocto.SensorListUpdate{Changed: u.Added}
			}
			w.sensors[s.ID] = s
			published = append(published, u)
		}
		for range rapid.IntRange(0, 4).Draw(rt, "sensors at first") {
			put(rt)
		}
		published = nil
		f = w.open(t)
		for _, shown := range f.Show(slices.Sorted(maps.Keys(w.sensors))) {
			list[shown] = true
		}
		rt.Repeat(map[string]func(*rapid.T){
			"put": put,
			"remove": func(rt *rapid.T) {
				s := id.Draw(rt, "id")
				if _, known := w.sensors[s]; known {
					delete(w.sensors, s)
					published = append(published, sensocto.SensorListUpdate{Removed: []string{s}})
				}
			},
			"rights": func(rt *rapid.T) {
				if s := id.Draw(rt, "id"); rapid.Bool().Draw(rt, "shared") {
					w.sees.SensorIDs[s] = time.Time{}
				} else {
					delete(w.sees.SensorIDs, s)
				}
				f.Recheck(context.Background())
				follow()
			},
			"deliver": func(*rapid.T) {
				if len(published) > 0 {
					deliver()
				}
			},
		})
		for len(published) > 0 {
			deliver()
		}
		for _, s := range ids {
			known, there := w.sensors[s]
			_, sees := w.sees.Sees(s, known.OwnerID)
			if want := there && sees; list[s] != want {
				rt.Fatalf("the list has %s: %v, want %v", s, list[s], want)
			}
		}
	})
}

// Events and questions may come at once. One question follows the other: the answer to
// an older one must not come last.
func TestFilter_AtOnce(t *testing.T) {
	w := newWorld()
	f := w.open(t)
	var questions atomic.Int32
	w.asked = func() {
		if questions.Add(1) != 1 {
			t.Error("two questions at once")
		}
		runtime.Gosched()
		questions.Add(-1)
	}
	f.Show([]string{"mine", "shared"})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				s := sensor(fmt.Sprint("s", i%7), []string{"me", "other"}[(i+g)%2])
				w.mu.Lock()
				w.sensors[s.ID] = s
				w.mu.Unlock()
				f.Deliver(&sensocto.Message{Payload: sensocto.SensorListUpdate{Changed: []sensocto.Sensor{s}}})
				f.Recheck(t.Context())
				f.Sees(s.ID)
				f.Of([]string{s.ID})
			}
		})
	}
	wg.Wait()
	list := map[string]bool{"mine": true, "shared": true}
	for _, m := range w.came { // delivered one at a time, or the race detector says so
		u := m.Payload.(sensocto.SensorListUpdate)
		for _, s := range u.Added {
			if list[s.ID] {
				t.Fatalf("%s is added twice", s.ID)
			}
			list[s.ID] = true
		}
		for _, id := range u.Removed {
			if !list[id] {
				t.Fatalf("%s is removed twice", id)
			}
			delete(list, id)
		}
	}
}
