package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal/journaltest"
	"github.com/sensocto/sensocto/store/storetest"
)

// running is a store whose Run is under way.
type running struct {
	*store.Store
	stop func() error
}

func startStore(cold store.Cold, o store.Options) (*running, error) {
	s, err := store.Open(context.Background(), cold, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return &running{s, sync.OnceValue(func() error { cancel(); return <-ended })}, nil
}

// confirm waits until everything put before is durable.
func (s *running) confirm() error {
	answer := make(chan error, 1)
	s.Durable(func(err error) { answer <- err })
	return <-answer
}

// device is a client that sends again what was not confirmed.
type device struct {
	id     string
	stream [16]byte
	sent   []*sensocto.Batch // since the last clean-up, by number
	acked  int               // how many of them were confirmed
}

func (d *device) batch(r *rand.Rand, size int) {
	b := &sensocto.Batch{SensorID: d.id, Stream: d.stream, StreamSeq: uint64(len(d.sent) + 1)}
	for i := range size {
		n := len(d.sent)*1000 + i
		m := sensocto.Measurement{AttributeID: []string{"a", "b"}[r.IntN(2)], Sample: sensocto.Sample{Timestamp: 1_700_000_000_000_000 + int64(n)*1953, Value: float64(n)}}
		if r.IntN(20) == 0 {
			m.Value, m.Document = 0, fmt.Appendf(nil, `{"n":%d}`, n)
		}
		b.Measurements = append(b.Measurements, m)
	}
	d.sent = append(d.sent, b)
}

// push sends everything that is not confirmed, as after a reconnect.
func (d *device) push(ctx context.Context, s *running) error {
	for i := d.acked; i < len(d.sent); i++ {
		err := s.Put(ctx, d.sent[i])
		if gap := (*sensocto.GapError)(nil); errors.As(err, &gap) {
			return fmt.Errorf("batch %d: %w, %d confirmed", i+1, err, d.acked)
		}
		if err != nil && !errors.Is(err, sensocto.ErrDuplicate) {
			return nil // later
		}
	}
	if s.confirm() == nil {
		d.acked = len(d.sent)
	}
	return nil
}

// check compares what is there with what was sent: each batch that was
// confirmed once and whole, and of the others none twice.
func (d *device) check(t *rapid.T, s *running) {
	for _, attribute := range []string{"a", "b"} {
		page, err := s.Read(context.Background(), d.id, attribute, sensocto.Query{})
		if err != nil {
			t.Fatal(err)
		}
		var want []sensocto.Sample
		confirmed := 0
		for i, b := range d.sent {
			for _, m := range b.Measurements {
				if m.AttributeID == attribute {
					want = append(want, m.Sample)
				}
			}
			if i < d.acked {
				confirmed = len(want)
			}
		}
		if n := len(page.Samples); n < confirmed || n > len(want) {
			t.Fatalf("%s %s has %d samples; %d sent, %d confirmed", d.id, attribute, n, len(want), confirmed)
		}
		if !slices.EqualFunc(page.Samples, want[:len(page.Samples)], func(a, b sensocto.Sample) bool {
			return a.Timestamp == b.Timestamp && string(a.Document) == string(b.Document) && (a.Document != nil || a.Value == b.Value)
		}) {
			t.Fatalf("%s %s differs from what was sent", d.id, attribute)
		}
	}
}

// reset begins a new stream: a clean-up forgets the old one.
func (d *device) reset() {
	d.stream[15]++
	d.sent, d.acked = nil, 0
}

// laboratory is a store on a disk and a cold tier that fail when told to, with
// devices that push to it.
type laboratory struct {
	rand    *rand.Rand
	disk    *journaltest.Disk
	cold    *storetest.Memory
	options store.Options
	store   *running
	devices []*device

	mu      sync.Mutex
	failing map[journaltest.Op]int // how many of the next operations fail
}

func newLaboratory(t *rapid.T) *laboratory {
	seed := rapid.Uint64().Draw(t, "seed")
	l := &laboratory{
		rand: rand.New(rand.NewPCG(seed, 2)), disk: journaltest.New(seed), cold: storetest.NewMemory(),
		options: store.Options{
			HotSamples: 50, TransactionBytes: 3000, FlushInterval: time.Millisecond, ShutdownTimeout: 10 * time.Millisecond,
			JournalSegmentBytes: rapid.Int64Range(1000, 50_000).Draw(t, "segment"),
		},
		devices: []*device{{id: "s1", stream: [16]byte{1}}, {id: "s2", stream: [16]byte{2}}},
		failing: make(map[journaltest.Op]int),
	}
	l.disk.Before(func(op journaltest.Op, _ string) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.failing[op] == 0 {
			return nil
		}
		l.failing[op]--
		return errors.New("injected")
	})
	l.start(t)
	return l
}

