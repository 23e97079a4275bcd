package outbound

import "github.com/sensocto/sensocto"

// digest is measurements of one sensor, merged: of each attribute, in order of
// arrival, buckets of numbers and the newest document. It is what a window
// makes of the samples that came in it, and what is kept of those that a
// connection could not take. Nothing is left out of its counts: every number is
// in exactly one bucket, a bucket of one being the sample itself.
//
// A digest that was sealed is shared, and never changed again.
type digest struct {
	sensorID string
	level    sensocto.AttentionLevel // of those who get it
	cell     int64                   // numbers of one cell in time (µs) share a bucket; 0 for none
	series   []series
	last     int // the series that the last measurement was of

	// part numbers the part that is being filled. Nothing is merged across
	// parts, so that a viewer who comes later can be given the later ones.
	part uint32

	samples  int64 // samples
	windowed int64 // of them, those that a window had merged before
	lagged   int64 // samples that are not there one by one; known once sealed
	docBytes int
}

// series is one attribute of a digest.
type series struct {
	attributeID string
	entries     []entry
	start       int64 // of the cell of the last entry
	span        int64 // a bucket with fewer samples takes more
}

// entry is a bucket of numbers, or a document with how many it stands for.
type entry struct {
	sensocto.Bucket
	document []byte
	part     uint32
}

func (e *entry) single() bool { return e.document != nil || e.Count == 1 }

// measurement returns the one sample that an entry is.
func (e *entry) measurement(attributeID string) *sensocto.Measurement {
	return &sensocto.Measurement{AttributeID: attributeID, Sample: sensocto.Sample{Timestamp: e.From, Value: e.First, Document: e.document}}
}

// add takes a batch; no attribute gets more than about limit entries.
func (d *digest) add(b *sensocto.Batch, limit int) {
	for i := range b.Measurements {
		m := &b.Measurements[i]
		s := d.find(m.AttributeID)
		if m.IsDocument() {
			d.document(s, entry{Bucket: sensocto.Bucket{Count: 1, From: m.Timestamp, To: m.Timestamp}, document: m.Document})
			continue
		}
		s.number(m.Timestamp, m.Value, d.cell, d.part, limit)
	}
	d.samples += int64(len(b.Measurements))
}

// merge takes what another digest holds, which follows.
func (d *digest) merge(next *digest, limit int) {
	for i := range next.series {
		s := d.find(next.series[i].attributeID)
		for _, e := range next.series[i].entries {
			if e.document != nil {
				d.document(s, e)
				continue
			}
			s.bucket(e.Bucket, d.part, limit)
		}
	}
	d.samples += next.samples
	d.windowed += next.lagged
}

// find returns the attribute's series. Attributes come again in the order in
// which they came before.
func (d *digest) find(id string) *series {
	n := len(d.series)
	for i := range n {
		at := d.last + i
		if at >= n {
			at -= n
		}
		if d.series[at].attributeID == id {
			d.last = at
			return &d.series[at]
		}
	}
	d.series = append(d.series, series{attributeID: id, span: 1})
	d.last = n
	return &d.series[n]
}

// number takes one sample.
func (s *series) number(timestamp int64, v float64, cell int64, part uint32, limit int) {
	if n := len(s.entries); n > 0 {
		last := &s.entries[n-1]
		same := uint64(timestamp-s.start) < uint64(cell) // also where cell is 0
		if last.part == part && last.document == nil && (same || last.Count < s.span) {
			last.Add(timestamp, v)
			return
		}
	}
	if cell > 0 {
		s.start = timestamp - timestamp%cell
	}
	s.append(entry{Bucket: sensocto.Bucket{Count: 1, Min: v, Max: v, Sum: v, First: v, Last: v, From: timestamp, To: timestamp}, part: part}, limit)
}

// bucket takes samples that were merged before.
func (s *series) bucket(b sensocto.Bucket, part uint32, limit int) {
	if n := len(s.entries); n > 0 {
		last := &s.entries[n-1]
		if last.part == part && last.document == nil && last.Count < s.span {
			last.Merge(b)
			return
		}
	}
	s.append(entry{Bucket: b, part: part}, limit)
}

// append makes room by merging neighbours where there are too many entries.
func (s *series) append(e entry, limit int) {
	if len(s.entries) >= limit {
		s.coarsen(limit - 1)
		s.span *= 2
	}
	s.entries = append(s.entries, e)
}

// document replaces the newest document of its part.
func (d *digest) document(s *series, e entry) {
	e.part = d.part
	for i := range s.entries {
		if old := &s.entries[i]; old.document != nil && old.part == e.part {
			e.Count += old.Count
			d.docBytes -= len(old.document)
			s.entries = append(s.entries[:i], s.entries[i+1:]...)
			break
		}
	}
	d.docBytes += len(e.document)
	s.entries = append(s.entries, e)
}

// coarsen merges neighbours pairwise until there are at most n entries, as far
// as parts and documents allow.
func (s *series) coarsen(n int) {
	for len(s.entries) > max(n, 1) {
		before := len(s.entries)
		kept := s.entries[:0]
		for i := 0; i < before; i++ {
			e := s.entries[i]
			if i+1 < before && e.joins(&s.entries[i+1]) {
				i++
				e.Merge(s.entries[i].Bucket)
			}
			kept = append(kept, e)
		}
		s.entries = kept
		if len(kept) == before {
			return
		}
	}
}

func (e *entry) joins(next *entry) bool {
	return e.document == nil && next.document == nil && e.part == next.part
}

// nextPart begins a new part, and returns its number.
func (d *digest) nextPart() uint32 {
	d.part++
	return d.part
}

// since returns what came in the parts from the given one on, sealed, or nil
// where that is nothing. The digest itself goes on.
func (d *digest) since(part uint32) *digest {
	later := &digest{sensorID: d.sensorID, level: d.level}
	for i := range d.series {
		s := series{attributeID: d.series[i].attributeID}
		for _, e := range d.series[i].entries {
			if e.part >= part {
				s.entries = append(s.entries, e)
				later.samples += e.Count
			}
		}
		if len(s.entries) > 0 {
			later.series = append(later.series, s)
		}
	}
	if later.samples == 0 {
		return nil
	}
	return later.seal()
}

// seal counts what is not there one by one.
func (d *digest) seal() *digest {
	d.lagged = d.samples
	for i := range d.series {
		for j := range d.series[i].entries {
			if d.series[i].entries[j].single() {
				d.lagged--
			}
		}
	}
	return d
}

// fit merges further until the digest takes about as many bytes as allowed,
// but keeps an entry of each attribute.
func (d *digest) fit(bytes int) {
	each := max(1, (bytes-d.docBytes-frameBytes)/(bucketBytes*max(1, len(d.series))))
	for i := range d.series {
		d.series[i].coarsen(each)
	}
}

// leastBytes is about how many bytes the digest takes at least.
func (d *digest) leastBytes() int { return frameBytes + d.docBytes + bucketBytes*len(d.series) }

// About what a bucket takes as JSON, and what is around those of a sensor.
const (
	bucketBytes = 200
	frameBytes  = 100
)
