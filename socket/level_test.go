package socket_test

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/wire"
)

// seen is one sample or bucket that a viewer got.
type seen struct {
	at        time.Duration // since the viewer came
	attribute string
	value     float64
	document  string
	micros    int64
	bucket    *sensocto.Bucket
}

// onlooker is a viewer that notes everything.
type onlooker struct {
	*client
	mu     sync.Mutex // guards what follows
	seen   map[string][]seen
	frames []time.Duration // when measurements came
	lagged int64
	began  time.Time
	refs   int
}

func (w *world) onlooker() *onlooker {
	o := &onlooker{client: w.dial("vsn=2.0.0&token=view"), seen: map[string][]seen{}, began: time.Now()}
	go o.read()
	return o
}

func (o *onlooker) read() {
	for {
		kind, data, err := o.ws.ReadMessage()
		if err != nil {
			return
		}
		o.mu.Lock()
		if kind == websocket.BinaryMessage {
			err = o.columns(data)
		} else {
			err = o.text(data)
		}
		o.mu.Unlock()
		if err != nil {
			o.t.Errorf("%v in %.300q", err, data)
		}
	}
}

func (o *onlooker) columns(data []byte) error {
	f, err := phx.DecodeServerBinary(data)
	if err != nil {
		return err
	}
	o.frames = append(o.frames, time.Since(o.began))
	sensor := string(f.Topic)[len("data:"):]
	_, err = wire.ReadColumns(f.Payload, func(c *wire.EncodedColumn) error {
		for ts, v := range c.All() {
			o.see(sensor, seen{attribute: string(c.AttributeID), value: v, micros: ts})
		}
		return nil
	})
	return err
}

type itemJSON struct {
	AttributeID    string `json:"attribute_id"`
	Payload        json.RawMessage
	Timestamp      float64
	Min, Max, Mean float64
	First, Last    float64
	Count          int64
	From, To       float64
}

func micros(ms float64) int64 { return int64(math.Round(ms * 1000)) }

func (i itemJSON) seen(attribute string) seen {
	s := seen{attribute: attribute, micros: micros(i.Timestamp)}
	if i.Count > 0 {
		s.bucket = &sensocto.Bucket{Count: i.Count, Min: i.Min, Max: i.Max, Sum: i.Mean * float64(i.Count), First: i.First, Last: i.Last, From: micros(i.From), To: micros(i.To)}
		return s
	}
	if json.Unmarshal(i.Payload, &s.value) != nil {
		s.document = string(i.Payload)
	}
	return s
}

func (o *onlooker) text(data []byte) error {
	f, err := phx.Decode(phx.V2, data)
	if err != nil {
		return err
	}
	var p struct {
		itemJSON
		SensorID     string `json:"sensor_id"`
		Measurements []itemJSON
		Batch        map[string]map[string][]itemJSON
		Lagged       int64
	}
	switch string(f.Event) {
	case "measurement", "measurements_batch", "sensor_batch":
		err = json.Unmarshal(f.Payload, &p)
	default:
		return nil
	}
	o.frames = append(o.frames, time.Since(o.began))
	o.lagged += p.Lagged
	if string(f.Event) == "measurement" {
		o.see(p.SensorID, p.itemJSON.seen(p.AttributeID))
	}
	for _, i := range p.Measurements {
		o.see(p.SensorID, i.seen(i.AttributeID))
	}
	for sensor, attributes := range p.Batch {
		for attribute, items := range attributes {
			for _, i := range items {
				o.see(sensor, i.seen(attribute))
			}
		}
	}
	return err
}

func (o *onlooker) see(sensor string, s seen) {
	s.at = time.Since(o.began)
	o.seen[sensor] = append(o.seen[sensor], s)
}

// tell pushes an event; its answer is not waited for.
func (o *onlooker) tell(topic, event, payload string) {
	o.refs++
	o.send(fmt.Sprintf(`["1","r%d",%q,%q,%s]`, o.refs, topic, event, payload))
	synctest.Wait()
}

