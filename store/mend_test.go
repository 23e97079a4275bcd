package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// mend checks and repairs, and returns what was done.
func mend(t testing.TB, cold store.Cold) (done []string) {
	t.Helper()
	var list []store.Fault
	if _, err := store.Check(t.Context(), cold, func(f store.Fault) { list = append(list, f) }, nil); err != nil {
		t.Fatal(err)
	}
	err := store.Mend(t.Context(), cold, list, func(f store.Fault, r store.Remedy) {
		done = append(done, fmt.Sprintf("%s %s %d:%d", r, f.AttributeID, f.Level, f.FirstSeq))
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestMend_RestoresWhatItCan(t *testing.T) {
	const n = store.ChunkSamples
	for _, tc := range []struct {
		name  string
		level int
		first int64
		wound func(*sensocto.Chunk)
		want  string
		lost  int
	}{
		{"a flipped bit", 0, 2 * n, func(c *sensocto.Chunk) { c.Data[len(c.Data)/2] ^= 1 }, "removed a 0:8192", n},
		{"a wrong maximum", 0, 2 * n, func(c *sensocto.Chunk) { c.Numbers.Max++ }, "rewritten a 0:8192", 0},
		{"wrong times", 0, 2 * n, func(c *sensocto.Chunk) { c.MinTime -= 1000 }, "rewritten a 0:8192", 0},
		{"a count too small", 0, 2 * n, func(c *sensocto.Chunk) { c.Count = 3 }, "rewritten a 0:8192", 0},
		{"a rollup with a flipped bit", 1, 2 * n, func(c *sensocto.Chunk) { c.Data[len(c.Data)-1] ^= 1 }, "rebuilt a 1:8192", 0},
		{"a rollup with a wrong row", 2, 0, func(c *sensocto.Chunk) { c.Numbers.Min-- }, "rebuilt a 2:0", 0},
		{"a rollup with a wrong count", 1, 2 * n, func(c *sensocto.Chunk) { c.Count-- }, "rebuilt a 1:8192", 0},
		{"a rollup with wrong buckets", 1, 2 * n, wrongBuckets, "rebuilt a 1:8192", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cold := maintained(t)
			want := readAll(t, open(t, cold, store.Options{}), "s", "a")
			c := chunkAt(t, cold, "a", tc.level, tc.first)
			tc.wound(&c)
			write(t, cold, c)
			if done := mend(t, cold); !slices.Contains(done, tc.want) {
				t.Errorf("%v, want %s", done, tc.want)
			}
			if left, _ := faults(t, cold); len(left) > 0 {
				t.Errorf("still wrong: %v", left)
			}
			if tc.lost > 0 {
				want = slices.Delete(want, int(tc.first), int(tc.first)+tc.lost)
			}
			if got := readAll(t, open(t, cold, store.Options{}), "s", "a"); !slices.EqualFunc(want, got, equalSample) {
				t.Errorf("%d samples are left, want %d", len(got), len(want))
			}
			if n := counted(t, open(t, cold, store.Options{}), "s", "a"); n != 10*store.ChunkSamples+500 {
				t.Errorf("traces show %d samples", n) // also of those that are lost: rollups outlive them
			}
		})
	}
}

func equalSample(a, b sensocto.Sample) bool {
	return a.Timestamp == b.Timestamp && a.Value == b.Value && string(a.Document) == string(b.Document)
}

func TestMend_CutsWhatOthersHave(t *testing.T) {
	cold := maintained(t)
	want := readAll(t, open(t, cold, store.Options{}), "s", "b")
	codec, cols := store.NewCodec(), &store.Columns{}
	c := chunkAt(t, cold, "b", 0, 0)
	if err := codec.Decode(c.Data, cols); err != nil {
		t.Fatal(err)
	}
	// The last 400 samples a second time, and 100 that nobody else has.
	cols.Times, cols.Values = append(cols.Times[100:], cols.Times[:100]...), append(cols.Values[100:], cols.Values[:100]...)
	for i := range cols.Documents {
		cols.Documents[i].Index -= 100
	}
	c.FirstSeq, c.Data = 100, codec.Append(nil, cols)
	write(t, cold, c)
	if done := mend(t, cold); !slices.Contains(done, "trimmed b 0:100") {
		t.Error(done)
	}
	if left, _ := faults(t, cold); len(left) > 0 {
		t.Errorf("still wrong: %v", left)
	}
	if got := readAll(t, open(t, cold, store.Options{}), "s", "b"); len(got) != len(want)+100 {
		t.Errorf("%d samples, want %d", len(got), len(want)+100)
	}
}

// Whatever is done to whatever chunks, what is repaired is whole, and a chunk
// that nothing was done to is as it was.
func TestMend_LeavesNothingWrong(t *testing.T) {
	whole := maintained(t)
	rapid.Check(t, func(rt *rapid.T) {
		cold := copyOf(t, whole)
		touched := make(map[int64]bool)
		for range rapid.IntRange(1, 5).Draw(rt, "wounds") {
			level := rapid.IntRange(0, 2).Draw(rt, "level")
			first := int64(4 * store.ChunkSamples * rapid.IntRange(0, 1).Draw(rt, "chunk"))
			c := chunkAt(t, cold, "a", level, first)
			switch rapid.IntRange(0, 3).Draw(rt, "wound") {
			case 0:
				c.Data[rapid.IntRange(0, len(c.Data)-1).Draw(rt, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			case 1:
				c.Numbers.Count++
			case 2:
				c.MaxTime += 5
			case 3:
				c.Data = c.Data[:len(c.Data)/2]
			}
			touched[first] = touched[first] || level == 0
			write(t, cold, c)
		}
		mend(t, cold)
		if left, _ := faults(t, cold); len(left) > 0 {
			rt.Errorf("still wrong: %v", left)
		}
		for first := int64(0); first < 10*store.ChunkSamples; first += store.ChunkSamples {
			if before := chunkAt(t, whole, "a", 0, first); !touched[first] && !slices.Equal(before.Data, chunkAt(t, cold, "a", 0, first).Data) {
				rt.Errorf("chunk %d was changed", first)
			}
		}
	})
}

func copyOf(t testing.TB, from *storetest.Memory) *storetest.Memory {
	t.Helper()
	to := storetest.NewMemory()
	list, err := from.Series(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range list {
		for level := range sensocto.RollupLevels + 1 {
			var chunks []sensocto.Chunk
			query := sensocto.ChunkRange{SensorID: info.SensorID, AttributeID: info.AttributeID, Level: level, BeforeSeq: 1 << 60, ByNumber: true}
			err := from.ReadChunks(t.Context(), query, func(c *sensocto.Chunk) bool { chunks = append(chunks, *c); return true })
			if err != nil {
				t.Fatal(err)
			}
			if len(chunks) > 0 {
				write(t, to, chunks...)
			}
		}
	}
	return to
}

// recounting is a cold tier whose totals are wrong until they are recounted.
type recounting struct {
	*storetest.Memory
	wrong int64
}

func (r *recounting) Series(ctx context.Context) ([]sensocto.SeriesInfo, error) {
	list, err := r.Memory.Series(ctx)
	for i := range list {
		list[i].Samples += r.wrong
	}
	return list, err
}

func (r *recounting) Recount(context.Context) error { r.wrong = 0; return nil }

func TestMend_RecountsTotals(t *testing.T) {
	cold := &recounting{maintained(t), 5}
	if done := mend(t, cold); len(done) != 2 || done[0][:9] != "recounted" {
		t.Error(done)
	}
	if left, _ := faults(t, cold); len(left) > 0 {
		t.Error(left)
	}
}

func TestMend_StopsWhereTheDatabaseFails(t *testing.T) {
	cold := maintained(t)
	damage(t, cold, "s", "a", 2)
	var list []store.Fault
	if _, err := store.Check(t.Context(), cold, func(f store.Fault) { list = append(list, f) }, nil); err != nil {
		t.Fatal(err)
	}
	cold.Fail(errDisk)
	if err := store.Mend(t.Context(), cold, list, func(store.Fault, store.Remedy) {}); !errors.Is(err, errDisk) {
		t.Error(err)
	}
}
