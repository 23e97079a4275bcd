package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/journal/journaltest"
	"github.com/sensocto/sensocto/store/storetest"
)

// While the journal is read back and the database is away: batches are taken
// and confirmed, duplicates and gaps told, reads of what is missing wait for a
// while and then say why, and reads of anything else are answered.
func TestStore_WhileTheJournalIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, cold := journaltest.New(1), storetest.NewMemory()
		away := errors.New("the database is away")
		s := mustStart(t, cold, store.Options{Journal: disk.Mount(), ShutdownTimeout: time.Second})
		cold.Fail(away)
		stream := [16]byte{1}
		put := func(s *running, sensor string, seq uint64) error {
			b := signal(sensor, 512, 100)
			later(b, int64(seq)*1_000_000)
			b.Stream, b.StreamSeq = stream, seq
			return s.Put(t.Context(), b)
		}
		for seq := range uint64(50) {
			if err := errors.Join(put(s, "old", seq+1), s.confirm()); err != nil {
				t.Fatal(err)
			}
		}
		disk.Kill()
		_ = s.stop()
		cold.Fail(nil)

		s = mustStart(t, readable{cold, away}, store.Options{Journal: disk.Mount(), ShutdownTimeout: time.Second})
		if err := errors.Join(put(s, "old", 51), put(s, "new", 1), s.confirm()); err != nil {
			t.Error(err)
		}
		var gap *sensocto.GapError
		if err := put(s, "old", 51); !errors.Is(err, sensocto.ErrDuplicate) {
			t.Errorf("a batch that is there: %v", err)
		}
		if err := put(s, "old", 53); !errors.As(err, &gap) || gap.Expected != 52 {
			t.Errorf("a batch too early: %v", err)
		}
		began := time.Now()
		_, err := s.Read(t.Context(), "old", "ecg", sensocto.Query{})
		if waited := time.Since(began); !errors.Is(err, sensocto.ErrUnavailable) || !strings.Contains(err.Error(), "read back") || waited != 10*time.Second {
			t.Errorf("after %v: %v", waited, err)
		}
		if page, err := s.Read(t.Context(), "new", "ecg", sensocto.Query{}); err != nil || len(page.Samples) != 100 {
			t.Errorf("what came since: %d samples, %v", len(page.Samples), err)
		}
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), "read back from the journal") {
			t.Errorf("not ready, because: %v", err)
		}
		disk.Kill()
		_ = s.stop()

		s = mustStart(t, cold, store.Options{Journal: disk.Mount()})
		page, err := s.Read(t.Context(), "old", "ecg", sensocto.Query{})
		if err != nil || len(page.Samples) != 5100 || s.Err() != nil {
			t.Errorf("%d samples, %v, %v", len(page.Samples), err, s.Err())
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

func mustStart(t *testing.T, cold store.Cold, o store.Options) *running {
	t.Helper()
	s, err := startStore(cold, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readable is a cold tier that cannot be written.
type readable struct {
	store.Cold
	err error
}

// WriteChunks fails.
func (r readable) WriteChunks(context.Context, []sensocto.Chunk) error { return r.err }