// emit publishes measurements as a sensor does.
func (w *world) emit(sensor string, ms ...sensocto.Measurement) {
	event := sensocto.EventMeasurementsBatch
	if len(ms) == 1 {
		event = sensocto.EventMeasurement
	}
	w.pubsub.Publish(&sensocto.Message{Topic: sensocto.DataTopic(sensor), Event: event, Payload: &sensocto.Batch{SensorID: sensor, Measurements: ms}})
	synctest.Wait()
}

func numbers(attribute string, at time.Time, every time.Duration, n int) []sensocto.Measurement {
	ms := make([]sensocto.Measurement, n)
	for i := range ms {
		t := at.Add(time.Duration(i) * every).UnixMicro()
		ms[i] = sensocto.Measurement{AttributeID: attribute, Sample: sensocto.Sample{Timestamp: t, Value: math.Sin(float64(t) / 1e5)}}
	}
	return ms
}

// What a viewer gets of a sensor of 500 Hz for two seconds at each level.
func TestLevels_WhatAViewerGets(t *testing.T) {
	tests := []struct {
		level           string
		frames, entries [2]int // at least and at most
		window          time.Duration
	}{
		{"high", [2]int{400, 501}, [2]int{1000, 1000}, 0},
		{"medium", [2]int{10, 11}, [2]int{100, 120}, 200 * time.Millisecond},
		{"low", [2]int{2, 3}, [2]int{8, 12}, time.Second},
		{"none", [2]int{0, 0}, [2]int{0, 0}, 0},
	}
	for _, topic := range []string{"data:s", "viewer:x"} {
		for _, tt := range tests {
			t.Run(topic+" "+tt.level, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newPipeWorld(t)
					o := w.onlooker()
					o.tell(topic, "phx_join", `{"attention":"`+tt.level+`"}`)
					if topic == "viewer:x" {
						o.tell(topic, "watch", `{"sensor_ids":["s"],"level":"`+tt.level+`"}`)
					}
					var sent []sensocto.Measurement
					for range 500 { // every 4 ms
						ms := numbers("a", time.Now(), 2*time.Millisecond, 2)
						sent = append(sent, ms...)
						w.emit("s", ms...)
						time.Sleep(4 * time.Millisecond)
					}
					time.Sleep(time.Second)
					synctest.Wait()
					if n := len(o.frames); n < tt.frames[0] || n > tt.frames[1] {
						t.Errorf("%d frames", n)
					}
					if n := len(o.seen["s"]); n < tt.entries[0] || n > tt.entries[1] {
						t.Errorf("%d entries", n)
					}
					for _, at := range o.frames {
						if tt.window > 0 && at%tt.window > 10*time.Millisecond {
							t.Errorf("a frame after %v", at)
						}
					}
					if tt.level == "none" {
						sent = nil
					}
					if err := o.account(map[string][]sensocto.Measurement{"s": sent}); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// account checks that the viewer got every sample either itself or in exactly
// one bucket, in order, and that what was merged is marked.
func (o *onlooker) account(sent map[string][]sensocto.Measurement) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var merged int64
	for sensor, got := range o.seen {
		rest := map[string][]sensocto.Measurement{}
		for _, m := range sent[sensor] {
			rest[m.AttributeID] = append(rest[m.AttributeID], m)
		}
		for i, s := range got {
			n, left, err := s.match(rest[s.attribute])
			if err != nil {
				return fmt.Errorf("%s: entry %d: %w", sensor, i, err)
			}
			rest[s.attribute] = left
			merged += n
		}
		for attribute, left := range rest {
			if len(left) > 0 {
				return fmt.Errorf("%s/%s: %d samples never came", sensor, attribute, len(left))
			}
		}
	}
	for sensor, ms := range sent {
		if len(ms) > 0 && len(o.seen[sensor]) == 0 {
			return fmt.Errorf("%s: nothing came", sensor)
		}
	}
	if merged != o.lagged {
		return fmt.Errorf("%d samples merged, %d marked", merged, o.lagged)
	}
	return nil
}

// match takes what the entry stands for from the samples that are due, and
// returns how many were not sent one by one. Documents may be left out, where a
// newer one comes.
func (s seen) match(due []sensocto.Measurement) (merged int64, left []sensocto.Measurement, err error) {
	var b sensocto.Bucket
	want := int64(1)
	if s.bucket != nil {
		want = s.bucket.Count
		merged = want
	}
	for i, m := range due {
		switch {
		case s.document != "" && !m.IsDocument():
			left = append(left, m) // a number that stands behind the newest document
		case s.document != "":
			if string(m.Document) == s.document && m.Timestamp == s.micros {
				return merged, append(left, due[i+1:]...), nil
			}
			merged++
		case m.IsDocument():
			left = append(left, m)
		default:
			if b.Add(m.Timestamp, m.Value); b.Count < want {
				continue
			}
			return merged, append(left, due[i+1:]...), s.compare(b)
		}
	}
	return 0, nil, fmt.Errorf("%+v: not among what is due", s)
}

func (s seen) compare(b sensocto.Bucket) error {
	if s.bucket == nil {
		if s.value != b.First || s.micros != b.From {
			return fmt.Errorf("got %v at %d, want %v at %d", s.value, s.micros, b.First, b.From)
		}
		return nil
	}
	mean := s.bucket.Sum / float64(b.Count)
	got := *s.bucket
	got.Sum = b.Sum
	if got != b || math.Abs(mean-b.Mean()) > 1e-12*math.Abs(b.Mean())+1e-12 {
		return fmt.Errorf("got bucket %+v, want %+v", *s.bucket, b)
	}
	return nil
}

// step is one thing that happens in TestLevels_NothingIsLost.
type step struct {
	do     string
	viewer int
	sensor string
	level  sensocto.AttentionLevel
	n      int
	every  time.Duration
}

// drawSteps begins with everybody at some level.
func drawSteps(t *rapid.T) (steps []step) {
	levels := []sensocto.AttentionLevel{sensocto.AttentionLow, sensocto.AttentionMedium, sensocto.AttentionHigh, sensocto.AttentionNone}
	for viewer := range 4 {
		for _, sensor := range []string{"s", "u"} {
			steps = append(steps, step{do: "join", viewer: viewer, sensor: sensor, level: rapid.SampledFrom(levels).Draw(t, "level")})
		}
	}
	return append(steps, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			do:     rapid.SampledFrom([]string{"emit", "level", "wait", "emit", "level", "emit", "hide", "show", "leave", "join"}).Draw(t, "do"),
			viewer: rapid.SampledFrom([]int{0, 1, 2, 3}).Draw(t, "viewer"),
			sensor: rapid.SampledFrom([]string{"s", "u"}).Draw(t, "sensor"),
			level:  rapid.SampledFrom(levels).Draw(t, "level"),
			n:      rapid.SampledFrom([]int{1, 2, 3, 10, 30, 100, 301}).Draw(t, "n"),
			every:  rapid.SampledFrom([]time.Duration{0, 2, 20, 300, -1}).Draw(t, "every") * time.Millisecond,
		}
	}), 1, 60).Draw(t, "steps")...)
}

