package store

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store/journal"
)

// Options configure a store. The zero value is good for a server.
type Options struct {
	// HotSamples is how many of the newest samples of a series stay in memory
	// at least. Default 1024.
	HotSamples int
	// HotBytes bounds the rings and documents of all series in memory: beyond it
	// those leave it that were written longest ago, what nobody watches first.
	// Default 128 MiB.
	HotBytes int64
	// MaxSeries bounds the series: beyond it Put refuses new ones. Default 1 million.
	MaxSeries int64
	// FlushInterval is how long a sample waits for its flush at most, so that
	// with the flush itself a kill costs at most a second. Default 700 ms.
	FlushInterval time.Duration
	// FlushBytes of unflushed samples start a flush before its time. Default 8 MiB.
	FlushBytes int64
	// TransactionBytes of encoded chunks, about, are one transaction at most:
	// that bounds the memory of a flush after a long failure. Default 8 MiB.
	TransactionBytes int
	// WarmWindow is for how long the warm tier keeps a series, in sample time
	// back from its newest sealed chunk. Default 15 min.
	WarmWindow time.Duration
	// WarmBytes bounds the warm tier of all series. Default 64 MiB.
	WarmBytes int64
	// Attention says how closely a sensor is watched: what nobody looks at
	// leaves the warm tier first. Default: nobody looks at anything.
	Attention func(sensorID string) sensocto.AttentionLevel
	// MaxUnflushedBytes bounds what waits for the cold tier, counting 16 bytes
	// a sample and the text of documents of what is not sealed yet, and the
	// bytes of sealed chunks: beyond it Put refuses. Default 256 MiB.
	MaxUnflushedBytes int64
	// ShutdownTimeout is the deadline of the last flush. Default 10 s.
	ShutdownTimeout time.Duration
	// IdleAfter is how long a series must be silent before its hot samples
	// make room in memory; they are read from cold then. Default 10 min.
	IdleAfter time.Duration
	// Journal is the directory of the write-ahead journal, which the caller has
	// locked: what Durable confirmed survives a kill then, at the price of one
	// fsync. nil: there is no journal, and Durable waits for the cold tier.
	Journal journal.FS
	// JournalBytes bounds the journal: beyond it Put refuses. Default 4 GiB.
	JournalBytes int64
	// JournalSegmentBytes is when the journal begins a new file. Default 64 MiB.
	JournalSegmentBytes int64
	// RollupFan is how many chunks a rollup of level 1 stands for, and how many
	// of the level below one of each other level. Default 64, 16, 16, 16.
	RollupFan [sensocto.RollupLevels]int
	// Log gets the changes between working and failing. Default: discarded.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.HotSamples = cmp.Or(o.HotSamples, 1024)
	o.HotBytes = cmp.Or(o.HotBytes, 128<<20)
	o.MaxSeries = cmp.Or(o.MaxSeries, 1_000_000)
	o.FlushInterval = cmp.Or(o.FlushInterval, 700*time.Millisecond)
	o.FlushBytes = cmp.Or(o.FlushBytes, 8<<20)
	o.TransactionBytes = cmp.Or(o.TransactionBytes, 8<<20)
	o.WarmWindow = cmp.Or(o.WarmWindow, 15*time.Minute)
	o.WarmBytes = cmp.Or(o.WarmBytes, 64<<20)
	if o.Attention == nil {
		o.Attention = nobodyLooks
	}
	o.MaxUnflushedBytes = cmp.Or(o.MaxUnflushedBytes, 256<<20)
	o.JournalBytes = cmp.Or(o.JournalBytes, 4<<30)
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, 10*time.Second)
	o.IdleAfter = cmp.Or(o.IdleAfter, 10*time.Minute)
	for i := range o.RollupFan {
		o.RollupFan[i] = cmp.Or(o.RollupFan[i], [...]int{chunkFan, rollupFan}[min(i, 1)])
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// Store implements sensocto.Store over a cold tier.
//
// Locks, in the order in which they are taken: Store.mu, sensor.mu, then
// Store.dirtyMu or Store.upkeepMu. The turn is no lock on data but the right to write to the
// cold tier; it is taken before all of them.
type Store struct {
	options    Options
	cold       Cold
	codec      *Codec
	fieldBytes int           // maxFieldBytes, but in tests
	turn       chan struct{} // holds a token while somebody writes to the cold tier
	wake       chan struct{} // one slot, so that calls coalesce: Run has something to look at
	columns    sync.Pool     // of *Columns
	collectors sync.Pool     // of *collector
	rollups    sync.Pool     // of *Rollup
	encoded    sync.Pool     // of *[]byte
	upkeepTurn chan struct{} // holds a token while somebody maintains series
	upkeepWake chan struct{} // one slot: there is something to maintain
	writing    write         // of whoever has the turn
	plans      []plan        // of whoever has the turn

	journal    *journal.Journal // nil where there is none
	recovered  chan struct{}    // closed when the cold tier has what the journal had at Open
	recovering []*recovering    // of recoverJournal
	over       chan struct{}    // closed when Run has returned

	mu      sync.RWMutex
	sensors map[string]*sensor

	dirtyMu    sync.Mutex // guards the following
	dirty      []*series  // have samples that the cold tier has not
	dirtySince time.Time  // when the first of them came
	waiters    []func(error)
	ended      bool // Run has returned: nobody serves waiters

	upkeepMu sync.Mutex // guards the following
	upkeep   []*series  // maintenance is to look at

	unflushed atomic.Int64 // bytes
	hot       atomic.Int64 // bytes of all rings and documents
	known     atomic.Int64 // series
	closed    atomic.Bool  // nothing more is taken
	failing   atomic.Pointer[failure]
	pressure  pressure
	metrics   metrics
}

var _ sensocto.Store = (*Store)(nil)

// failure is why and since when the cold tier does not take what it should.
type failure struct {
	err   error
	since time.Time
}

// Open returns a store over a cold tier, with the series that it has. Nothing
// runs before Run does.
func Open(ctx context.Context, cold Cold, options Options) (*Store, error) {
	known, err := cold.Series(ctx)
	if err != nil {
		return nil, fmt.Errorf("open store: list series: %w", err)
	}
	s := &Store{
		options:    options.withDefaults(),
		cold:       cold,
		codec:      NewCodec(),
		fieldBytes: maxFieldBytes,
		turn:       make(chan struct{}, 1),
		wake:       make(chan struct{}, 1),
		columns:    sync.Pool{New: func() any { return new(Columns) }},
		collectors: sync.Pool{New: func() any { return new(collector) }},
		rollups:    sync.Pool{New: func() any { return new(Rollup) }},
		encoded:    sync.Pool{New: func() any { return new([]byte) }},
		upkeepTurn: make(chan struct{}, 1),
		upkeepWake: make(chan struct{}, 1),
		recovered:  make(chan struct{}),
		over:       make(chan struct{}),
		sensors:    make(map[string]*sensor),
	}
	for _, info := range known {
		n := s.sensorOrNew(info.SensorID)
		n.restore(info)
		s.restoreUpkeep(n.series[info.AttributeID], &info)
		s.metrics.rollupBytes.Add(info.RollupBytes)
		s.metrics.coldSamples.Add(info.Samples)
		s.metrics.coldChunks.Add(info.Chunks)
		s.metrics.coldBytes.Add(info.Bytes)
	}
	if s.options.Journal == nil {
		close(s.recovered)
	} else if err := s.openJournal(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

// Err returns nil while samples are taken and kept as they should be, otherwise
// why not.
func (s *Store) Err() error {
	if s.journal != nil {
		if err := s.journal.Err(); err != nil {
			return err
		}
	}
	select {
	case <-s.recovered:
	default:
		return s.recoveringErr()
	}
	if f := s.failing.Load(); f != nil {
		return fmt.Errorf("the cold tier fails since %s: %w", f.since.UTC().Format(time.RFC3339), f.err)
	}
	return nil
}

// Attributes returns of each sensor the attributes that have samples.
func (s *Store) Attributes() map[string][]string {
	attributes := make(map[string][]string)
	for _, n := range s.allSensors() {
		n.mu.Lock()
		for id, r := range n.series {
			if r.next > 0 {
				attributes[n.id] = append(attributes[n.id], id)
			}
		}
		n.mu.Unlock()
	}
	return attributes
}

func (s *Store) sensor(id string) *sensor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sensors[id]
}

func (s *Store) sensorOrNew(id string) *sensor {
	if n := s.sensor(id); n != nil {
		return n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.sensors[id]
	if n == nil {
		n = newSensor(id, &s.known)
		s.sensors[n.id] = n
	}
	return n
}

// allSensors returns the sensors of the moment.
func (s *Store) allSensors() []*sensor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]*sensor, 0, len(s.sensors))
	for _, n := range s.sensors {
		list = append(list, n)
	}
	return list
}

// takeTurn waits for the right to write to the cold tier.
func (s *Store) takeTurn(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Store) leaveTurn() { <-s.turn }

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
