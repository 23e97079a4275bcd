package socket_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
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
// for the next beat; what comes from a slower one is taken at once where little
// comes from others.
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

// A device sends often where it does so more than once between two flushes, or less
// so to a server to which others send a lot.
func TestRest_WhoSendsOften(t *testing.T) {
	const gather = 4 * time.Millisecond
	for _, of := range []struct {
		every  time.Duration
		others int // frames between two flushes
		want   bool
	}{
		{every: time.Millisecond, want: true},
		{every: 5 * time.Millisecond, want: false},
		{every: 5 * time.Millisecond, others: 2, want: false},
		{every: 5 * time.Millisecond, others: 20, want: true},
		{every: 15 * time.Millisecond, others: 20, want: true},
		{every: 50 * time.Millisecond, others: 20, want: false},
		{every: time.Second, others: 1000, want: false},
	} {
		often := socket.SendsOften(gather, 50, of.every, func(now time.Duration) uint64 {
			return uint64(now/of.every) + uint64(of.others)*uint64(now/gather)
		})
		if often != of.want {
			t.Errorf("every %v beside %d frames in %v: often is %t, want %t", of.every, of.others, gather, often, of.want)
		}
	}
}

// Whether devices pause or not, and wherever their frames are cut: what they send
// is taken, though nothing comes after it.
func TestRest_MissesNothing(t *testing.T) {
	for name, watched := range map[string]bool{"while somebody looks": true, "while nobody looks": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if watched {
				w.v2().join("1", "data:s", `"bearer_token":"view"`)
			}
			d := w.device("s", "")
			raw := d.ws.NetConn()
			sent := 0
			for round := range 5 {
				for range 30 * (1 + round%2) { // enough for the server to see that they come often
					d.feed(sent)
					sent++
					time.Sleep(time.Millisecond)
				}
				payload := measurement("sensocto:sensor:s", sent, time.Now().UnixMilli())
				frame := append([]byte{0x81, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...) // less than 126 bytes
				raw.Write(frame[:20*round+1])
				time.Sleep(20 * time.Millisecond)
				raw.Write(frame[20*round+1:])
				sent++
				for deadline := time.Now().Add(patience); w.store.Counts("s")["a"].Samples < int64(sent); time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("%d samples are taken of %d", w.store.Counts("s")["a"].Samples, sent)
					}
				}
			}
		})
	}
}

// often sends n measurements, one a millisecond, so that the server reads them at ticks.
func (c *client) often(from, n int) {
	for i := range n {
		c.feed(from + i)
		time.Sleep(time.Millisecond)
	}
}

// What comes between measurements that are handled at ticks is answered in its place, and
// what follows it is taken as before.
func TestRest_OtherMessagesBetweenMeasurements(t *testing.T) {
	w := newWorld(t)
	w.v2().join("1", "data:s", `"bearer_token":"view"`)
	d := w.device("s", "")
	const topic = "sensocto:sensor:s"
	sent := 0
	feed := func(n int) {
		d.often(sent, n)
		sent += n
	}
	settled := func(step string) { // a ping is answered when all before it was taken
		t.Helper()
		d.send(fmt.Sprintf(`["1","p%d","%s","ping",{"at":%q}]`, sent, topic, step))
		d.expectPrefix(fmt.Sprintf(`["1","p%d","%s","phx_reply",{"status":"ok","response":{"at":%q}}`, sent, topic, step))
		if n := w.store.Counts("s")["a"].Samples; n != int64(sent) {
			t.Errorf("%s: %d samples are taken, want %d", step, n, sent)
		}
	}
	feed(60)
	settled("first")
	feed(20)
	d.send(`[null,"h","phoenix","heartbeat",{}]`)
	feed(20)
	d.expectPrefix(`[null,"h","phoenix","phx_reply",{"status":"ok"`)
	d.send(`["1","b","sensocto:sensor:s","measurements_batch",[{"attribute_id":"a"}]]`)
	feed(20)
	d.expectPrefix(`["1","b","sensocto:sensor:s","phx_reply",{"status":"error"`)
	d.send(`["1","u","sensocto:sensor:s","nonsense",{}]`)
	feed(20)
	d.expectPrefix(`["1","u","sensocto:sensor:s","phx_reply",{"status":"error","response":{"reason":"unknown event"`)
	settled("in the middle")

	// Joined again with ack, each is answered.
	d.send(`["1","l","sensocto:sensor:s","phx_leave",{}]`)
	d.expectPrefix(`["1","l","sensocto:sensor:s","phx_reply",{"status":"ok"`)
	d.expectPrefix(`["1","1","sensocto:sensor:s","phx_close"`)
	d.send(`["2","2","sensocto:sensor:s","phx_join",{"connector_id":"c1","connector_name":"C","attributes":[],"bearer_token":"ingest","ack":true}]`)
	d.expectPrefix(`["2","2","sensocto:sensor:s","phx_reply",{"status":"ok"`)
	d.expectPrefix(`["2",null,"sensocto:sensor:s","backpressure_config"`)
	for i := range 40 {
		d.send(fmt.Sprintf(`["2","%d","sensocto:sensor:s","measurement",{"attribute_id":"a","payload":1,"timestamp":%d}]`, i, time.Now().UnixMilli()))
		d.expectPrefix(fmt.Sprintf(`["2","%d","sensocto:sensor:s","phx_reply",{"status":"ok"`, i))
	}
}

