package socket_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
)

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

// all watches sensors on viewer:x at a level.
func (o *onlooker) all(sensors int, level string) {
	o.tell("viewer:x", "phx_join", `{}`)
	o.tell("viewer:x", "watch", fmt.Sprintf(`{"sensor_ids":%s,"level":%q}`, sensorIDs(sensors), level))
}

func sensorIDs(n int) []byte {
	ids := []byte("[")
	for i := range n {
		if i > 0 {
			ids = append(ids, ',')
		}
		ids = fmt.Appendf(ids, `"s%d"`, i)
	}
	return append(ids, ']')
}

// A viewer of many sensors gets one frame for a window of all of them.
func TestLevels_ManySensorsShareAFrame(t *testing.T) {
	for level, frames := range map[string]int{"medium": 5, "low": 1} {
		t.Run(level, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPipeWorld(t)
				o := w.onlooker()
				o.all(20, level)
				sent := map[string][]sensocto.Measurement{}
				for range 100 {
					for i := range 20 {
						id := fmt.Sprintf("s%d", i)
						ms := numbers("a", time.Now(), 2*time.Millisecond, 5)
						sent[id] = append(sent[id], ms...)
						w.emit(id, ms...)
					}
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if n := len(o.frames); n < frames || n > frames+1 {
					t.Errorf("%d frames", n)
				}
				if err := o.account(sent); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Who looks closer gets what its window holds at once, and then every sample.
func TestLevels_LookingCloserStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPipeWorld(t)
		o := w.onlooker()
		o.all(1, "low")
		first := numbers("a", time.Now(), 2*time.Millisecond, 100)
		w.emit("s0", first...)
		time.Sleep(20 * time.Millisecond)
		if len(o.frames) > 0 {
			t.Error("low came before its window ended")
		}
		asked := time.Now()
		o.tell("viewer:x", "attention", `{"levels":{"s0":"high"}}`)
		next := numbers("a", time.Now(), 2*time.Millisecond, 3)
		w.emit("s0", next...)
		time.Sleep(5 * time.Millisecond)
		synctest.Wait()
		if err := o.account(map[string][]sensocto.Measurement{"s0": append(first, next...)}); err != nil {
			t.Error(err)
		}
		if d := time.Since(asked); d > 5*time.Millisecond {
			t.Errorf("after %v", d)
		}
		for _, s := range o.seen["s0"][len(o.seen["s0"])-3:] {
			if s.bucket != nil {
				t.Error("a sample of high in a bucket")
			}
		}
	})
}

// What a window sends, to the byte: buckets of a cell each, a number alone in
// its cell as itself, the newest document, and how many did not come.
func TestLevels_WhatAWindowSays(t *testing.T) {
	at := func(ms int64, v float64) sensocto.Measurement {
		return sensocto.Measurement{AttributeID: "a", Sample: sensocto.Sample{Timestamp: (1_700_000_000_000 + ms) * 1000, Value: v}}
	}
	document := func(ms int64, text string) sensocto.Measurement {
		m := at(ms, 0)
		m.AttributeID, m.Document = "d", []byte(text)
		return m
	}
	sent := []sensocto.Measurement{at(0, 1), at(5, -2), at(19, 4), document(19, `{"n":1}`), at(20, 7), document(21, `{"n":2}`), at(60, 8), at(61, 9)}
	tests := []struct{ level, topic, want string }{
		{"medium", "viewer:x", `["1",null,"viewer:x","sensor_batch",{"batch":{"s":{"a":[{"min":-2,"max":4,"mean":1,"first":1,"last":4,"count":3,"from":1700000000000,"to":1700000000019},` +
			`{"payload":7,"timestamp":1700000000020},{"min":8,"max":9,"mean":8.5,"first":8,"last":9,"count":2,"from":1700000000060,"to":1700000000061}],` +
			`"d":[{"payload":{"n":2},"timestamp":1700000000021}]}},"lagged":6}]`},
		{"low", "data:s", `[null,null,"data:s","measurements_batch",{"sensor_id":"s","lagged":7,"measurements":[{"attribute_id":"a","min":-2,"max":9,"mean":4.5,"first":1,"last":9,"count":6,"from":1700000000000,"to":1700000000061},` +
			`{"attribute_id":"d","payload":{"n":2},"timestamp":1700000000021}]}]`},
	}
	for _, tt := range tests {
		t.Run(tt.level, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPipeWorld(t)
				c := w.dial("vsn=2.0.0&token=view")
				c.join("1", tt.topic, `"attention":"`+tt.level+`"`)
				if tt.topic == "viewer:x" {
					c.send(`["1","2","viewer:x","watch",{"sensor_ids":["s"],"level":"` + tt.level + `"}]`)
					c.expectPrefix(`["1","2"`)
				}
				synctest.Wait() // a feed follows its level once its answer is on its way
				w.emit("s", sent...)
				c.expect(tt.want)
			})
		})
	}
}

// Viewers share what is encoded: once for each encoding and level.
func TestLevels_EncodedOnce(t *testing.T) {
	tests := []struct {
		level string
		want  float64 // of a second with 10 batches
	}{
		{"high", 3 * 10},
		{"medium", 3 * 5},
		{"low", 3 * 1},
		{"none", 0},
	}
	for _, tt := range tests {
		t.Run(tt.level, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPipeWorld(t)
				for i := range 12 {
					o := w.onlooker()
					switch i % 3 {
					case 0:
						o.all(1, tt.level)
					case 1:
						o.tell("data:s0", "phx_join", `{"attention":"`+tt.level+`"}`)
					case 2:
						o.tell("data:s0", "phx_join", `{"attention":"`+tt.level+`","encoding":"binary"}`)
					}
				}
				for range 10 {
					w.emit("s0", numbers("a", time.Now(), time.Millisecond, 10)...)
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(time.Second)
				if n := w.metric("socket_encodings_total"); n != tt.want {
					t.Errorf("encoded %v times, want %v", n, tt.want)
				}
			})
		})
	}
}
