package journal_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store/journal"
	"github.com/sensocto/sensocto/store/journal/journaltest"
)

// faults notes what is done to a disk and lets some of it fail.
type faults struct {
	disk *journaltest.Disk

	mu   sync.Mutex // guards the following
	done []string   // "operation name", in order
	fail map[journaltest.Op][]error
}

func newFaults(seed uint64) *faults {
	f := &faults{disk: journaltest.New(seed), fail: make(map[journaltest.Op][]error)}
	f.disk.Before(func(op journaltest.Op, name string) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.done = append(f.done, string(op)+" "+name)
		if due := f.fail[op]; len(due) > 0 {
			f.fail[op] = due[1:]
			return due[0]
		}
		return nil
	})
	return f
}

// next lets the next operations of a kind end with these errors, nil for none.
func (f *faults) next(op journaltest.Op, errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[op] = errs
}

// count returns how often an operation was done to a file.
func (f *faults) count(op journaltest.Op, name string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.done {
		if d == string(op)+" "+name {
			n++
		}
	}
	return n
}

// metric returns the value of a metric.
func metric(j *journal.Journal, name string) (value float64) {
	j.Metrics(func(m sensocto.Metric) {
		if m.Name == name {
			value = m.Value
		}
	})
	return value
}

// unconfirmed wants that what was appended is not confirmed, and why.
func unconfirmed(t *testing.T, o *opened, word string) {
	t.Helper()
	if err := o.Sync(t.Context()); !errors.Is(err, journal.ErrFailing) || !strings.Contains(err.Error(), word) {
		t.Errorf("confirmed, or for another reason than %q: %v", word, err)
	}
	if metric(o.Journal, "journal_failing") != 1 || metric(o.Journal, "journal_failures_total") == 0 || o.Err() == nil {
		t.Error("nothing says that writing fails")
	}
	if err := o.Admit(t.Context(), 1); !errors.Is(err, journal.ErrFailing) {
		t.Errorf("more is admitted: %v", err)
	}
}

// survives wants that all records are there after a power cut.
func (f *faults) survives(t *testing.T, o *opened, want []string) {
	t.Helper()
	f.disk.PowerCut()
	_ = o.Close()
	<-o.ended
	again := open(t, f.disk.Mount(), journal.Options{})
	expect(t, replay(t, again.Journal), want)
	again.close(t)
}

const firstSegment = "journal-0000000000000001.seg"

// A write that stops half-way is not confirmed, and neither taken for whole nor
// gone on with: everything goes into another file, and then it is confirmed.
func TestJournal_AShortWrite(t *testing.T) {
	short := 0
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			f := newFaults(seed)
			o := open(t, f.disk.Mount(), journal.Options{})
			o.append(numbered(0, 10))
			o.sync(t)
			before := len(f.disk.Content(firstSegment))
			f.next(journaltest.Write, syscall.EIO)
			o.append(numbered(10, 20))
			unconfirmed(t, o, "input/output error")
			if n := len(f.disk.Content(firstSegment)) - before; n > 0 && n < 1000 {
				short++
			}
			writes := f.count(journaltest.Write, firstSegment)
			time.Sleep(time.Second)
			o.append(numbered(20, 30))
			o.sync(t)
			if f.count(journaltest.Write, firstSegment) != writes || o.Err() != nil {
				t.Errorf("seed %d: the torn file is written again; %v", seed, o.Err())
			}
			f.survives(t, o, numbered(0, 30))
		})
	}
	if short == 0 {
		t.Error("no write was short")
	}
}

// After a failed fsync the file is never synced again: what it was to make
// durable goes into another one.
func TestJournal_AFailedSyncIsFinal(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			f := newFaults(seed)
			o := open(t, f.disk.Mount(), journal.Options{})
			o.append(numbered(0, 10))
			o.sync(t)
			f.next(journaltest.Sync, syscall.EIO)
			o.append(numbered(10, 20))
			unconfirmed(t, o, "input/output error")
			syncs := f.count(journaltest.Sync, firstSegment)
			time.Sleep(time.Second)
			o.sync(t)
			o.append(numbered(20, 30))
			o.sync(t)
			if f.count(journaltest.Sync, firstSegment) != syncs {
				t.Errorf("seed %d: the file whose sync failed was synced again", seed)
			}
			f.survives(t, o, numbered(0, 30))
		})
	}
}

