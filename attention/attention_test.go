package attention_test

import (
	"sync"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// device remembers every configuration that it was told.
type device struct {
	mu   sync.Mutex
	told []sensocto.Backpressure
}

func (d *device) hear(b sensocto.Backpressure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, b)
}

func (d *device) levels() []sensocto.AttentionLevel {
	d.mu.Lock()
	defer d.mu.Unlock()
	var l []sensocto.AttentionLevel
	for _, b := range d.told {
		l = append(l, b.AttentionLevel)
	}
	return l
}

func (d *device) last() sensocto.AttentionLevel { l := d.levels(); return l[len(l)-1] }

func TestTracker_LevelIsTheHighestOfItsViewers(t *testing.T) {
	tr := attention.New(attention.Options{Hold: -1})
	steps := []struct {
		do   func()
		want sensocto.AttentionLevel
	}{
		{func() {}, sensocto.AttentionNone},
		{func() { tr.Look(1, "s", sensocto.AttentionLow) }, sensocto.AttentionLow},
		{func() { tr.Look(2, "s", sensocto.AttentionHigh) }, sensocto.AttentionHigh},
		{func() { tr.Look(1, "s", sensocto.AttentionMedium) }, sensocto.AttentionHigh},
		{func() { tr.Leave(2, "s") }, sensocto.AttentionMedium},
		{func() { tr.Leave(2, "s") }, sensocto.AttentionMedium},
		{func() { tr.Look(1, "s", sensocto.AttentionNone) }, sensocto.AttentionNone},
		{func() { tr.Leave(1, "s") }, sensocto.AttentionNone},
	}
	for i, s := range steps {
		s.do()
		if got := tr.Level("s"); got != s.want {
			t.Fatalf("step %d: level %v, want %v", i, got, s.want)
		}
	}
}

func TestTracker_TellsADeviceTheConfigurationAndEveryChange(t *testing.T) {
	tr := attention.New(attention.Options{Hold: -1})
	var d device
	stop := tr.Watch("s", d.hear)
	tr.Look(1, "s", sensocto.AttentionHigh)
	tr.Look(2, "s", sensocto.AttentionHigh) // no change
	tr.Look(1, "other", sensocto.AttentionLow)
	tr.Leave(1, "s")
	tr.Leave(2, "s")
	stop()
	tr.Look(1, "s", sensocto.AttentionHigh)
	want := []sensocto.AttentionLevel{sensocto.AttentionNone, sensocto.AttentionHigh, sensocto.AttentionNone}
	got := d.levels()
	if len(got) != len(want) {
		t.Fatalf("told %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("told %v, want %v", got, want)
		}
	}
}

func TestBackpressureFor_IsTheTableOfTheProtocol(t *testing.T) {
	for level, want := range map[sensocto.AttentionLevel][2]int{
		sensocto.AttentionHigh: {1, 50}, sensocto.AttentionMedium: {5, 200}, sensocto.AttentionLow: {10, 1000}, sensocto.AttentionNone: {20, 5000},
	} {
		b := sensocto.BackpressureFor(level)
		if b.BatchSize != want[0] || b.BatchWindowMS != want[1] || b.Paused || b.LoadLevel != sensocto.LoadNormal {
			t.Errorf("%v: %+v", level, b)
		}
	}
}

func TestTracker_NoDeviceIsLeftWithAStaleConfiguration(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tr := attention.New(attention.Options{Hold: -1})
		var d device
		defer tr.Watch("s", d.hear)()
		truth := make([]map[int]sensocto.AttentionLevel, 4)
		var wg sync.WaitGroup
		for g := range truth {
			truth[g] = map[int]sensocto.AttentionLevel{}
			viewers := rapid.SliceOf(rapid.IntRange(0, 3)).Draw(rt, "viewers")
			levels := rapid.SliceOfN(rapid.IntRange(-1, 3), len(viewers), len(viewers)).Draw(rt, "levels")
			wg.Go(func() {
				for i, v := range viewers {
					id := sensocto.ViewerID(g*10 + v)
					if levels[i] < 0 {
						tr.Leave(id, "s")
						delete(truth[g], v)
						continue
					}
					tr.Look(id, "s", sensocto.AttentionLevel(levels[i]))
					truth[g][v] = sensocto.AttentionLevel(levels[i])
				}
			})
		}
		wg.Wait()
		want := sensocto.AttentionNone
		for _, viewers := range truth {
			for _, l := range viewers {
				want = max(want, l)
			}
		}
		if tr.Level("s") != want || d.last() != want {
			rt.Fatalf("level %v, device told %v, want %v", tr.Level("s"), d.last(), want)
		}
	})
}
