package attention_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
)

// act is one thing that happens in TestTracker_IsWhatAModelSays.
type act struct {
	do     string
	viewer int
	sensor string
	level  sensocto.AttentionLevel
	load   sensocto.Load
	wait   time.Duration
}

func drawActs(t *rapid.T) []act {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		return act{
			do:     rapid.SampledFrom([]string{"look", "look", "look", "leave", "wait", "wait", "listen", "silence", "load", "connect", "disconnect"}).Draw(t, "do"),
			viewer: rapid.IntRange(0, 3).Draw(t, "viewer"),
			sensor: rapid.SampledFrom([]string{"s", "u"}).Draw(t, "sensor"),
			level:  sensocto.AttentionLevel(rapid.IntRange(0, 3).Draw(t, "level")),
			load:   sensocto.Load{Level: rapid.SampledFrom(sensocto.LoadLevels[:]).Draw(t, "load"), MemoryCritical: rapid.Bool().Draw(t, "critical")},
			wait:   time.Duration(rapid.IntRange(1, 2500).Draw(t, "wait")) * time.Millisecond,
		}
	}), 1, 80).Draw(t, "acts")
}

// model says naively what is true: it keeps every level with when it ended.
type model struct {
	tr        *attention.Tracker
	looks     map[string]map[string]sensocto.AttentionLevel // by sensor and who
	ended     map[string]map[sensocto.AttentionLevel]time.Time
	never     map[string]map[string]bool
	load      sensocto.Load
	loadSince time.Time
	silences  map[string]func()
	devices   map[string]*clocked
	stops     map[string]func()
}

func newModel() *model {
	return &model{
		tr: attention.New(attention.Options{}), looks: map[string]map[string]sensocto.AttentionLevel{"s": {}, "u": {}},
		ended: map[string]map[sensocto.AttentionLevel]time.Time{"s": {}, "u": {}}, never: map[string]map[string]bool{"s": {}, "u": {}},
		load: sensocto.Load{Level: sensocto.LoadNormal}, silences: map[string]func(){}, devices: map[string]*clocked{}, stops: map[string]func(){},
	}
}

// set notes that somebody looks, or not any more.
func (m *model) set(sensor, who string, level sensocto.AttentionLevel, there bool) {
	if before, ok := m.looks[sensor][who]; ok {
		m.ended[sensor][before] = time.Now()
	}
	delete(m.looks[sensor], who)
	if there {
		m.looks[sensor][who] = level
	}
}

func (m *model) do(a act) {
	viewer, who := sensocto.ViewerID(a.viewer), fmt.Sprint("viewer", a.viewer)
	listener := fmt.Sprint("listener", a.viewer)
	switch a.do {
	case "look":
		m.set(a.sensor, who, a.level, true)
		m.tr.Look(viewer, a.sensor, a.level)
	case "leave":
		m.set(a.sensor, who, 0, false)
		m.tr.Leave(viewer, a.sensor)
	case "wait":
		time.Sleep(a.wait)
	case "listen":
		m.silence(a.sensor, listener)
		m.set(a.sensor, listener, a.level, true)
		m.never[a.sensor][listener] = a.load.MemoryCritical
		m.silences[a.sensor+listener] = m.tr.Listen(a.sensor, sensocto.Demand{Level: a.level, NeverPause: a.load.MemoryCritical})
	case "silence":
		m.silence(a.sensor, listener)
	case "load":
		if a.load != m.load {
			m.load, m.loadSince = a.load, time.Now()
		}
		m.tr.SetLoad(a.load)
	case "connect":
		if m.stops[a.sensor] == nil {
			d := &clocked{began: time.Now()}
			m.devices[a.sensor], m.stops[a.sensor] = d, m.tr.Watch(a.sensor, d.hear)
		}
	case "disconnect":
		if stop := m.stops[a.sensor]; stop != nil {
			stop()
			delete(m.stops, a.sensor)
			delete(m.devices, a.sensor)
		}
	}
	synctest.Wait()
}

func (m *model) silence(sensor, listener string) {
	if stop := m.silences[sensor+listener]; stop != nil {
		stop()
	}
	delete(m.silences, sensor+listener)
	delete(m.never[sensor], listener)
	m.set(sensor, listener, 0, false)
}

// level is the highest that is true, or ended within the hold; slack is how
// late the tracker may be.
func (m *model) level(sensor string, slack time.Duration) sensocto.AttentionLevel {
	level := sensocto.AttentionNone
	for _, l := range m.looks[sensor] {
		level = max(level, l)
	}
	for l, end := range m.ended[sensor] {
		if time.Since(end) < 2*time.Second+slack {
			level = max(level, l)
		}
	}
	return level
}

func (m *model) neverPause(sensor string) bool {
	for _, never := range m.never[sensor] {
		if never {
			return true
		}
	}
	return false
}

func (m *model) check() error {
	for _, sensor := range []string{"s", "u"} {
		level := m.tr.Level(sensor)
		if lo, hi := m.level(sensor, 0), m.level(sensor, 10*time.Millisecond); level < lo || level > hi {
			return fmt.Errorf("%s: level %v, want %v (or still %v)", sensor, level, lo, hi)
		}
		d := m.devices[sensor]
		if d == nil {
			continue
		}
		heard := d.all()
		got := heard[len(heard)-1].config
		if want := m.tr.Snapshot(sensor).Config; got != want {
			return fmt.Errorf("%s: told %+v, present %+v", sensor, got, want)
		}
		settled := time.Since(m.loadSince) > 1020*time.Millisecond
		want := sensocto.BackpressureFor(level).Under(m.load, m.neverPause(sensor))
		if settled && got != want {
			return fmt.Errorf("%s: told %+v, want %+v", sensor, got, want)
		}
		for i := 1; i < len(heard); i++ {
			if heard[i].config == heard[i-1].config {
				return fmt.Errorf("%s: told the same twice: %+v", sensor, heard[i])
			}
		}
	}
	return nil
}

// Whatever happens in whatever order, the level is the highest that is true or
// was within the hold, and the last that a device heard is right.
func TestTracker_IsWhatAModelSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		acts := drawActs(rt)
		var failed error
		synctest.Test(t, func(t *testing.T) {
			m := newModel()
			for i, a := range acts {
				m.do(a)
				if failed = m.check(); failed != nil {
					failed = fmt.Errorf("after %d: %+v: %w", i, a, failed)
					return
				}
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
			failed = m.check()
		})
		if failed != nil {
			rt.Fatal(failed)
		}
	})
}
