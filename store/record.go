package store

import (
	"encoding/binary"
	"math"

	"github.com/sensocto/sensocto"
)

// Kinds of journal records (docs/storage.md).
const (
	recordBatch   = 1
	recordCleanup = 2
)

// batchRecord is a batch as the journal has it.
type batchRecord struct {
	sensorID []byte   // a part of the record
	epoch    uint64   // of the sensor: another one after each clean-up
	stream   [16]byte // with streamSeq, as in sensocto.Batch
	seq      uint64
	minute   int64 // Unix time when it came
	runs     reader
	count    int // of runs
}

// appendBatchHead begins the record of a batch.
func appendBatchHead(dst []byte, sensorID string, epoch uint64) []byte {
	dst = append(dst, recordBatch)
	dst = binary.LittleEndian.AppendUint64(dst, epoch)
	return appendString(dst, sensorID)
}

// appendCleanup appends the record of a clean-up. It does not name the sensor:
// nothing of it is to be left.
func appendCleanup(dst []byte, epoch uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, recordCleanup), epoch)
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendStream appends which batch it is and when it came.
func appendStream(dst []byte, b *sensocto.Batch, minute int64) []byte {
	dst = binary.AppendUvarint(dst, uint64(minute))
	dst = binary.AppendUvarint(dst, b.StreamSeq)
	if b.StreamSeq > 0 {
		dst = append(dst, b.Stream[:]...)
	}
	return dst
}

// appendRun appends measurements of one attribute, the first of which has the
// number first.
func appendRun(dst []byte, run []sensocto.Measurement, first int64) []byte {
	dst = appendString(dst, run[0].AttributeID)
	dst = binary.AppendUvarint(dst, uint64(first))
	dst = binary.AppendUvarint(dst, uint64(len(run)))
	before, documents := int64(0), uint64(0)
	for i := range run {
		dst = binary.AppendVarint(dst, run[i].Timestamp-before)
		before = run[i].Timestamp
	}
	for i := range run {
		v := run[i].Value
		if run[i].Document != nil {
			v = math.NaN()
			documents++
		}
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	}
	dst = binary.AppendUvarint(dst, documents)
	for i := range run {
		if text := run[i].Document; text != nil {
			dst = binary.AppendUvarint(dst, uint64(i))
			dst = binary.AppendUvarint(dst, uint64(len(text)))
			dst = append(dst, text...)
		}
	}
	return dst
}

// string takes a text of at most a limit.
func (r *reader) string(limit int) string { return string(r.bytes(r.count(limit))) }

const longestID = 1 << 10 // of a sensor or an attribute, with room to spare

// parseRecord reads a record but for its runs.
func parseRecord(record []byte) (kind byte, b batchRecord, err error) {
	r := reader{rest: record}
	kind = r.byte()
	b.epoch = r.uint64()
	switch kind {
	case recordCleanup:
	case recordBatch:
		b.sensorID = r.bytes(r.count(longestID))
		b.minute = int64(r.uvarint())
		if b.seq = r.uvarint(); b.seq > 0 {
			copy(b.stream[:], r.bytes(len(b.stream)))
		}
		b.count = r.count(len(record))
	default:
		r.fail("record of kind %d", kind)
	}
	b.runs = r
	return kind, b, r.err
}

// run reads the next run into cols, whose documents are parts of the record.
func (b *batchRecord) run(cols *Columns) (attributeID string, first int64, err error) {
	cols.Reset()
	r := &b.runs
	attributeID = r.string(longestID)
	first = int64(r.uvarint())
	n := r.count(len(r.rest))
	cols.Times, cols.Values = resize(cols.Times, n), resize(cols.Values, n)
	before := int64(0)
	for i := range cols.Times {
		before += r.varint()
		cols.Times[i] = before
	}
	for i := range cols.Values {
		cols.Values[i] = math.Float64frombits(r.uint64())
	}
	for range r.count(n) {
		index := r.count(n - 1)
		cols.Documents = append(cols.Documents, Document{Index: index, Text: r.bytes(r.count(len(r.rest)))})
	}
	return attributeID, first, r.err
}

// runBounds reads the next run as far as its numbers. The attribute is a part
// of the record.
func (b *batchRecord) runBounds() (attributeID []byte, end int64, err error) {
	r := &b.runs
	attributeID = r.bytes(r.count(longestID))
	end = int64(r.uvarint())
	n := r.count(len(r.rest))
	r.skipVarints(n)
	r.bytes(8 * n)
	for range r.count(n) {
		r.count(n - 1)
		r.bytes(r.count(len(r.rest)))
	}
	return attributeID, end + int64(n), r.err
}