// trial is a run of steps with four viewers: two of one topic for both sensors,
// two of a topic for each, of which one takes binary columns.
type trial struct {
	w       *world
	viewers [4]*onlooker
	sent    [4]map[string][]sensocto.Measurement // while the viewer looked
	level   [4]map[string]sensocto.AttentionLevel
	joined  [4]map[string]bool
	hidden  [4]map[string]bool
	count   int
}

func (r *trial) topic(viewer int, sensor string) string {
	if viewer < 2 {
		return "viewer:x"
	}
	return "data:" + sensor
}

func (r *trial) do(s step) {
	o, topic := r.viewers[s.viewer], r.topic(s.viewer, s.sensor)
	level := fmt.Sprintf("%q", s.level)
	joined := r.joined[s.viewer][s.sensor]
	switch s.do {
	case "wait":
		time.Sleep(time.Duration(s.n) * 5 * time.Millisecond)
	case "emit":
		r.emit(s)
	case "join":
		r.join(s, o, topic, level)
	case "leave":
		if !joined {
			return
		}
		if r.joined[s.viewer][s.sensor] = false; s.viewer < 2 {
			o.tell(topic, "unwatch", fmt.Sprintf(`{"sensor_ids":[%q]}`, s.sensor))
		} else {
			o.tell(topic, "phx_leave", `{}`)
		}
	case "level":
		if !joined {
			return
		}
		r.level[s.viewer][s.sensor] = s.level
		if s.viewer < 2 {
			o.tell(topic, "attention", fmt.Sprintf(`{"levels":{%q:%s}}`, s.sensor, level))
		} else {
			r.hidden[s.viewer][topic] = false
			o.tell(topic, "attention", `{"level":`+level+`}`)
		}
	case "hide", "show":
		if s.viewer >= 2 && !joined {
			return
		}
		r.hidden[s.viewer][topic] = s.do == "hide"
		if s.viewer >= 2 && s.do == "show" {
			r.level[s.viewer][s.sensor] = sensocto.AttentionHigh
		}
		o.tell(topic, "visibility_changed", fmt.Sprintf(`{"visible":%v}`, s.do == "show"))
	}
}

