package backup_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/backup"
	"github.com/sensocto/sensocto/sqlite"
	"github.com/sensocto/sensocto/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackup_RestoresEverything(t *testing.T) {
	db := openDB(t)
	fill(t, db, 3, 20_500)
	source, restored := sourceOf(db), openDB(t)
	streams := []sensocto.StreamMark{{SensorID: "sensor-0", Stream: [16]byte{1, 255}, Seq: 5, Last: time.Unix(1_700_000_040, 0).UTC()}, {SensorID: "sensor-2", Seq: 1 << 60, Last: time.Unix(0, 0).UTC()}}
	source.Streams = func() []sensocto.StreamMark { return streams }
	key := bytes.Repeat([]byte{7}, backup.RoomKeyBytes)
	source.RoomKey = func() ([]byte, error) { return key, nil }
	packed, target := archive(t, source), targetOf(restored)
	var keyBack []byte
	target.RoomKey = func(k []byte) error { keyBack = k; return nil }
	var back []sensocto.StreamMark
	target.Stream = func(m sensocto.StreamMark) error { back = append(back, m); return nil }
	totals, err := backup.Restore(t.Context(), bytes.NewReader(packed), target)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(keyBack, key) {
		t.Errorf("the key of shared rooms is %x", keyBack)
	}
	if diff := cmp.Diff(streams, back); diff != "" || totals.Streams != 2 {
		t.Errorf("%d streams: %s", totals.Streams, diff)
	}
	if totals.Sensors != 3 || totals.Tokens != 2 || totals.Series != 6 || totals.Samples != 3*(20_500+410) || totals.Damaged != 0 {
		t.Errorf("totals %+v", totals)
	}
	compare(t, contentOf(t, db), contentOf(t, restored))
}

// compare wants two databases to show the same.
func compare(t *testing.T, want, got content) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(content{}, "Samples")); diff != "" {
		t.Errorf("the restored database differs: %s", diff)
	}
	for series, samples := range want.Samples {
		if !slices.EqualFunc(samples, got.Samples[series], sameSample) {
			t.Errorf("%s: the samples differ", series)
		}
	}
}

func TestBackup_OfNothing(t *testing.T) {
	restored := openDB(t)
	totals, err := backup.Restore(t.Context(), bytes.NewReader(archive(t, sourceOf(openDB(t)))), targetOf(restored))
	if err != nil || totals.Entries != 1 {
		t.Errorf("%+v %v", totals, err)
	}
}

