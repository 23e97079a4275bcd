package wire

import (
	"encoding/binary"
	"math"

	"github.com/sensocto/sensocto"
)

// AppendBatchColumns appends the numeric samples of a batch as binary
// measurements: a column for each attribute, in the order of their first samples,
// each in the smallest form that loses nothing. Documents, which columns cannot
// carry, are left out: see HasDocuments. ok is false, and dst as it was, where
// the batch has no numeric samples or too many.
func AppendBatchColumns(dst []byte, h Header, ms []sensocto.Measurement) (out []byte, ok bool) {
	if len(ms) > MaxColumnSamples {
		return dst, false
	}
	out, countAt := appendHeader(dst, h)
	columns := 0
	var seen attributeSet
	for i := range ms {
		if ms[i].IsDocument() || !seen.add(ms[i].AttributeID) {
			continue
		}
		for from := i; from >= 0; columns++ {
			out, from = appendRun(out, ms, from)
		}
	}
	if columns == 0 || columns > math.MaxUint16 {
		return dst, false
	}
	binary.LittleEndian.PutUint16(out[countAt:], uint16(columns))
	return out, true
}

// HasDocuments reports whether any of the measurements is a document.
func HasDocuments(ms []sensocto.Measurement) bool {
	for i := range ms {
		if ms[i].IsDocument() {
			return true
		}
	}
	return false
}

// appendRun appends the column of the attribute of ms[from]. next is the index
// of its first sample that is too far in time for this column, -1 where all are in.
func appendRun(dst []byte, ms []sensocto.Measurement, from int) (out []byte, next int) {
	id := ms[from].AttributeID
	run := measureRun(ms, from)
	dst = appendColumnHead(dst, id, TimesExplicit, run.form, run.count)
	previous := ms[from].Timestamp
	dst = binary.LittleEndian.AppendUint64(dst, uint64(previous))
	for i := from; i < run.end; i++ {
		if m := &ms[i]; !m.IsDocument() && m.AttributeID == id {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(m.Timestamp-previous)))
			previous = m.Timestamp
		}
	}
	for i := from; i < run.end; i++ {
		if m := &ms[i]; !m.IsDocument() && m.AttributeID == id {
			if run.form == ValuesFloat32 {
				dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(m.Value)))
			} else {
				dst = appendFloat(dst, m.Value)
			}
		}
	}
	return dst, run.next
}

// run is the samples ms[from:end] of one attribute that fit into one column.
type run struct {
	end, next, count int
	form             ValueForm
}

func measureRun(ms []sensocto.Measurement, from int) run {
	r := run{end: len(ms), next: -1, form: ValuesFloat32}
	previous := ms[from].Timestamp
	for i := from; i < len(ms); i++ {
		m := &ms[i]
		if m.IsDocument() || m.AttributeID != ms[from].AttributeID {
			continue
		}
		if !fitsDelta(m.Timestamp - previous) {
			r.end, r.next = i, i
			return r
		}
		if !fitsFloat32(m.Value) {
			r.form = ValuesFloat64
		}
		previous = m.Timestamp
		r.count++
	}
	return r
}

// fitsFloat32 reports whether v is a float32, to the bit: −0 is.
func fitsFloat32(v float64) bool {
	return math.Float64bits(float64(float32(v))) == math.Float64bits(v)
}

// attributeSet remembers attribute ids: a few without allocating, many in a map.
type attributeSet struct {
	few  [16]string
	n    int
	many map[string]struct{}
}

// add reports whether id is new.
func (s *attributeSet) add(id string) bool {
	for _, known := range s.few[:s.n] {
		if known == id {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = id
		s.n++
		return true
	}
	if _, ok := s.many[id]; ok {
		return false
	}
	if s.many == nil {
		s.many = make(map[string]struct{})
	}
	s.many[id] = struct{}{}
	return true
}
