package socket_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/socket"
)

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
			steps = append(steps, step{do: "slow", viewer: viewer, every: rapid.SampledFrom([]time.Duration{0, 2, 300}).Draw(t, "delay") * time.Millisecond})
			steps = append(steps, step{do: "join", viewer: viewer, sensor: sensor, level: rapid.SampledFrom(levels).Draw(t, "level")})
		}
	}
	return append(steps, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{
			do:     rapid.SampledFrom([]string{"emit", "level", "wait", "emit", "level", "emit", "hide", "show", "leave", "join", "slow", "slow"}).Draw(t, "do"),
			viewer: rapid.SampledFrom([]int{0, 1, 2, 3}).Draw(t, "viewer"),
			sensor: rapid.SampledFrom([]string{"s", "u"}).Draw(t, "sensor"),
			level:  rapid.SampledFrom(levels).Draw(t, "level"),
			n:      rapid.SampledFrom([]int{1, 2, 3, 10, 30, 100, 300, 301, 601, 900}).Draw(t, "n"),
			every:  rapid.SampledFrom([]time.Duration{0, 2, 20, 300, -1}).Draw(t, "every") * time.Millisecond,
		}
	}), 1, 60).Draw(t, "steps")...)
}

// trial is a run of steps with four viewers: two of one topic for both sensors,
// two of a topic for each, of which one takes binary columns. Of each two, the
// first has a network that may become slow.
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
	case "slow":
		if s.viewer%2 == 0 {
			o.delay.Store(int64(3 * s.every))
		}
	case "leave":
		if !joined || s.viewer == 2 { // what waits for a topic that it leaves does not come
			return
		}
		if r.joined[s.viewer][s.sensor] = false; s.viewer < 2 {
			o.tell(topic, "unwatch", fmt.Sprintf(`{"sensor_ids":[%q]}`, s.sensor))
		} else {
			o.tell(topic, "phx_leave", `{}`)
			time.Sleep(10 * time.Millisecond) // what waits for it goes out now, or not at all where more comes than may wait
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
			r := &trial{w: newPipeWorld(t, func(o *socket.Options) { o.Limits.QueueBytes = 16 << 10 })}
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
			for _, o := range r.viewers {
				o.delay.Store(0)
			}
			time.Sleep(5 * time.Second)
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
