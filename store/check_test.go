package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/store"
	"github.com/sensocto/sensocto/store/storetest"
)

// maintained is a cold tier with samples of two series and rollups of several
// levels.
func maintained(t testing.TB) *storetest.Memory {
	t.Helper()
	cold := storetest.NewMemory()
	s := open(t, cold, store.Options{RollupFan: [sensocto.RollupLevels]int{2, 2, 2, 2}})
	put(t, s, batch("s", "a", 0, 10*store.ChunkSamples+500))
	put(t, s, batch("s", "b", 0, 300))
	for i := range 200 {
		b := batch("s", "b", 300+i, 1)
		b.Measurements[0].Document = fmt.Appendf(nil, "[%d]", i)
		put(t, s, b)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	return cold
}

// faults are what a check finds, in short.
func faults(t testing.TB, cold store.Cold) (list []string, report store.CheckReport) {
	t.Helper()
	report, err := store.Check(t.Context(), cold, func(f store.Fault) {
		list = append(list, fmt.Sprintf("%s %s %d:%d", f.Kind, f.AttributeID, f.Level, f.FirstSeq))
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return list, report
}

// chunkAt returns a copy of a chunk.
func chunkAt(t testing.TB, cold store.Cold, attribute string, level int, first int64) sensocto.Chunk {
	t.Helper()
	var found sensocto.Chunk
	err := cold.ReadChunks(t.Context(), sensocto.ChunkRange{SensorID: "s", AttributeID: attribute, Level: level, FromSeq: first, BeforeSeq: first + 1},
		func(c *sensocto.Chunk) bool {
			found = *c
			found.Data = slices.Clone(c.Data)
			return true
		})
	if err != nil || found.Count == 0 {
		t.Fatalf("no chunk %d of level %d: %v", first, level, err)
	}
	return found
}

func write(t testing.TB, cold store.Cold, chunks ...sensocto.Chunk) {
	t.Helper()
	if err := cold.WriteChunks(t.Context(), chunks); err != nil {
		t.Fatal(err)
	}
}

func TestCheck_FindsNothingInWhatIsWhole(t *testing.T) {
	list, report := faults(t, maintained(t))
	if len(list) > 0 || report.Series != 2 || report.Samples != 10*store.ChunkSamples+1000 || report.Rollups < 7 || report.Unverified != 0 {
		t.Errorf("%v %+v", list, report)
	}
}

func TestCheck_FindsEveryKindOfFault(t *testing.T) {
	const n = store.ChunkSamples
	for _, tc := range []struct {
		name  string
		level int
		first int64
		wound func(*sensocto.Chunk)
		want  []string
	}{
		{"a flipped bit", 0, 2 * n, func(c *sensocto.Chunk) { c.Data[len(c.Data)/2] ^= 1 }, []string{"unreadable a 0:8192"}},
		{"a wrong maximum", 0, 2 * n, func(c *sensocto.Chunk) { c.Numbers.Max++ }, []string{"row a 0:8192"}},
		{"a wrong sum", 0, 2 * n, func(c *sensocto.Chunk) { c.Numbers.Sum *= 1.001 }, []string{"row a 0:8192"}},
		{"wrong times", 0, 2 * n, func(c *sensocto.Chunk) { c.MinTime-- }, []string{"row a 0:8192"}},
		{"a wrong count", 0, 2 * n, func(c *sensocto.Chunk) { c.Count-- }, []string{"row a 0:8192"}},
		{"a rollup with a flipped bit", 1, 2 * n, func(c *sensocto.Chunk) { c.Data[len(c.Data)-1] ^= 1 }, []string{"unreadable a 1:8192"}},
		{"a rollup with a wrong row", 2, 0, func(c *sensocto.Chunk) { c.Numbers.Min-- }, []string{"row a 2:0"}},
		{"a rollup with wrong buckets", 1, 2 * n, wrongBuckets, []string{"rollup a 1:8192"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cold := maintained(t)
			c := chunkAt(t, cold, "a", tc.level, tc.first)
			tc.wound(&c)
			write(t, cold, c)
			list, report := faults(t, cold)
			for _, want := range tc.want {
				if !slices.Contains(list, want) {
					t.Errorf("%v, want %s", list, want)
				}
			}
			if report.Faults != int64(len(list)) {
				t.Errorf("%d faults reported, %d counted", len(list), report.Faults)
			}
		})
	}
}

// wrongBuckets puts a sample's value where it was not.
func wrongBuckets(c *sensocto.Chunk) {
	codec := store.NewCodec()
	var r store.Rollup
	if err := codec.DecodeRollup(c.Data, &r); err != nil {
		panic(err)
	}
	cell := &r.Cells[1]
	cell.Numbers.First, cell.Numbers.Min = cell.Numbers.First+0.5, cell.Numbers.Min+0.5
	c.Data = codec.AppendRollup(nil, &r)
}

func TestCheck_FindsOverlaps(t *testing.T) {
	cold := maintained(t)
	c := chunkAt(t, cold, "b", 0, 0)
	codec, cols := store.NewCodec(), &store.Columns{}
	if err := codec.Decode(c.Data, cols); err != nil {
		t.Fatal(err)
	}
	c.FirstSeq = 100
	write(t, cold, c)
	list, _ := faults(t, cold)
	if !slices.Contains(list, "overlap b 0:100") {
		t.Error(list)
	}
}

func TestCheck_OfADatabaseThatFails(t *testing.T) {
	cold := maintained(t)
	cold.Fail(errDisk)
	if _, err := store.Check(t.Context(), cold, func(store.Fault) {}, nil); err == nil || !strings.Contains(err.Error(), errDisk.Error()) {
		t.Error(err)
	}
}