// Once nothing comes any more the tick is done, and nothing is held back for it.
func TestRest_WhoFallsSilentHoldsNothingUp(t *testing.T) {
	w := newWorld(t)
	v := w.v2()
	v.join("1", "data:s", `"bearer_token":"view"`)
	d, other := w.device("s", ""), w.device("u", "")
	v.join("2", "data:u", `"bearer_token":"view"`)
	d.often(0, 60)
	for range 60 {
		v.expectPrefix(`[null,null,"data:s","measurement"`)
	}
	// A viewer is written to at most once a tick. So these take many ticks at which nothing comes
	// from s, and its reader stops pausing.
	for i := range 30 {
		other.send(measurement("sensocto:sensor:u", i, time.Now().UnixMilli()))
		v.expectPrefix(`[null,null,"data:u","measurement"`)
	}
	d.often(60, 5)
	for range 5 {
		v.expectPrefix(`[null,null,"data:s","measurement"`)
	}
}

// heldRegistry is a registry of which sensors hold the batches that are pushed, though they
// said that they would take them at once.
type heldRegistry struct {
	sensocto.SensorRegistry
	held    atomic.Bool
	waiting atomic.Int32
	release chan struct{}
}

func (r *heldRegistry) Connect(ctx context.Context, id sensocto.Identity, reg sensocto.Registration, d sensocto.Device) (sensocto.SensorLink, error) {
	l, err := r.SensorRegistry.Connect(ctx, id, reg, d)
	if err == nil && strings.HasPrefix(reg.SensorID, "slow") {
		l = &heldLink{l, r}
	}
	return l, err
}

type heldLink struct {
	sensocto.SensorLink
	registry *heldRegistry
}

func (l *heldLink) Ready() bool { return true }

func (l *heldLink) Push(ctx context.Context, b *sensocto.Batch, done func(error)) error {
	if r := l.registry; r.held.Load() {
		r.waiting.Add(1)
		<-r.release
	}
	return l.SensorLink.Push(ctx, b, done)
}

// Readers that wait for their sensors all of a sudden, more of them than there are
// processors, hold up no other.
func TestRest_SlowSensorsHoldUpNoOther(t *testing.T) {
	const slow = 4
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	r := &heldRegistry{release: make(chan struct{})}
	w := newWorld(t, func(o *socket.Options) {
		r.SensorRegistry = o.Sensors
		o.Sensors = r
	})
	ids := []string{"fast"}
	for i := range slow {
		ids = append(ids, fmt.Sprintf("slow%d", i))
	}
	stop := make(chan struct{})
	var sending sync.WaitGroup
	for _, id := range ids {
		v := w.v2()
		v.join("1", "data:"+id, `"bearer_token":"view"`)
		go func() { // it takes what comes
			for {
				if _, _, err := v.ws.ReadMessage(); err != nil {
					return
				}
			}
		}()
		d := w.device(id, "")
		sending.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
				if d.ws.WriteMessage(websocket.TextMessage, []byte(measurement("sensocto:sensor:"+id, n, time.Now().UnixMilli()))) != nil {
					return
				}
			}
		})
	}
	taken := func(id string) int64 { return w.store.Counts(id)["a"].Samples }
	wait := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d readers wait, %d samples of the other sensor are taken", what, r.waiting.Load(), taken("fast"))
			}
		}
	}
	release := sync.OnceFunc(func() {
		r.held.Store(false)
		close(r.release)
	})
	defer release()
	wait("readers pause", func() bool { return taken("fast") > 100 })
	r.held.Store(true)
	wait("all wait", func() bool { return r.waiting.Load() == slow })
	before := taken("fast")
	wait("the other goes on", func() bool { return taken("fast") > before+50 })
	release()
	at := taken("slow0")
	wait("those who waited go on", func() bool { return taken("slow0") > at+50 })
	close(stop)
	sending.Wait()
}
