package socket_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
	"github.com/sensocto/sensocto/attention/attentiontest"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket"
)

// configured is a device that notes every backpressure_config.
type configured struct {
	*client
	mu      sync.Mutex // guards what follows
	configs []string   // without the timestamp
}

func (w *world) configured(id string) *configured {
	d := &configured{client: w.dial("vsn=2.0.0&token=ingest")}
	go d.read()
	d.send(fmt.Sprintf(`["1","1","sensocto:sensor:%s","phx_join",{"sensor_name":"S","sensor_type":"ecg","connector_id":"c1","connector_name":"C","attributes":[],"sampling_rate":10,"batch_size":1}]`, id))
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	return d
}

func (d *configured) read() {
	for {
		_, data, err := d.ws.ReadMessage()
		if err != nil {
			return
		}
		f, err := phx.Decode(phx.V2, data)
		if err != nil {
			d.t.Errorf("%v in %.300q", err, data)
		}
		if string(f.Event) != "backpressure_config" {
			continue
		}
		var p map[string]any
		if err := json.Unmarshal(f.Payload, &p); err != nil {
			d.t.Errorf("%v in %.300q", err, data)
		}
		delete(p, "timestamp")
		d.mu.Lock()
		d.configs = append(d.configs, fmt.Sprint(p))
		d.mu.Unlock()
	}
}

func (d *configured) last() string {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.configs) == 0 {
		return ""
	}
	return d.configs[len(d.configs)-1]
}

// configText is what configured notes of a configuration.
func configText(b sensocto.Backpressure) string {
	return fmt.Sprint(map[string]any{
		"attention_level": b.AttentionLevel.String(), "recommended_batch_window": b.BatchWindowMS, "recommended_batch_size": b.BatchSize,
		"paused": b.Paused, "load_level": string(b.LoadLevel),
	})
}

func TestAttention_RulesOfTheDocument(t *testing.T) {
	for _, rule := range attentiontest.Rules(t, "../docs/attention.md") {
		t.Run(rule.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newPipeWorld(t)
				d, v := w.configured("s"), w.onlooker()
				for _, s := range rule.Steps {
					v.tell(rule.Topic, s.Event, s.Payload)
				}
				time.Sleep(3 * time.Second)
				if got, want := d.last(), configText(sensocto.BackpressureFor(rule.Level)); got != want {
					t.Errorf("the device was told %s, want %s", got, want)
				}
				v.ws.Close()
				time.Sleep(3 * time.Second)
				if got, want := d.last(), configText(sensocto.BackpressureFor(sensocto.AttentionNone)); got != want {
					t.Errorf("with the viewer gone, the device was told %s, want %s", got, want)
				}
			})
		})
	}
}

func TestAttention_BatteryThatMakesNoSenseIsRefused(t *testing.T) {
	w := newWorld(t)
	w.dial("vsn=2.0.0&token=view").script(`
		> ["1","1","data:s","phx_join",{}]
		< ["1","1","data:s","phx_reply",{"status":"ok",…
		> ["1","2","data:s","battery",{"level":30}]
		< ["1","2","data:s","phx_reply",{"status":"error","response":{"reason":"invalid_level"}}]
		> ["1","3","data:s","battery",{"level":"full"}]
		< ["1","3","data:s","phx_reply",{"status":"error","response":{"reason":"invalid_level"}}]
		> ["1","4","data:s","battery",{"level":0.2,"charging":"yes"}]
		< ["1","4","data:s","phx_reply",{"status":"error","response":{"reason":"invalid_payload"}}]
		> ["1","5","data:s","battery",{"level":0.2,"charging":false}]
		< ["1","5","data:s","phx_reply",{"status":"ok","response":{}}]`)
}

// move is one thing that a viewer does in TestAttention_EveryDeviceIsRight.
type move struct {
	Do      string
	Viewer  int
	Sensor  string
	Level   sensocto.AttentionLevel
	Battery sensocto.Battery
}

func drawMoves(t *rapid.T) []move {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) move {
		return move{
			Do:      rapid.SampledFrom([]string{"join", "join", "level", "level", "hide", "show", "battery", "leave", "drop", "fall silent", "wait", "load"}).Draw(t, "do"),
			Viewer:  rapid.IntRange(0, 3).Draw(t, "viewer"),
			Sensor:  rapid.SampledFrom([]string{"s", "u"}).Draw(t, "sensor"),
			Level:   sensocto.AttentionLevel(rapid.IntRange(0, 3).Draw(t, "level")),
			Battery: sensocto.Battery{Known: true, Level: rapid.SampledFrom([]float64{0, 0.14, 0.15, 0.2, 0.3, 1}).Draw(t, "battery"), Charging: rapid.Bool().Draw(t, "charging")},
		}
	}), 1, 40).Draw(t, "moves")
}

// truth is what a viewer has said, by topic; viewers 0 and 1 have one topic for
// both sensors, 2 and 3 one for each.
type truth struct {
	*onlooker
	silent bool
	topics map[string]*topicTruth
}

type topicTruth struct {
	gaze  sensocto.Gaze
	asked map[string]sensocto.AttentionLevel
}

// scene is a server with two devices and four viewers that come and go.
type scene struct {
	w       *world
	looks   *attention.Tracker
	load    sensocto.Load
	devices map[string]*configured
	viewers [4]*truth
}

