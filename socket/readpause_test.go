package socket_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// published is how many samples of s the store has.
func (w *world) published() int64 {
	synctest.Wait()
	return w.store.Counts("s")["a"].Samples
}

// feed sends a measurement without waiting until it is read.
func (c *client) feed(i int) {
	c.send(measurement("sensocto:sensor:s", i, time.Now().UnixMilli()))
}

// What comes from a device that nobody looks at waits for a beat, and not
// while somebody looks.
func TestRest_OnlyWhileNobodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPipeWorld(t)
		d := w.device("s", "")
		at := func(step string, want int64) {
			t.Helper()
			if n := w.published(); n != want {
				t.Errorf("%s: %d samples are taken, want %d", step, n, want)
			}
		}
		d.feed(1)
		at("the first", 1)
		go d.feed(2) // a pipe holds nothing: the write lasts until it is read
		at("while the reader rests", 1)
		time.Sleep(51 * time.Millisecond)
		at("after a beat", 2)

		go d.feed(3)
		at("while the reader rests again", 2)
		v := w.v2()
		v.join("1", "data:s", `"bearer_token":"view"`)
		at("when somebody looks", 3)
		d.expectPrefix(`["1",null,"sensocto:sensor:s","backpressure_config",{"attention_level":"high"`)
		for i := range 5 {
			d.feed(4 + i)
			at("while somebody looks", int64(4+i))
		}
	})
}

// Who asks for answers gets them at once.
func TestRest_NotWhenAnAnswerIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPipeWorld(t)
		d := w.device("s", `,"ack":true`)
		began := time.Now()
		for i := range 5 {
			d.send(fmt.Sprintf(`["1","%d","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":%d}]`, i, time.Now().UnixMilli()))
			d.expectPrefix(fmt.Sprintf(`["1","%d","sensocto:sensor:s","phx_reply",{"status":"ok"`, i))
		}
		if took := time.Since(began); took > 40*time.Millisecond {
			t.Errorf("five answers took %v", took)
		}
	})
}

// A connection that also shows something, or whose other sensor is looked at,
// does not rest.
func TestRest_NotBesideWhatCannotWait(t *testing.T) {
	const join = `"connector_id":"c1","connector_name":"C","attributes":[]`
	for name, beside := range map[string]func(*world, *client){
		"a viewer's topic": func(_ *world, d *client) { d.join("2", "sensors:status", ``) },
		"another sensor": func(w *world, d *client) {
			w.v2().join("1", "data:u", `"bearer_token":"view"`)
			d.join("2", "sensocto:sensor:u", join)
			d.expectPrefix(`["2",null,"sensocto:sensor:u","backpressure_config",{"attention_level":"high"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPipeWorld(t)
				d := w.v2()
				d.join("1", "sensocto:sensor:s", join+`,"bearer_token":"admin"`)
				d.expectPrefix(`["1",null,"sensocto:sensor:s","backpressure_config"`)
				beside(w, d)
				for i := range 3 {
					d.feed(i)
					if n := w.published(); n != int64(i+1) {
						t.Fatalf("%d samples are taken, want %d", n, i+1)
					}
				}
			})
		})
	}
}

// What comes from a device that sends faster than viewers are written to waits
// for the next beat; what comes from a slower one is taken at once.
func TestRest_BrieflyWhereMuchComes(t *testing.T) {
	for name, of := range map[string]struct {
		every time.Duration
		rests bool
	}{
		"a thousand a second": {time.Millisecond, true},
		"a hundred a second":  {10 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPipeWorld(t)
				v := w.v2()
				v.join("1", "data:s", `"bearer_token":"view"`)
				d := w.device("s", "")
				go func() { // a pipe holds nothing: each write lasts until it is read
					for i := range 200 {
						d.feed(i)
						time.Sleep(of.every)
					}
				}()
				last, rested := int64(0), false
				for range 200 {
					time.Sleep(of.every)
					n := w.published()
					rested = rested || n == last && n > 0 && n < 200
					last = n
				}
				if rested != of.rests {
					t.Errorf("the reader rested: %t, want %t", rested, of.rests)
				}
				time.Sleep(2 * time.Second)
				if n := w.published(); n != 200 {
					t.Errorf("%d samples are taken in the end, want 200", n)
				}
			})
		})
	}
}
