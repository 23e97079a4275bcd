package store_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/bytestreamsplit"
	"github.com/parquet-go/parquet-go/encoding/delta"

	"github.com/sensocto/sensocto/sim"
	"github.com/sensocto/sensocto/store"
)

// encoding is a way to write samples that the store's own is compared with.
type encoding interface {
	encode(dst []byte, cols *store.Columns) []byte
	decode(data []byte, cols *store.Columns) error
}

func encodings() map[string]encoding {
	return map[string]encoding{
		"sensocto": own{store.NewCodec()},
		"gorilla":  gorilla{},
		"varint":   newVarintZstd(),
		"parquet":  newParquetPage(),
		"raw":      newRawZstd(),
	}
}

type own struct{ *store.Codec }

func (o own) encode(dst []byte, cols *store.Columns) []byte { return o.Append(dst, cols) }

func (o own) decode(data []byte, cols *store.Columns) error { return o.Decode(data, cols) }

// zstandard compresses what other encodings make.
type zstandard struct {
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	work []byte
}

func newZstandard() zstandard {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return zstandard{enc: enc, dec: dec}
}

// rawZstd is both columns as they are in memory, compressed.
type rawZstd struct{ zstandard }

func newRawZstd() *rawZstd { return &rawZstd{newZstandard()} }

func (z *rawZstd) encode(dst []byte, cols *store.Columns) []byte {
	z.work = z.work[:0]
	for _, t := range cols.Times {
		z.work = binary.LittleEndian.AppendUint64(z.work, uint64(t))
	}
	for _, v := range cols.Values {
		z.work = binary.LittleEndian.AppendUint64(z.work, math.Float64bits(v))
	}
	return z.enc.EncodeAll(z.work, dst)
}

func (z *rawZstd) decode(data []byte, cols *store.Columns) (err error) {
	cols.Reset()
	z.work, err = z.dec.DecodeAll(data, z.work[:0])
	half := len(z.work) / 2
	for i := 0; i < half; i += 8 {
		cols.Times = append(cols.Times, int64(binary.LittleEndian.Uint64(z.work[i:])))
		cols.Values = append(cols.Values, math.Float64frombits(binary.LittleEndian.Uint64(z.work[half+i:])))
	}
	return err
}

// varintZstd is the differences of the times as varints, and the bits of the
// values, each less those of the one before, so as well; compressed.
type varintZstd struct{ zstandard }

func newVarintZstd() *varintZstd { return &varintZstd{newZstandard()} }

func (z *varintZstd) encode(dst []byte, cols *store.Columns) []byte {
	z.work = z.work[:0]
	last := int64(0)
	for _, t := range cols.Times {
		z.work, last = binary.AppendVarint(z.work, t-last), t
	}
	last = 0
	for _, v := range cols.Values {
		bits := int64(math.Float64bits(v))
		z.work, last = binary.AppendVarint(z.work, bits-last), bits
	}
	return z.enc.EncodeAll(z.work, binary.AppendUvarint(dst, uint64(len(cols.Times))))
}

func (z *varintZstd) decode(data []byte, cols *store.Columns) (err error) {
	n, size := binary.Uvarint(data)
	cols.Reset()
	if z.work, err = z.dec.DecodeAll(data[max(size, 0):], z.work[:0]); err != nil {
		return err
	}
	rest, last := z.work, int64(0)
	next := func() int64 {
		d, size := binary.Varint(rest)
		rest = rest[max(size, 0):]
		last += d
		return last
	}
	for range n {
		cols.Times = append(cols.Times, next())
	}
	last = 0
	for range n {
		cols.Values = append(cols.Values, math.Float64frombits(uint64(next())))
	}
	return nil
}

// parquetPage is what a Parquet file has in its pages with the encodings made
// for such columns: DELTA_BINARY_PACKED times and BYTE_STREAM_SPLIT values,
// both compressed.
type parquetPage struct {
	zstandard
	times delta.BinaryPackedEncoding
	split bytestreamsplit.Encoding
	page  []byte
}

func newParquetPage() *parquetPage { return &parquetPage{zstandard: newZstandard()} }

func (p *parquetPage) encode(dst []byte, cols *store.Columns) []byte {
	var err error
	if p.page, err = p.times.EncodeInt64(p.page[:0], cols.Times); err != nil {
		panic(err)
	}
	p.work = p.enc.EncodeAll(p.page, p.work[:0])
	dst = append(binary.AppendUvarint(dst, uint64(len(p.work))), p.work...)
	if p.page, err = p.split.EncodeDouble(p.page[:0], cols.Values); err != nil {
		panic(err)
	}
	return p.enc.EncodeAll(p.page, dst)
}