func (l *laboratory) start(t *rapid.T) {
	l.options.Journal = l.disk.Mount()
	s, err := startStore(l.cold, l.options)
	if err != nil {
		t.Fatal(err)
	}
	l.store = s
}

// fail makes the next operations of the disk fail.
func (l *laboratory) fail(op journaltest.Op, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing[op] = n
}

func (l *laboratory) heal() {
	l.fail(journaltest.Write, 0)
	l.fail(journaltest.Sync, 0)
	l.cold.Fail(nil)
}

// again ends the process by event and starts another.
func (l *laboratory) again(t *rapid.T, event func()) {
	event()
	l.cold.Fail(errors.New("the process is no more"))
	_ = l.store.stop()
	l.heal()
	l.start(t)
	l.check(t)
}

func (l *laboratory) check(t *rapid.T) {
	for _, d := range l.devices {
		d.check(t, l.store)
	}
}

func (l *laboratory) put(t *rapid.T) {
	d := rapid.SampledFrom(l.devices).Draw(t, "device")
	for range rapid.IntRange(1, 10).Draw(t, "batches") {
		d.batch(l.rand, rapid.SampledFrom([]int{0, 1, 20, 300}).Draw(t, "samples"))
	}
	l.push(t, d)
}

func (l *laboratory) push(t *rapid.T, d *device) {
	if err := d.push(context.Background(), l.store); err != nil {
		t.Fatal(err)
	}
}

func (l *laboratory) cleanup(t *rapid.T) {
	d := rapid.SampledFrom(l.devices).Draw(t, "device")
	l.push(t, d)
	if d.acked < len(d.sent) {
		return
	}
	l.heal()
	for err := errors.New("not yet"); err != nil; {
		_, err = l.store.Cleanup(context.Background(), d.id)
	}
	d.reset()
}

// Whatever happens to the process, the machine and the disk: what was confirmed
// is there once, and devices that send again what was not double nothing.
func TestStore_LosesNothingThatWasConfirmed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLaboratory(t)
		defer func() { _ = l.store.stop() }()
		t.Repeat(map[string]func(*rapid.T){
			"put":         l.put,
			"flush":       func(*rapid.T) { _ = l.store.Flush(context.Background()) },
			"cleanup":     l.cleanup,
			"power cut":   func(t *rapid.T) { l.again(t, l.disk.PowerCut) },
			"kill":        func(t *rapid.T) { l.again(t, l.disk.Kill) },
			"stop":        func(t *rapid.T) { l.again(t, func() { _ = l.store.stop() }) },
			"fail writes": func(t *rapid.T) { l.fail(journaltest.Write, rapid.IntRange(1, 3).Draw(t, "writes")) },
			"fail syncs":  func(t *rapid.T) { l.fail(journaltest.Sync, rapid.IntRange(1, 3).Draw(t, "syncs")) },
			"fail cold": func(t *rapid.T) {
				l.cold.FailAfter(rapid.IntRange(0, 3).Draw(t, "good writes"), errors.New("injected"))
			},
			"mend cold": func(*rapid.T) { l.cold.Fail(nil) },
			"": func(t *rapid.T) {
				l.cold.Fail(nil)
				l.check(t)
			},
		})
	})
}
