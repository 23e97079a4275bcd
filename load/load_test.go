package load_test

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a machine that is as busy as a test says.
type bench struct {
	mu     sync.Mutex
	cpu    float64 // share of the two CPUs
	memory float64
	queue  float64
	used   time.Duration
	at     time.Time
	told   []told
	began  time.Time
}

type told struct {
	at   time.Duration
	load sensocto.Load
}

func (b *bench) probe() load.Usage {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += time.Duration(b.cpu * 2 * float64(time.Since(b.at)))
	b.at = time.Now()
	return load.Usage{CPU: b.used, CPUs: 2, Memory: int64(b.memory * (1 << 30)), MemoryLimit: 1 << 30}
}

func (b *bench) set(cpu, memory, queue float64) {
	b.probe() // what was used so far was used at the old pace
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cpu, b.memory, b.queue = cpu, memory, queue
}

func (b *bench) hear(l sensocto.Load) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, told{time.Since(b.began), l})
}

func (b *bench) levels() (list []sensocto.LoadLevel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.told {
		list = append(list, t.load.Level)
	}
	return list
}

// run measures the bench during f.
func (b *bench) run(t *testing.T, f func(m *load.Meter)) {
	synctest.Test(t, func(t *testing.T) {
		b.at, b.began = time.Now(), time.Now()
		m := load.New(load.Options{Probe: b.probe, Tell: b.hear, Queues: []load.Queue{{Name: "queue", Fill: func() float64 {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.queue
		}}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		f(m)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

const (
	normal   = sensocto.LoadNormal
	elevated = sensocto.LoadElevated
	high     = sensocto.LoadHigh
	critical = sensocto.LoadCritical
)

func TestMeter_EachResourceHasItsThresholds(t *testing.T) {
	for _, tt := range []struct {
		cpu, memory, queue float64
		want               sensocto.LoadLevel
		pause              bool
	}{
		{0, 0, 0, normal, false},
		{0.69, 0.74, 0.49, normal, false},
		{0.71, 0, 0, elevated, false},
		{0.86, 0, 0, high, false},
		{0.96, 0, 0, critical, false},
		{1.5, 0, 0, critical, false},
		{0, 0.76, 0, elevated, false},
		{0, 0.86, 0, high, false},
		{0, 0.93, 0, critical, true},
		{0, 0, 0.51, elevated, false},
		{0, 0, 0.76, high, false},
		{0, 0, 0.91, critical, false},
		{0.71, 0.86, 0.91, critical, false},
	} {
		var b bench
		b.set(tt.cpu, tt.memory, tt.queue)
		b.run(t, func(m *load.Meter) {
			time.Sleep(20 * time.Second)
			synctest.Wait()
			if got := m.Load(); got.Level != tt.want || got.MemoryCritical != tt.pause {
				t.Errorf("%+v: %+v", tt, got)
			}
		})
	}
}

func TestMeter_RisesSoonAndFallsByStepsAfterCalm(t *testing.T) {
	var b bench
	b.run(t, func(m *load.Meter) {
		time.Sleep(10 * time.Second)
		b.set(1, 0, 0)
		time.Sleep(20 * time.Second)
		b.set(0, 0, 0)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []sensocto.LoadLevel{elevated, high, critical, high, elevated, normal}
		if got := b.levels(); !slices.Equal(got, want) {
			t.Fatalf("told %v, want %v", got, want)
		}
		if up := b.told[0].at - 10*time.Second; up < 2*time.Second || up > 6*time.Second {
			t.Errorf("elevated after %v", up)
		}
		for i := 3; i < 6; i++ {
			if before := b.told[i-1].at; i > 3 && b.told[i].at-before < 5*time.Second {
				t.Errorf("fell to %v after %v", b.told[i].load.Level, b.told[i].at-before)
			}
		}
	})
}

func TestMeter_DoesNotFlap(t *testing.T) {
	for name, next := range map[string]func(i int) float64{
		"around a threshold": func(i int) float64 { return []float64{0.83, 0.87}[i%2] },
		"short peaks":        func(i int) float64 { return []float64{1, 0.5, 0.5, 0.5, 0.5}[i%5] },
		"in the gap":         func(i int) float64 { return []float64{0.80, 0.70}[i/20%2] },
	} {
		t.Run(name, func(t *testing.T) {
			var b bench
			b.run(t, func(m *load.Meter) {
				for i := range 600 {
					b.set(next(i), 0, 0)
					time.Sleep(500 * time.Millisecond)
				}
				synctest.Wait()
				if got := b.levels(); len(got) > 2 {
					t.Errorf("told %v", got)
				}
			})
		})
	}
}

func TestMeter_ReadingsSayWhy(t *testing.T) {
	var b bench
	b.set(0.5, 0.95, 0.6)
	b.run(t, func(m *load.Meter) {
		time.Sleep(30 * time.Second)
		synctest.Wait()
		want := map[string]sensocto.LoadLevel{"cpu": normal, "memory": critical, "queue": elevated}
		for _, r := range m.Readings() {
			if r.Level != want[r.Name] {
				t.Errorf("%+v", r)
			}
		}
		if cpus, memory := m.Limits(); cpus != 2 || memory != 1<<30 {
			t.Errorf("limits %v %v", cpus, memory)
		}
	})
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestMachine_TheTightestLimitCounts(t *testing.T) {
	v2 := fstest.MapFS{
		"proc/meminfo":                file("MemTotal:       16777216 kB\nMemFree: 1 kB\n"),
		"proc/self/status":            file("Name:\tx\nVmRSS:\t  1024 kB\n"),
		"proc/self/cgroup":            file("0::/outer/inner\n"),
		"sys/fs/cgroup/cpu.max":       file("max 100000\n"),
		"sys/fs/cgroup/outer/cpu.max": file("50000 100000\n"), "sys/fs/cgroup/outer/cpu.stat": file("usage_usec 7000000\nuser_usec 1\n"),
		"sys/fs/cgroup/outer/inner/cpu.max":    file("80000 100000\n"),
		"sys/fs/cgroup/outer/memory.max":       file("max\n"),
		"sys/fs/cgroup/outer/inner/memory.max": file("1073741824\n"), "sys/fs/cgroup/outer/inner/memory.current": file("700000000\n"),
		"sys/fs/cgroup/outer/inner/memory.stat": file("anon 1\ninactive_file 200000000\n"),
	}
	v1 := fstest.MapFS{
		"proc/meminfo":                       v2["proc/meminfo"],
		"proc/self/cgroup":                   file("4:memory:/pod/abc\n2:cpuacct:/\n1:cpu:/\n0::/\n"),
		"sys/fs/cgroup/cpu/cpu.cfs_quota_us": file("25000\n"), "sys/fs/cgroup/cpu/cpu.cfs_period_us": file("50000\n"),
		"sys/fs/cgroup/cpuacct/cpuacct.usage":                file("3000000000\n"),
		"sys/fs/cgroup/memory/memory.limit_in_bytes":         file("9223372036854771712\n"),
		"sys/fs/cgroup/memory/pod/abc/memory.limit_in_bytes": file("2147483648\n"), "sys/fs/cgroup/memory/pod/abc/memory.usage_in_bytes": file("500000000\n"),
		"sys/fs/cgroup/memory/pod/abc/memory.stat": file("total_inactive_file 100000000\n"),
	}
	container := fstest.MapFS{
		"proc/meminfo":          v2["proc/meminfo"],
		"proc/self/cgroup":      file("0::/../../only/the/host/has/this\n"),
		"sys/fs/cgroup/cpu.max": file("20000 100000\n"), "sys/fs/cgroup/cpu.stat": file("usage_usec 5\n"),
		"sys/fs/cgroup/memory.max": file("1000000\n"), "sys/fs/cgroup/memory.current": file("900000\n"),
	}
	bare := fstest.MapFS{"proc/meminfo": v2["proc/meminfo"], "proc/self/status": v2["proc/self/status"]}
	for name, tt := range map[string]struct {
		files fstest.MapFS
		want  load.Usage
	}{
		"version 2": {v2, load.Usage{CPU: 7 * time.Second, CPUs: 0.5, Memory: 500000000, MemoryLimit: 1 << 30}},
		"version 1": {v1, load.Usage{CPU: 3 * time.Second, CPUs: 0.5, Memory: 400000000, MemoryLimit: 2 << 30}},
		"container": {container, load.Usage{CPU: 5 * time.Microsecond, CPUs: 0.2, Memory: 900000, MemoryLimit: 1000000}},
		"no limit":  {bare, load.Usage{CPUs: float64(runtime.NumCPU()), Memory: 1 << 20, MemoryLimit: 16 << 30}},
		"nothing":   {fstest.MapFS{}, load.Usage{CPUs: float64(runtime.NumCPU())}},
	} {
		got := load.Machine{Files: tt.files}.Usage(0, 0)
		if tt.want.CPU == 0 {
			got.CPU = 0 // the test's own
		}
		if got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
	given := load.Machine{Files: v2}.Usage(3, 1<<20)
	if given.CPUs != 3 || given.Memory != 1<<20 || given.MemoryLimit != 1<<20 {
		t.Errorf("given limits are for the process alone: %+v", given)
	}
}

func TestMachine_ThisOne(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc here")
	}
	u := load.Machine{Files: os.DirFS("/")}.Usage(0, 0)
	if u.CPU <= 0 || u.CPUs <= 0 || u.Memory <= 0 || u.MemoryLimit < u.Memory {
		t.Errorf("%+v", u)
	}
}
