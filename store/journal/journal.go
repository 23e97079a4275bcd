package journal

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sensocto/sensocto"
)

// Position is the number of a record, counted from 0 over the whole life of
// a journal.
type Position uint64

// State is what the records of a journal add up to: enough to go on with
// before all of them are read again. Run's goroutine alone uses it, Open before that.
type State interface {
	// Apply takes in a record. It is called with every record, in order, once.
	// An error is a fault of the program: the record is not written, and Run
	// or Open returns the error.
	Apply(record []byte) error
	// AppendSnapshot appends all of the state to dst.
	AppendSnapshot(dst []byte) []byte
	// Restore replaces the state by that of a snapshot.
	Restore(snapshot []byte) error
}

// Options configure a journal. The zero value is good for a server.
type Options struct {
	// SegmentBytes is about how long a segment becomes: at most a quarter of
	// MaxBytes, since the last segment is never deleted. Default 64 MiB.
	SegmentBytes int64
	// MaxBytes bounds segments and pending records: beyond it Admit refuses
	// with ErrFull. Default 4 GiB.
	MaxBytes int64
	// MaxPending bounds the records in memory that are not on disk: beyond it
	// Admit waits. Default 64 MiB.
	MaxPending int64
	// WriteEvery is how long a record that nobody waits for stays in memory
	// alone. Default 20 ms.
	WriteEvery time.Duration
	// SyncEvery is how long a record that nobody waits for is not on disk. Default 1 s.
	SyncEvery time.Duration
	// SyncBytes that are not on disk are synced before their time. Default 8 MiB.
	SyncBytes int64
	// AdmitTimeout is how long Admit waits for room. Default 5 s.
	AdmitTimeout time.Duration
	// ShutdownTimeout is how long Run tries to write the rest. Default 10 s.
	ShutdownTimeout time.Duration
	// Log gets the changes between working and failing, and what was cut. Default: discarded.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	o.MaxBytes = cmp.Or(o.MaxBytes, 4<<30)
	o.SegmentBytes = min(cmp.Or(o.SegmentBytes, 64<<20), o.MaxBytes/4)
	o.MaxPending = cmp.Or(o.MaxPending, 64<<20)
	o.WriteEvery = cmp.Or(o.WriteEvery, 20*time.Millisecond)
	o.SyncEvery = cmp.Or(o.SyncEvery, time.Second)
	o.SyncBytes = min(cmp.Or(o.SyncBytes, 8<<20), o.MaxPending/2)
	o.AdmitTimeout = cmp.Or(o.AdmitTimeout, 5*time.Second)
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, 10*time.Second)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// Journal is a write-ahead log. All methods are safe for concurrent use.
type Journal struct {
	options  Options
	fs       FS
	wake     chan struct{} // one slot: the writer has something to look at
	truncate chan struct{} // one slot: segments may have become removable
	stop     chan struct{} // closed by Close
	stopOnce sync.Once
	replay   []span // what was there at Open
	writer   *writer

	mu       sync.Mutex    // guards the following; never held over I/O
	pending  []*buffer     // appended and not yet taken by the writer
	since    time.Time     // when the first of them came
	due      *time.Timer   // wakes the writer for them
	end      Position      // of all records
	waiters  []waiter      // not yet taken by the writer
	pressed  bool          // somebody waits for room
	rotating bool          // the segment is to end
	room     chan struct{} // closed and replaced when there may be room, or never will be
	pool     pool
	running  chan struct{} // closed when Run has returned; nil before Run
	ended    bool          // nobody writes any more
	segments []stored      // oldest first
	before   Position      // may be truncated
	unread   uint64        // the oldest segment that Replay still needs; 0: none

	unsynced atomic.Int64 // bytes in memory that are not on disk
	disk     atomic.Int64 // bytes of segments
	failing  atomic.Pointer[failure]
	metrics  metrics
}

// failure is why and since when the journal cannot be written.
type failure struct {
	err   error
	since time.Time
}

// waiter waits until all before end is durable.
type waiter struct {
	end  Position
	done func(error)
}

var _ sensocto.MetricSource = (*Journal)(nil)

// End returns the position that the next record gets.
func (j *Journal) End() Position {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.end
}

// Size returns how many bytes the journal takes, on disk and pending.
func (j *Journal) Size() int64 { return j.disk.Load() + j.unsynced.Load() }

// Unsynced returns how many bytes of records are in memory alone.
func (j *Journal) Unsynced() int64 { return j.unsynced.Load() }

// Err returns why the journal cannot be written at present; nil if it can.
func (j *Journal) Err() error {
	if f := j.failing.Load(); f != nil {
		return f.err
	}
	return nil
}

// Run writes what is appended until ctx ends or Close is called, then writes
// and syncs the rest. It may be called once. It returns an error when records
// were not written in the end, or the State refused one.
func (j *Journal) Run(ctx context.Context) error {
	j.mu.Lock()
	if j.running != nil || j.ended {
		defer j.mu.Unlock()
		if j.running == nil && j.end == j.writer.applied {
			return nil // closed before anything was appended
		}
		return ErrClosed
	}
	j.running = make(chan struct{})
	j.mu.Unlock()
	defer close(j.running)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var keeper sync.WaitGroup
	keeper.Go(func() { j.keep(ctx) })
	err := j.writer.run(ctx)
	cancel()
	keeper.Wait()
	if c, ok := j.writer.fs.(io.Closer); ok {
		_ = c.Close() // behind the last Sync
	}
	return err
}

// Close ends Run and waits until it has returned. It may be called again, and
// without Run.
func (j *Journal) Close() error {
	j.stopOnce.Do(func() { close(j.stop) })
	j.mu.Lock()
	running := j.running
	if running == nil && !j.ended {
		j.ended = true
		j.failing.Store(&failure{err: ErrClosed, since: time.Now()})
		j.changed()
	}
	j.mu.Unlock()
	if running != nil {
		<-running
	}
	j.endWaiters()
	return nil
}

// notify makes the writer look.
func (j *Journal) notify() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}