func (r *trial) join(s step, o *onlooker, topic, level string) {
	if r.joined[s.viewer][s.sensor] && s.viewer >= 2 {
		return
	}
	r.joined[s.viewer][s.sensor], r.level[s.viewer][s.sensor] = true, s.level
	if s.viewer < 2 {
		o.tell(topic, "watch", fmt.Sprintf(`{"sensor_ids":[%q],"level":%s}`, s.sensor, level))
		return
	}
	r.hidden[s.viewer][topic] = false
	encoding := ""
	if s.viewer == 3 {
		encoding = `,"encoding":"binary"`
	}
	o.tell(topic, "phx_join", `{"attention":`+level+encoding+`}`)
}

func (r *trial) emit(s step) {
	ms := numbers("a", time.Now(), s.every, s.n)
	if s.n%3 == 0 { // another attribute, and documents among the numbers of both
		for i := range ms {
			switch (i + s.n) % 5 {
			case 1:
				ms[i].AttributeID = "b"
			case 2:
				r.count++
				ms[i].AttributeID, ms[i].Document = "b", fmt.Appendf(nil, `{"n":%d}`, r.count)
			}
		}
	}
	r.w.emit(s.sensor, ms...)
	for v := range r.viewers {
		looks := r.joined[v][s.sensor] && r.level[v][s.sensor] > sensocto.AttentionNone && !r.hidden[v][r.topic(v, s.sensor)]
		if looks {
			r.sent[v][s.sensor] = append(r.sent[v][s.sensor], ms...)
		}
	}
}

// Whatever viewers do, each gets every sample that was published while it
// looked: itself, or in exactly one bucket that is right.
func TestLevels_NothingIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := drawSteps(rt)
		var failed []error
		synctest.Test(t, func(t *testing.T) {
			r := &trial{w: newPipeWorld(t)}
			for v := range r.viewers {
				r.viewers[v] = r.w.onlooker()
				r.sent[v], r.joined[v], r.hidden[v] = map[string][]sensocto.Measurement{}, map[string]bool{}, map[string]bool{}
				r.level[v] = map[string]sensocto.AttentionLevel{}
				if v < 2 {
					r.viewers[v].tell("viewer:x", "phx_join", `{}`)
				}
			}
			for _, s := range steps {
				r.do(s)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			for v, o := range r.viewers {
				if err := o.account(r.sent[v]); err != nil {
					failed = append(failed, fmt.Errorf("viewer %d: %w", v, err))
				}
			}
		})
		if len(failed) > 0 {
			rt.Fatal(failed)
		}
	})
}
