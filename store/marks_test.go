package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal/journaltest"
	"github.com/sensocto/sensocto/store/storetest"
)

// A store whose journal was made of marks goes on with the streams: what was
// taken is a duplicate, what follows is taken, and what is missing is told.
func TestRestoreStreams(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Minute)
	marks := []sensocto.StreamMark{
		{SensorID: "a", Stream: [16]byte{1}, Seq: 7, Last: now.Add(-time.Hour)}, {SensorID: "a", Stream: [16]byte{2}, Seq: 1 << 40, Last: now},
		{SensorID: "b", Stream: [16]byte{1}, Seq: 3, Last: now},
	}
	disk := journaltest.New(1)
	if err := store.RestoreStreams(t.Context(), disk.Mount(), marks); err != nil {
		t.Fatal(err)
	}
	disk.PowerCut()
	s, err := startStore(storetest.NewMemory(), store.Options{Journal: disk.Mount()})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(marks, s.Streams()); diff != "" {
		t.Error(diff)
	}
	put := func(sensor string, stream byte, seq uint64) error {
		return s.Put(t.Context(), &sensocto.Batch{SensorID: sensor, Stream: [16]byte{stream}, StreamSeq: seq,
			Measurements: []sensocto.Measurement{{AttributeID: "x", Sample: sensocto.Sample{Timestamp: now.UnixMicro(), Value: float64(seq)}}}})
	}
	var gap *sensocto.GapError
	if err := put("a", 1, 9); !errors.As(err, &gap) || gap.Expected != 8 {
		t.Errorf("a gap: %v", err)
	}
	if err := put("a", 1, 7); !errors.Is(err, sensocto.ErrDuplicate) {
		t.Errorf("again: %v", err)
	}
	if err := errors.Join(put("a", 1, 8), put("a", 2, 1<<40+1), put("b", 1, 4), put("b", 9, 1), s.confirm()); err != nil {
		t.Error(err)
	}
	if n := len(readAll(t, s.Store, "a", "x")) + len(readAll(t, s.Store, "b", "x")); n != 4 {
		t.Errorf("%d samples", n)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
