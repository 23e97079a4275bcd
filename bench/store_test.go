package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/bench"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal/journaltest"
	"github.com/sensocto/sensocto/store/storetest"
)

// liar is a store that does something wrong with one batch.
type liar struct {
	sensocto.Store
	put     func(b *sensocto.Batch) (taken bool) // false: it says that it took it
	confirm error                                // of everything
}

func (l *liar) Put(ctx context.Context, b *sensocto.Batch) error {
	if l.put != nil && !l.put(b) {
		return nil
	}
	return l.Store.Put(ctx, b)
}

func (l *liar) Durable(done func(error)) {
	l.Store.Durable(func(err error) { done(errors.Join(err, l.confirm)) })
}

// runStore plays a short load against a real store over tiers in memory.
func runStore(t *testing.T, lie func(sensocto.Store) sensocto.Store) bench.StoreResult {
	t.Helper()
	cold, disk := storetest.NewMemory(), journaltest.New(1)
	cfg := bench.StoreConfig{
		Sensors: 3, Rate: 512, Batch: 20, Window: 4, Warmup: 20 * time.Millisecond, Duration: 300 * time.Millisecond,
		Signals: [][]float64{{1, 2, 3.5}, {4}}, Signal: "steps", Database: "memory",
	}
	result, err := bench.RunStore(t.Context(), cfg, func(ctx context.Context) (bench.OpenStore, error) {
		s, err := store.Open(ctx, cold, store.Options{Journal: disk.Mount(), FlushInterval: 20 * time.Millisecond})
		if err != nil {
			return bench.OpenStore{}, err
		}
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(running) }()
		return bench.OpenStore{Store: lie(s), Metrics: s, Close: func() error { stop(); return <-ended }}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestRunStore_FindsWhatWasConfirmed(t *testing.T) {
	r := runStore(t, func(s sensocto.Store) sensocto.Store { return s })
	if !r.OK() || r.PerSecond == 0 || r.Found != r.Put || r.Ack.Max <= 0 || r.Flushes == 0 || r.Syncs == 0 || r.Lag.Max == 0 || r.Lag.End > r.Lag.Max || r.JournalBytes < 9 {
		t.Errorf("%+v", r)
	}
	var table, text bytes.Buffer
	if err := r.WriteTable(&table); err != nil || !strings.Contains(table.String(), "confirmed/s") {
		t.Errorf("table %q: %v", table.String(), err)
	}
	if err := r.WriteJSON(&text); err != nil || !json.Valid(text.Bytes()) {
		t.Errorf("JSON %q: %v", text.String(), err)
	}
}

func TestRunStore_NoticesWhatAStoreDoesWrong(t *testing.T) {
	of := func(b *sensocto.Batch, seq uint64) bool { return b.SensorID == "bench-00001" && b.StreamSeq == seq }
	for name, c := range map[string]struct {
		lie   func(*liar)
		fault string
	}{
		"a batch lost": {func(l *liar) {
			l.put = func(b *sensocto.Batch) bool {
				if of(b, 5) {
					return false
				}
				if b.SensorID == "bench-00001" && b.StreamSeq > 5 { // or the store would tell
					c := *b
					c.StreamSeq--
					return l.Store.Put(context.Background(), &c) != nil
				}
				return true
			}
		}, "bench-00001: sample 80 is"},
		"a sample changed": {func(l *liar) {
			l.put = func(b *sensocto.Batch) bool {
				if of(b, 2) {
					b.Measurements[1].Value++
				}
				return true
			}
		}, "bench-00001: sample 21 is"},
		"nothing confirmed": {func(l *liar) { l.confirm = errors.New("no") }, "batches were not confirmed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := runStore(t, func(s sensocto.Store) sensocto.Store {
				l := &liar{Store: s}
				c.lie(l)
				return l
			})
			if r.OK() || !strings.Contains(strings.Join(r.Faults, "\n"), c.fault) {
				t.Errorf("OK %v, faults %q; want one with %q", r.OK(), r.Faults, c.fault)
			}
		})
	}
}

func TestRunStore_RefusesWhatMakesNoSense(t *testing.T) {
	for name, spoil := range map[string]func(*bench.StoreConfig){
		"sensors":  func(c *bench.StoreConfig) { c.Sensors = 0 },
		"batch":    func(c *bench.StoreConfig) { c.Batch = 0 },
		"window":   func(c *bench.StoreConfig) { c.Window = 0 },
		"rate":     func(c *bench.StoreConfig) { c.Rate = 0 },
		"duration": func(c *bench.StoreConfig) { c.Duration = 0 },
		"signals":  func(c *bench.StoreConfig) { c.Signals = nil },
	} {
		cfg := bench.StoreConfig{Sensors: 1, Rate: 1, Batch: 1, Window: 1, Duration: time.Second, Signals: [][]float64{{1}}}
		spoil(&cfg)
		if _, err := bench.RunStore(t.Context(), cfg, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
