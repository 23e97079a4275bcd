package p2p

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"time"

	"github.com/sensocto/sensocto"
)

// The binary forms in which samples travel between two servers (docs/p2p.md, Live
// sensors). Numbers are little-endian, counts and numbers of samples are varints.

// run is consecutive samples of one attribute, the first of which has the number First.
type run struct {
	AttributeID string
	First       int64
	Samples     []sensocto.Sample
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// appendSamples appends a count, the differences of the timestamps, and the values:
// 8 bytes each, or where there are documents a byte that tells number from document
// before each.
func appendSamples(dst []byte, samples []sensocto.Sample) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(samples)))
	before, mixed := int64(0), byte(0)
	for i := range samples {
		dst = binary.AppendVarint(dst, samples[i].Timestamp-before)
		before = samples[i].Timestamp
		if samples[i].IsDocument() {
			mixed = 1
		}
	}
	dst = append(dst, mixed)
	for i := range samples {
		switch s := &samples[i]; {
		case mixed == 0:
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(s.Value))
		case s.IsDocument():
			dst = append(binary.AppendUvarint(append(dst, 1), uint64(len(s.Document))), s.Document...)
		default:
			dst = binary.LittleEndian.AppendUint64(append(dst, 0), math.Float64bits(s.Value))
		}
	}
	return dst
}

func appendRun(dst []byte, attributeID string, first int64, samples []sensocto.Sample) []byte {
	dst = binary.AppendUvarint(appendText(dst, attributeID), uint64(first))
	return appendSamples(dst, samples)
}

// reader reads such forms. What a peer sends is hostile until proved: after the first
// thing that is wrong it has failed, and returns zero values.
type reader struct {
	rest   []byte
	failed bool
	names  map[string]string // attribute ids that were met, so that each is one string
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.rest, r.failed = nil, true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.failed, n = true, len(r.rest)
	}
	r.rest = r.rest[n:]
}

// number reads a number of a sample, or a count of samples.
func (r *reader) number() int64 {
	v := r.uvarint()
	r.require(v <= maxCount)
	return int64(min(v, maxCount))
}

// count reads how many items of at least a number of bytes follow.
func (r *reader) count(bytes int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/bytes) {
		r.failed, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) text() string { return string(r.bytes(r.uvarint())) }

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) float() float64 {
	if b := r.bytes(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (r *reader) require(ok bool) { r.failed = r.failed || !ok }

// samples reads as many samples as may come at most, whose timestamps and payloads are
// what a device may send.
func (r *reader) samples(now time.Time, most int) []sensocto.Sample {
	n := r.count(minSampleBytes)
	if r.require(n <= most); r.failed {
		return nil
	}
	samples := make([]sensocto.Sample, n)
	at := int64(0)
	for i := range samples {
		at += r.varint()
		samples[i].Timestamp = at
		r.require(sensocto.CheckTimestamp(at, now, maxClockSkew) == nil)
	}
	mixed := r.byte()
	r.require(mixed <= 1)
	for i := range samples {
		if r.failed {
			return nil
		}
		r.payload(&samples[i], mixed == 1)
	}
	return samples
}

// minSampleBytes is what a sample takes at least: a timestamp, and a document of one
// byte behind its kind and length.
const minSampleBytes = 4

// maxClockSkew is how far the clock of another server may be ahead.
const maxClockSkew = 10 * time.Minute

func (r *reader) payload(s *sensocto.Sample, mixed bool) {
	if mixed && r.byte() == 1 {
		text := r.bytes(r.uvarint())
		r.require(len(text) <= sensocto.MaxDocumentBytes && json.Valid(text))
		s.Document = append([]byte{}, text...)
		return
	}
	s.Value = r.float()
	r.require(!math.IsNaN(s.Value) && !math.IsInf(s.Value, 0))
}

func (r *reader) run(now time.Time) run {
	one := run{AttributeID: r.name(), First: r.number()}
	one.Samples = r.samples(now, maxDataFrame/minSampleBytes)
	return one
}

// name reads an attribute id.
func (r *reader) name() string {
	b := r.bytes(r.uvarint())
	if name, ok := r.names[string(b)]; ok {
		return name
	}
	name := string(b)
	r.require(sensocto.ValidAttributeID(name))
	if r.names != nil && !r.failed && len(r.names) < maxNames {
		r.names[name] = name
	}
	return name
}

// maxNames bounds how many attribute ids are remembered.
const maxNames = 4096

// runs reads the body of a data frame.
func (r *reader) runs(now time.Time) (all []run) {
	for len(r.rest) > 0 && !r.failed {
		all = append(all, r.run(now))
	}
	return all
}