func newScene(t *testing.T) *scene {
	s := &scene{looks: attention.New(attention.Options{}), load: sensocto.Load{Level: sensocto.LoadNormal}}
	s.w = newPipeWorld(t, func(o *socket.Options) { o.Attention = s.looks })
	s.devices = map[string]*configured{"s": s.w.configured("s"), "u": s.w.configured("u")}
	return s
}

func (s *scene) move(m move) {
	if m.Do == "wait" {
		s.pass(time.Duration(m.Level+1) * 700 * time.Millisecond)
		return
	}
	if m.Do == "load" {
		s.load = sensocto.Load{Level: sensocto.LoadLevels[m.Level], MemoryCritical: m.Battery.Charging}
		s.looks.SetLoad(s.load)
		return
	}
	v := s.viewers[m.Viewer]
	if v == nil {
		v = &truth{onlooker: s.w.onlooker(), topics: map[string]*topicTruth{}}
		s.viewers[m.Viewer] = v
	}
	switch m.Do {
	case "drop":
		v.ws.Close()
		s.viewers[m.Viewer] = nil
	case "fall silent":
		v.silent = true
	default:
		if !v.silent {
			v.move(m)
		}
	}
	synctest.Wait()
}

func (v *truth) move(m move) {
	topic := "data:" + m.Sensor
	if m.Viewer < 2 {
		topic = "viewer:x"
	}
	tt, level := v.topics[topic], fmt.Sprintf("%q", m.Level)
	if m.Do == "join" {
		if tt == nil || m.Viewer >= 2 {
			tt = &topicTruth{asked: map[string]sensocto.AttentionLevel{}}
			v.topics[topic] = tt
			v.tell(topic, "phx_join", `{"attention":`+level+`}`)
		}
		if m.Viewer < 2 {
			v.tell(topic, "watch", fmt.Sprintf(`{"sensor_ids":[%q],"level":%s}`, m.Sensor, level))
		}
		tt.asked[m.Sensor] = m.Level
		return
	}
	if tt == nil {
		return
	}
	switch m.Do {
	case "level":
		v.tell(topic, "attention", fmt.Sprintf(`{"level":%s,"levels":{%q:%s}}`, level, m.Sensor, level))
		if _, ok := tt.asked[m.Sensor]; ok {
			tt.asked[m.Sensor] = m.Level
		}
	case "hide", "show":
		v.tell(topic, "visibility_changed", fmt.Sprintf(`{"visible":%v}`, m.Do == "show"))
		if m.Viewer < 2 {
			tt.gaze.Hidden = m.Do == "hide"
		} else if tt.asked[m.Sensor] = sensocto.AttentionNone; m.Do == "show" {
			tt.asked[m.Sensor] = sensocto.AttentionHigh
		}
	case "battery":
		v.tell(topic, "battery", fmt.Sprintf(`{"level":%v,"charging":%v}`, m.Battery.Level, m.Battery.Charging))
		tt.gaze.Battery = m.Battery
	case "leave":
		if m.Viewer < 2 {
			v.tell(topic, "unwatch", fmt.Sprintf(`{"sensor_ids":[%q]}`, m.Sensor))
			delete(tt.asked, m.Sensor)
			return
		}
		v.tell(topic, "phx_leave", `{}`)
		delete(v.topics, topic)
	}
}

// pass lets time pass, in which all but the silent say that they live.
func (s *scene) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(min(20*time.Second, time.Until(end))) {
		for _, d := range s.devices {
			d.send(`[null,"h","phoenix","heartbeat",{}]`)
		}
		for _, v := range s.viewers {
			if v != nil && !v.silent {
				v.send(`[null,"h","phoenix","heartbeat",{}]`)
			}
		}
		synctest.Wait()
	}
	synctest.Wait()
}

// level is the highest of what is true. Once the silent have expired, they do
// not count.
func (s *scene) level(sensor string, expired bool) (level sensocto.AttentionLevel) {
	for _, v := range s.viewers {
		if v == nil || v.silent && expired {
			continue
		}
		for _, tt := range v.topics {
			if asked, ok := tt.asked[sensor]; ok {
				level = max(level, tt.gaze.Level(asked))
			}
		}
	}
	return level
}

func (s *scene) check(expired bool) (errs []error) {
	for sensor, d := range s.devices {
		level := s.level(sensor, expired)
		if got, want := d.last(), configText(sensocto.BackpressureFor(level).Under(s.load, false)); got != want {
			errs = append(errs, fmt.Errorf("%s was told %s, want %s (expired: %v)", sensor, got, want, expired))
		}
	}
	return errs
}

// Whatever viewers do, join, drop, hide, fall silent or tell of their battery:
// in the end every device was told what is right.
func TestAttention_EveryDeviceIsRight(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		moves := drawMoves(rt)
		var failed []error
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t)
			for _, m := range moves {
				s.move(m)
			}
			s.pass(3500 * time.Millisecond) // the hold, and the spread of the load
			failed = s.check(false)
			s.pass(70 * time.Second)
			failed = slices.Concat(failed, s.check(true))
		})
		if len(failed) > 0 {
			rt.Fatal(failed)
		}
	})
}