func (p *parquetPage) decode(data []byte, cols *store.Columns) (err error) {
	n, size := binary.Uvarint(data)
	times := data[size : size+int(n)]
	if p.page, err = p.dec.DecodeAll(times, p.page[:0]); err != nil {
		return err
	}
	if cols.Times, err = p.times.DecodeInt64(cols.Times[:0], p.page); err != nil {
		return err
	}
	if p.page, err = p.dec.DecodeAll(data[size+int(n):], p.page[:0]); err != nil {
		return err
	}
	cols.Values, err = p.split.DecodeDouble(cols.Values[:0], p.page)
	return err
}

// encodedSignals are what encodings are compared with: sixteen chunks each.
func encodedSignals(t testing.TB) map[string]*store.Columns {
	const n = 16 * store.ChunkSamples
	all := record100(t)
	random := &store.Columns{Times: regular(n, 512, 1)}
	r := rand.New(rand.NewPCG(5, 6))
	for i := range random.Times {
		random.Times[i] += r.Int64N(400) // a clock that trembles
		random.Values = append(random.Values, math.Round(r.NormFloat64()*1000)/1000)
	}
	return map[string]*store.Columns{
		"record100": {Times: all.Times[:n], Values: all.Values[:n]},
		"simulated": simulatedECG(t, n),
		"noise":     random,
	}
}

// simulatedECG is what `sensocto simulate` sends with noise: float32, R wave 1 mV.
func simulatedECG(t testing.TB, n int) *store.Columns {
	device, err := sim.New(sim.Options{Seed: 1, Rate: 512, Noise: 0.01, Float32: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range device.Signals {
		if s.Type == "ecg" {
			values := make([]float64, n)
			s.Fill(values)
			return &store.Columns{Times: regular(n, 512, 1), Values: values}
		}
	}
	t.Fatal("no ECG")
	return nil
}

// eachChunk calls f with pieces of the size of chunks.
func eachChunk(all *store.Columns, f func(*store.Columns)) {
	for i := 0; i+store.ChunkSamples <= len(all.Times); i += store.ChunkSamples {
		f(&store.Columns{Times: all.Times[i : i+store.ChunkSamples], Values: all.Values[i : i+store.ChunkSamples]})
	}
}

// The encodings that the store's is compared with are what they claim to be:
// lossless. The store's own is smaller than any of them.
func TestEncodings(t *testing.T) {
	for signal, all := range encodedSignals(t) {
		sizes := make(map[string]int)
		for name, e := range encodings() {
			eachChunk(all, func(cols *store.Columns) {
				data := e.encode(nil, cols)
				sizes[name] += len(data)
				var got store.Columns
				if err := e.decode(data, &got); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				requireSame(t, cols, &got)
			})
		}
		for name, size := range sizes {
			t.Logf("%s %s: %.2f bytes a sample", signal, name, float64(size)/float64(len(all.Times)))
			if size < sizes["sensocto"] {
				t.Errorf("%s: %s takes %d bytes, the store %d", signal, name, size, sizes["sensocto"])
			}
		}
		limit := map[string]float64{"record100": 1.0, "simulated": 3.6, "noise": 16}[signal]
		if size := float64(sizes["sensocto"]) / float64(len(all.Times)); size > limit {
			t.Errorf("%s: %.2f bytes a sample, want at most %v", signal, size, limit)
		}
	}
}

// BenchmarkEncodings compares the store's encoding with known ones, a chunk at
// a time; a sample counts as 16 B.
func BenchmarkEncodings(b *testing.B) {
	for signal, all := range encodedSignals(b) {
		for name, e := range encodings() {
			b.Run(signal+"/"+name, func(b *testing.B) { benchmarkEncoding(b, e, all) })
		}
	}
}

func benchmarkEncoding(b *testing.B, e encoding, all *store.Columns) {
	var pieces []*store.Columns
	var data [][]byte
	bytes := 0
	eachChunk(all, func(cols *store.Columns) {
		pieces, data = append(pieces, cols), append(data, e.encode(nil, cols))
		bytes += len(data[len(data)-1])
	})
	report := func(b *testing.B) {
		b.SetBytes(int64(len(all.Times)) * 16)
		b.ReportMetric(float64(bytes)/float64(len(all.Times)), "B/sample")
	}
	b.Run("encode", func(b *testing.B) {
		defer report(b) // the loop forgets what was reported before it
		for buf := []byte(nil); b.Loop(); {
			for _, cols := range pieces {
				buf = e.encode(buf[:0], cols)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		defer report(b)
		for got := (store.Columns{}); b.Loop(); {
			for _, d := range data {
				if err := e.decode(d, &got); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
