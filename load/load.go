// Package load measures how busy the server is: CPU against the quota of its
// cgroup, memory against its limit, and how full its queues are. Each is
// sampled, smoothed, and put on a ladder of levels with hysteresis; the highest
// is the load (docs/attention.md).
//
// It measures and tells; what follows from it is for others to do.
package load

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/sensocto/sensocto"
)

// Options configure a Meter. The zero value measures the machine and tells
// nobody.
type Options struct {
	// CPUs are what the server may use; 0: its cgroup's quota, or else all of
	// the machine. With CPUs given, its own use counts.
	CPUs float64
	// Memory is what the server may use, in bytes; 0: its cgroup's limit, or
	// else all of the machine. With Memory given, its own use counts.
	Memory int64
	// Queues are watched besides.
	Queues []Queue
	// Tell hears of every change of the load, one at a time. It must not block.
	Tell func(sensocto.Load)
	// Interval is how often to measure; default 500 ms.
	Interval time.Duration
	// Calm is how long the load must have been lower before its level falls by
	// one; default 5 s.
	Calm time.Duration
	// Probe measures; nil measures the machine.
	Probe func() Usage
	Log   *slog.Logger
}

// Queue is a bounded queue whose depth says something of the load.
type Queue struct {
	Name string
	Fill func() float64 // 0 is empty, 1 is full
}

// Meter measures the load while it runs. It is safe for concurrent use.
type Meter struct {
	o     Options
	log   *slog.Logger
	probe func() Usage

	mu       sync.Mutex // guards what follows
	last     Usage
	lastAt   time.Time
	gauges   []*gauge // cpu, memory, then the queues
	load     sensocto.Load
	measured bool
	changes  uint64
}

// New returns a Meter that has measured nothing yet.
func New(o Options) *Meter {
	o.Interval = cmp.Or(o.Interval, 500*time.Millisecond)
	o.Calm = cmp.Or(o.Calm, 5*time.Second)
	m := &Meter{o: o, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)), probe: o.Probe, load: sensocto.Load{Level: sensocto.LoadNormal}}
	if m.probe == nil {
		machine := Machine{Files: os.DirFS("/")}
		m.probe = func() Usage { return machine.Usage(o.CPUs, o.Memory) }
	}
	m.gauges = []*gauge{newGauge("cpu", cpuLadder), newGauge("memory", memoryLadder)}
	for _, q := range o.Queues {
		m.gauges = append(m.gauges, newGauge(q.Name, queueLadder))
	}
	return m
}

// Run measures until ctx ends.
func (m *Meter) Run(ctx context.Context) error {
	ticker := time.NewTicker(m.o.Interval)
	defer ticker.Stop()
	for {
		if l, changed := m.measure(time.Now()); changed && m.o.Tell != nil {
			m.o.Tell(l)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// measure takes one sample of everything.
func (m *Meter) measure(now time.Time) (l sensocto.Load, changed bool) {
	u, fills := m.probe(), m.fills()
	m.mu.Lock()
	defer m.mu.Unlock()
	elapsed := now.Sub(m.lastAt) // long the first time: what was before does not count
	if m.measured {
		used := (u.CPU - m.last.CPU).Seconds() / elapsed.Seconds()
		m.gauges[0].take(ratio(used, u.CPUs), elapsed, now, m.o.Calm)
	}
	m.gauges[1].take(ratio(float64(u.Memory), float64(u.MemoryLimit)), elapsed, now, m.o.Calm)
	for i, fill := range fills {
		m.gauges[2+i].take(fill, elapsed, now, m.o.Calm)
	}
	m.last, m.lastAt, m.measured = u, now, true
	before := m.load
	m.load = m.combine()
	if m.load == before {
		return m.load, false
	}
	m.changes++
	m.log.Info("load changed", "load", m.load.Level, "before", before.Level, "cpu", percent(m.gauges[0].value), "memory", percent(m.gauges[1].value), "memory_critical", m.load.MemoryCritical)
	return m.load, true
}

// fills asks the queues, without the lock: they have their own.
func (m *Meter) fills() []float64 {
	fills := make([]float64, len(m.o.Queues))
	for i, q := range m.o.Queues {
		fills[i] = q.Fill()
	}
	return fills
}

// combine is the highest of all. The caller holds mu.
func (m *Meter) combine() sensocto.Load {
	level := 0
	for _, g := range m.gauges {
		level = max(level, g.level)
	}
	critical := len(sensocto.LoadLevels) - 1
	return sensocto.Load{Level: sensocto.LoadLevels[level], MemoryCritical: m.gauges[1].level == critical}
}

// Load returns the present load.
func (m *Meter) Load() sensocto.Load {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load
}

// Readings returns everything that is measured, cpu and memory first.
func (m *Meter) Readings() []sensocto.LoadReading {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]sensocto.LoadReading, len(m.gauges))
	for i, g := range m.gauges {
		list[i] = sensocto.LoadReading{Name: g.name, Ratio: g.value, Level: sensocto.LoadLevels[g.level]}
	}
	return list
}

// Limits returns what the server may use: 0 where that is not known.
func (m *Meter) Limits() (cpus float64, memory int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last.CPUs, m.last.MemoryLimit
}

// Metrics implements sensocto.MetricSource.
func (m *Meter) Metrics(emit func(sensocto.Metric)) {
	l := m.Load()
	gauge := func(name, help string, v float64, labels ...string) {
		emit(sensocto.Metric{Name: name, Help: help, Kind: sensocto.KindGauge, Labels: labels, Value: v})
	}
	for _, r := range m.Readings() {
		gauge("load_ratio", "Smoothed use of what there is, by resource: 1 is all.", r.Ratio, "resource", r.Name)
	}
	cpus, memory := m.Limits()
	gauge("load_cpus", "CPUs that the server may use.", cpus)
	gauge("load_memory_limit_bytes", "Memory that the server may use.", float64(memory))
	gauge("load_factor", "What the batch windows of devices are multiplied with because of load.", l.Level.Factor())
	gauge("load_memory_critical", "1 while devices that nobody looks at closely are paused.", number(l.MemoryCritical))
	m.mu.Lock()
	changes := m.changes
	m.mu.Unlock()
	emit(sensocto.Metric{Name: "load_changes_total", Help: "Changes of the load.", Value: float64(changes)})
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
