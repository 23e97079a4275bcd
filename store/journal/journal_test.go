package journal_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensocto/sensocto/store/journal"
)

// sum is a State that tells any record lost, doubled or out of order: a count
// and a checksum that depends on the order.
type sum struct{ count, hash uint64 }

func (s *sum) Apply(record []byte) error {
	s.count++
	for _, b := range record {
		s.hash = s.hash*1099511628211 + uint64(b) + 1
	}
	return nil
}

func (s *sum) AppendSnapshot(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, s.count)
	return binary.LittleEndian.AppendUint64(dst, s.hash)
}

func (s *sum) Restore(snapshot []byte) error {
	if len(snapshot) != 16 {
		return errors.New("not a snapshot")
	}
	s.count, s.hash = binary.LittleEndian.Uint64(snapshot), binary.LittleEndian.Uint64(snapshot[8:])
	return nil
}

// opened is a journal that runs.
type opened struct {
	*journal.Journal
	state *sum
	ended chan error
}

func open(t testing.TB, fs journal.FS, o journal.Options) *opened {
	t.Helper()
	state := new(sum)
	j, err := journal.Open(fs, state, o)
	if err != nil {
		t.Fatal(err)
	}
	r := &opened{j, state, make(chan error, 1)}
	go func() { r.ended <- j.Run(context.Background()) }()
	t.Cleanup(func() { _ = j.Close() })
	return r
}

// close ends the journal and returns what Run returned.
func (o *opened) close(t testing.TB) {
	t.Helper()
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if err := <-o.ended; err != nil {
		t.Error(err)
	}
}