// The disk of the tests is as treacherous as a kernel: a sync after a failed one
// succeeds, and what the failed one was to write is gone.
func TestDisk_ForgetsWhatASyncFailedToWrite(t *testing.T) {
	gone := 0
	for seed := range uint64(50) {
		f := newFaults(seed)
		file, err := f.disk.Mount().Create("file")
		if err != nil {
			t.Fatal(err)
		}
		f.next(journaltest.Sync, syscall.EIO)
		_, _ = file.WriteAt([]byte("content"), 0)
		if err := file.Sync(); err == nil {
			t.Fatal("synced")
		}
		if err := errors.Join(file.Sync(), f.disk.Mount().Sync()); err != nil {
			t.Fatal(err)
		}
		f.disk.PowerCut()
		if string(f.disk.Content("file")) != "content" {
			gone++
		}
	}
	if gone == 0 || gone == 50 {
		t.Errorf("the content was gone %d times of 50", gone)
	}
}

// On a full disk nothing is confirmed and nothing more admitted; once there is
// room, all of it is confirmed.
func TestJournal_AFullDisk(t *testing.T) {
	for room := range int64(10) {
		synctest.Test(t, func(t *testing.T) {
			var log strings.Builder
			f := newFaults(uint64(room))
			o := open(t, f.disk.Mount(), journal.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			o.append(numbered(0, 10))
			o.sync(t)
			f.disk.SetCapacity(int64(len(f.disk.Content(firstSegment))) + 20*room)
			o.append(numbered(10, 20))
			unconfirmed(t, o, "the disk is full")
			time.Sleep(time.Minute) // it tries again and again
			unconfirmed(t, o, "the disk is full")
			f.disk.SetCapacity(0)
			time.Sleep(2 * time.Second)
			o.sync(t)
			f.survives(t, o, numbered(0, 20))
			if text := log.String(); !strings.Contains(text, "free space") || !strings.Contains(text, "nothing was lost") {
				t.Errorf("the log says:\n%s", text)
			}
		})
	}
}

// long is the disk of a journal of several segments that was closed, with
// records 0 to 300.
func long(t *testing.T) *journaltest.Disk {
	t.Helper()
	disk := journaltest.New(1)
	o := open(t, disk.Mount(), journal.Options{SegmentBytes: 6_000})
	for i := range 30 {
		o.append(numbered(10*i, 10*i+10))
		o.sync(t)
	}
	o.close(t)
	if n := len(disk.Names()); n < 4 {
		t.Fatalf("only %d segments", n)
	}
	return disk
}

// What cannot be read is neither damaged nor torn: nothing is cut or mended.
func TestJournal_ReadErrors(t *testing.T) {
	disk := long(t)
	for _, broken := range disk.Names() {
		d := disk.Clone(1)
		failing := true
		d.Before(func(op journaltest.Op, name string) error {
			if failing && op == journaltest.Read && name == broken {
				return syscall.EIO
			}
			return nil
		})
		told := func(what string, err error) {
			t.Helper()
			if corrupt := (*journal.CorruptError)(nil); !errors.Is(err, syscall.EIO) || errors.As(err, &corrupt) || !strings.Contains(err.Error(), broken) {
				t.Errorf("%s: %s: %v", broken, what, err)
			}
		}
		_, err := openAndReplay(t, d)
		told("start", err)
		_, err = journal.Check(d.Mount())
		told("check", err)
		_, err = journal.Repair(d.Mount())
		told("repair", err)
		failing = false
		records, err := openAndReplay(t, d)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, records, numbered(0, 300))
	}
}

// openAndReplay returns what a start reads, without going on.
func openAndReplay(t testing.TB, d *journaltest.Disk) (records []string, err error) {
	t.Helper()
	j, err := journal.Open(d.Mount(), new(sum), journal.Options{})
	if err != nil {
		return nil, err
	}
	defer j.Close()
	err = j.Replay(t.Context(), func(at journal.Position, record []byte) error {
		records = append(records, string(record))
		return nil
	}, nil)
	return records, err
}
