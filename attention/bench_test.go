package attention_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/attention"
)

// crowd is 2,000 viewers with 20 sensors each of 5,000 that all have a device.
func crowd(tb testing.TB) (tr *attention.Tracker, sensors []string) {
	tr = attention.New(attention.Options{})
	for i := range 5000 {
		id := fmt.Sprintf("sensor-%04d", i)
		sensors = append(sensors, id)
		tb.Cleanup(tr.Watch(id, func(sensocto.Backpressure) {}))
	}
	for v := range 2000 {
		for k := range 20 {
			tr.Look(sensocto.ViewerID(v), sensors[(v*7+k*250)%len(sensors)], sensocto.AttentionLevel(k%4))
		}
	}
	return tr, sensors
}

// BenchmarkChange is one change of attention in a crowd. At 10,000 changes a
// second, 20,000 ns would be 20 % of a core.
func BenchmarkChange(b *testing.B) {
	tr, sensors := crowd(b)
	r := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		v := r.IntN(2000)
		tr.Look(sensocto.ViewerID(v), sensors[(v*7+r.IntN(20)*250)%len(sensors)], sensocto.AttentionLevel(r.IntN(4)))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)*10_000/float64(time.Second)*100, "%core@10k/s")
}

// BenchmarkLoad tells 5,000 devices of a change of load.
func BenchmarkLoad(b *testing.B) {
	tr := attention.New(attention.Options{Spread: -1})
	for i := range 5000 {
		b.Cleanup(tr.Watch(fmt.Sprint(i), func(sensocto.Backpressure) {}))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tr.SetLoad(sensocto.Load{Level: sensocto.LoadLevels[i%2]})
	}
}

func TestTracker_NothingIsAllocatedForAnUnchangedSensor(t *testing.T) {
	tr, sensors := crowd(t)
	tr.Look(1, sensors[0], sensocto.AttentionHigh)
	levels := []sensocto.AttentionLevel{sensocto.AttentionHigh, sensocto.AttentionLow}
	tr.Look(2, sensors[0], sensocto.AttentionMedium)
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		i++
		tr.Look(2, sensors[0], levels[i%2])
		tr.Level(sensors[0])
		tr.Snapshot(sensors[0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