// replay returns the records that were there when the journal was opened.
func replay(t testing.TB, j *journal.Journal) (records []string) {
	t.Helper()
	var next journal.Position
	err := j.Replay(t.Context(), func(at journal.Position, record []byte) error {
		if len(records) > 0 && at != next {
			return fmt.Errorf("position %d follows %d", at, next-1)
		}
		next = at + 1
		records = append(records, string(record))
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func numbered(from, to int) (records []string) {
	for i := from; i < to; i++ {
		records = append(records, fmt.Sprintf("record %d %s", i, bytes.Repeat([]byte("x"), i%300)))
	}
	return records
}

func (o *opened) append(records []string) {
	for _, r := range records {
		o.Append([]byte(r))
	}
}

func (o *opened) sync(t testing.TB) {
	t.Helper()
	if err := o.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func expect(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %d records, want %d", len(got), len(want))
	}
}

func TestJournal_KeepsRecordsInOrder(t *testing.T) {
	fs, want := journal.OS(t.TempDir()+"/new/journal"), []string(nil)
	for round := range 5 { // over several segments and starts
		o := open(t, fs, journal.Options{SegmentBytes: 16 << 10})
		expect(t, replay(t, o.Journal), want)
		if got := o.End(); got != journal.Position(len(want)) {
			t.Errorf("End() = %d, want %d", got, len(want))
		}
		for part := range 10 {
			more := numbered(1000*round+100*part, 1000*round+100*part+100)
			o.append(more)
			o.sync(t)
			want = append(want, more...)
		}
		o.append(numbered(0, 10)) // Close syncs them
		want = append(want, numbered(0, 10)...)
		o.close(t)
		if o.state.count != uint64(len(want)) {
			t.Errorf("the state has %d records, want %d", o.state.count, len(want))
		}
	}
}

func TestJournal_RestoresState(t *testing.T) {
	fs := journal.OS(t.TempDir())
	var want sum
	for range 4 {
		o := open(t, fs, journal.Options{SegmentBytes: 20_000})
		if *o.state != want {
			t.Fatalf("state %v, want %v", *o.state, want)
		}
		for i := range 300 {
			record := []byte(numbered(i, i+1)[0])
			o.Append(record)
			_ = want.Apply(record)
			if i%100 == 0 {
				o.sync(t)
			}
		}
		o.close(t)
		_ = replay(t, o.Journal)
	}
}

func TestJournal_TruncatesWholeSegments(t *testing.T) {
	fs := journal.OS(t.TempDir())
	o := open(t, fs, journal.Options{SegmentBytes: 1})
	for i := range 20 { // a segment each
		o.append(numbered(100*i, 100*i+100))
		o.sync(t)
	}
	o.Truncate(1050)
	waitFor(t, func() bool { return segments(fs) == 10 })
	o.close(t)
	o = open(t, fs, journal.Options{})
	expect(t, replay(t, o.Journal), numbered(1000, 2000))
	if o.state.count != 2000 {
		t.Errorf("the state has %d records, want all that ever were", o.state.count)
	}
	o.close(t)
}

func TestJournal_DeletesNothingThatWasNotReplayed(t *testing.T) {
	fs := journal.OS(t.TempDir())
	o := open(t, fs, journal.Options{SegmentBytes: 4 << 10})
	for i := range 10 {
		o.append(numbered(100*i, 100*i+100))
		o.sync(t)
	}
	o.close(t)
	o = open(t, fs, journal.Options{})
	o.Truncate(o.End())
	o.append(numbered(0, 1))
	o.sync(t)
	expect(t, replay(t, o.Journal), numbered(0, 1000))
	waitFor(t, func() bool { return segments(fs) == 1 })
	o.close(t)
}

// segments returns how many segments the directory has.
func segments(fs journal.FS) (n int) {
	names, _ := fs.List()
	for _, name := range names {
		if strings.HasSuffix(name, ".seg") {
			n++
		}
	}
	return n
}

// waitFor asks again until something has happened that happens in the background.
func waitFor(t testing.TB, happened func() bool) {
	t.Helper()
	for tick := time.NewTicker(time.Millisecond); !happened(); {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("it did not happen")
		}
	}
}

func TestJournal_IsOneForManyWriters(t *testing.T) {
	fs := journal.OS(t.TempDir())
	o := open(t, fs, journal.Options{SegmentBytes: 32 << 10})
	done := make(chan error)
	for w := range 20 {
		go func() {
			var err error
			for i := range 50 {
				err = errors.Join(err, o.Admit(t.Context(), 100))
				o.Append(fmt.Appendf(nil, "%d %d", w, i))
				err = errors.Join(err, o.Sync(t.Context()))
			}
			done <- err
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	o.close(t)
	o = open(t, fs, journal.Options{})
	next := make(map[int]int)
	for _, r := range replay(t, o.Journal) {
		var w, i int
		if _, err := fmt.Sscan(r, &w, &i); err != nil || next[w] != i {
			t.Fatalf("record %q, want %d of this writer (%v)", r, next[w], err)
		}
		next[w]++
	}
	if len(next) != 20 || next[7] != 50 {
		t.Errorf("%v", next)
	}
	o.close(t)
}

func TestJournal_TakesLargeAndEmptyRecords(t *testing.T) {
	fs := journal.OS(t.TempDir())
	o := open(t, fs, journal.Options{})
	want := []string{"", string(make([]byte, 3<<20)), "", "small", string(make([]byte, 256<<10)), "small"}
	o.append(want)
	o.sync(t)
	o.close(t)
	o = open(t, fs, journal.Options{})
	expect(t, replay(t, o.Journal), want)
	o.close(t)
}

func TestJournal_ClosesWithoutRun(t *testing.T) {
	j, err := journal.Open(journal.OS(t.TempDir()), new(sum), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 2)
	j.Synced(func(err error) { told <- err })
	for range 2 {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
	j.Synced(func(err error) { told <- err })
	for range 2 {
		if err := <-told; !errors.Is(err, journal.ErrClosed) {
			t.Errorf("Synced: %v", err)
		}
	}
	if err := j.Admit(t.Context(), 1); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Admit: %v", err)
	}
	if err := j.Run(t.Context()); err != nil {
		t.Errorf("Run with nothing to do: %v", err)
	}
	j.Append([]byte("too late"))
	if err := j.Run(t.Context()); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Run: %v", err)
	}
}

func TestJournal_RefusesWhenFull(t *testing.T) {
	o := open(t, journal.OS(t.TempDir()), journal.Options{MaxBytes: 10_000})
	n := 0
	for ; o.Admit(t.Context(), 1000) == nil; n++ {
		o.Append(make([]byte, 1000))
		o.sync(t)
	}
	if err := o.Admit(t.Context(), 1000); !errors.Is(err, journal.ErrFull) {
		t.Errorf("%v", err)
	}
	if n < 5 || n > 9 || o.Size() > 11_000 {
		t.Errorf("full after %d kB, size %d", n, o.Size())
	}
	o.Truncate(o.End())
	waitFor(t, func() bool { return o.Admit(t.Context(), 1000) == nil })
	o.close(t)
}