// Chunks of rollups go with the samples that they are made of.
func TestBackup_KeepsRollupsOfWhatItHolds(t *testing.T) {
	chunk := func(level int, first int64, count int) sensocto.Chunk {
		return sensocto.Chunk{SensorID: "s", AttributeID: "a", Level: level, Cell: int64(level) * 1000, FirstSeq: first, Count: count,
			MinTime: base + first, MaxTime: base + first + int64(count), Numbers: sensocto.Bucket{Count: 1, Min: -1, Max: 2, From: base, To: base}, Data: []byte{9}}
	}
	cold := chunks{chunk(0, 0, 100), chunk(0, 100, 100), chunk(1, 0, 200), chunk(1, 200, 50), chunk(2, 0, 200)}
	source := backup.Source{Cold: cold, Sensors: none[sensocto.Sensor], Tokens: none[sensocto.Token]}
	var got []sensocto.Chunk
	totals, err := backup.Scan(t.Context(), bytes.NewReader(archive(t, source)), backup.Handler{Chunk: func(c *sensocto.Chunk) error {
		kept := *c
		kept.Data = bytes.Clone(c.Data)
		got = append(got, kept)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []sensocto.Chunk{cold[0], cold[1], cold[2], cold[4]} // nothing is there of what cold[3] was made of
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if totals.Chunks != 2 || totals.Rollups != 2 || totals.Samples != 200 {
		t.Errorf("totals %+v", totals)
	}
}

// chunks is a source of chunks of one series.
type chunks []sensocto.Chunk

func (c chunks) Series(context.Context) ([]sensocto.SeriesInfo, error) {
	return []sensocto.SeriesInfo{{SensorID: "s", AttributeID: "a", NextSeq: 150}}, nil
}

func (c chunks) ReadChunks(_ context.Context, r sensocto.ChunkRange, yield func(*sensocto.Chunk) bool) error {
	for i := range c {
		if c[i].Level == r.Level && !yield(&c[i]) {
			break
		}
	}
	return nil
}

func none[T any](context.Context) ([]T, error) { return nil, nil }

// No archive that is not byte for byte what was written passes.
func TestScan_RefusesWhatWasChanged(t *testing.T) {
	db := openDB(t)
	fill(t, db, 1, 300)
	packed := archive(t, sourceOf(db))
	check := func(what string, at int, b []byte) {
		t.Helper()
		if _, err := backup.Scan(t.Context(), bytes.NewReader(b), backup.Handler{}); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("%s at %d of %d: %v", what, at, len(packed), err)
		}
	}
	for at := range packed {
		flipped := bytes.Clone(packed)
		flipped[at] ^= 1 << (at % 8)
		check("a flipped bit", at, flipped)
		check("a cut", at, packed[:at])
	}
	check("a byte more", len(packed), append(bytes.Clone(packed), 0))
	check("twice", len(packed), append(bytes.Clone(packed), packed...))
	entries := split(packed)
	for i := range entries {
		without := append([]byte(nil), packed[:8]...)
		doubled := append([]byte(nil), packed[:8]...)
		swapped := append([]byte(nil), packed[:8]...)
		for j, e := range entries {
			if j != i {
				without = append(without, e...)
			}
			doubled = append(doubled, e...)
			if j == i {
				doubled = append(doubled, e...)
			}
			swapped = append(swapped, entries[(j+i)%len(entries)]...)
		}
		check("a missing entry", i, without)
		check("a doubled entry", i, doubled)
		if i > 0 {
			check("another order", i, swapped)
		}
	}
}

// split returns the entries of an archive.
func split(packed []byte) (entries [][]byte) {
	for rest := packed[8:]; len(rest) > 0; {
		n := 44 + int(binary.LittleEndian.Uint32(rest[4:]))
		entries, rest = append(entries, rest[:n]), rest[n:]
	}
	return entries
}

func TestScan_SaysWhatIsWrong(t *testing.T) {
	packed := archive(t, sourceOf(openDB(t)))
	newer := bytes.Clone(packed)
	newer[7]++
	for want, b := range map[string][]byte{
		"no backup of sensocto": []byte("PK\x03\x04 something else"),
		"newer version":         newer,
		"incomplete":            packed[:len(packed)-1],
		"byte 0":                nil,
	} {
		_, err := backup.Scan(t.Context(), bytes.NewReader(b), backup.Handler{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	broken := errors.New("cable pulled")
	_, err := backup.Scan(t.Context(), io.MultiReader(bytes.NewReader(packed[:60]), failing{broken}), backup.Handler{})
	if !errors.Is(err, broken) || errors.Is(err, backup.ErrDamaged) {
		t.Errorf("a failing reader: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestRestore_RefusesWhatIsNotEmpty(t *testing.T) {
	db := openDB(t)
	fill(t, db, 1, 10)
	if _, err := backup.Restore(t.Context(), bytes.NewReader(archive(t, sourceOf(db))), targetOf(db)); err == nil {
		t.Error("restored over what there was")
	}
}

// forgetful is a target that loses a chunk.
type forgetful struct{ *sqlite.DB }

func (f forgetful) WriteChunks(ctx context.Context, c []sensocto.Chunk) error {
	return f.DB.WriteChunks(ctx, c[1:])
}

func TestRestore_ReadsBackWhatItWrote(t *testing.T) {
	db, restored := openDB(t), openDB(t)
	fill(t, db, 1, 5000)
	target := targetOf(restored)
	target.Cold = forgetful{restored}
	_, err := backup.Restore(t.Context(), bytes.NewReader(archive(t, sourceOf(db))), target)
	if err == nil || !strings.Contains(err.Error(), "does not read back") {
		t.Errorf("%v", err)
	}
}

func TestWrite_CountsDamagedChunks(t *testing.T) {
	db := openDB(t)
	fill(t, db, 1, 9000)
	source := sourceOf(db)
	source.Check = func(c *sensocto.Chunk) error {
		if c.FirstSeq == 4096 {
			return errors.New("damaged")
		}
		return nil
	}
	totals, err := backup.Scan(t.Context(), bytes.NewReader(archive(t, source)), backup.Handler{})
	if err != nil || totals.Damaged != 1 {
		t.Errorf("%+v %v", totals, err)
	}
}

func TestWrite_EndsWithItsContext(t *testing.T) {
	db := openDB(t)
	fill(t, db, 2, 50)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := backup.Write(ctx, io.Discard, sourceOf(db), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	full := errors.New("disk full")
	if _, err := backup.Write(t.Context(), &limited{left: 500, err: full}, sourceOf(db), nil); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type limited struct {
	left int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, l.err
	}
	return len(p), nil
}

// While sensors send, a backup holds of each all that was put before it began,
// and what it holds of the rest has no hole.
func TestBackup_UnderLoad(t *testing.T) {
	db := openDB(t)
	s, err := store.Open(t.Context(), db, store.Options{HotSamples: 10, FlushInterval: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	var devices sync.WaitGroup
	enough, stop := make(chan struct{}), make(chan struct{})
	for n := range 3 {
		devices.Go(func() {
			id := string(rune('a' + n))
			for i := 0; i < 40_000; i += 100 {
				select {
				case <-stop:
					return
				default:
				}
				if err := s.Put(ctx, batch(id, i, i+100)); err != nil && !errors.Is(err, sensocto.ErrUnavailable) {
					t.Error(err)
				} else if err != nil {
					i -= 100
				}
				if n == 0 && i == 10_000 {
					close(enough)
				}
			}
		})
	}
	<-enough
	before := s.Counts("a")["ecg"].Samples
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	packed := archive(t, sourceOf(db))
	close(stop)
	devices.Wait()
	cancel()
	running.Wait()

	restored := openDB(t)
	if _, err := backup.Restore(t.Context(), bytes.NewReader(packed), targetOf(restored)); err != nil {
		t.Fatal(err)
	}
	got := contentOf(t, restored)
	if n := int64(len(got.Samples["a/ecg"])); n < before {
		t.Errorf("%d samples restored, %d were put before", n, before)
	}
	comparePrefixes(t, got)
}

func sameSample(a, b sensocto.Sample) bool {
	return a.Timestamp == b.Timestamp && math.Float64bits(a.Value) == math.Float64bits(b.Value) && bytes.Equal(a.Document, b.Document)
}

// comparePrefixes wants of each series as many samples as were restored, by
// number, and they are the first ones that were put.
func comparePrefixes(t *testing.T, got content) {
	t.Helper()
	for _, info := range got.Series {
		if info.Samples != info.NextSeq {
			t.Errorf("%s %s has %d samples up to number %d: a hole", info.SensorID, info.AttributeID, info.Samples, info.NextSeq)
		}
		if info.AttributeID != "ecg" {
			continue
		}
		want, err := store.Open(t.Context(), openDB(t), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < int(info.NextSeq); i += 10_000 {
			if err := want.Put(t.Context(), batch(info.SensorID, i, min(i+10_000, int(info.NextSeq)))); err != nil {
				t.Fatal(err)
			}
			if err := want.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		page, err := want.Read(t.Context(), info.SensorID, "ecg", sensocto.Query{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(page.Samples, got.Samples[info.SensorID+"/ecg"], sameSample) {
			t.Errorf("%s: the samples differ", info.SensorID)
		}
	}
}
