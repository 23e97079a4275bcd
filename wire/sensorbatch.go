package wire

import (
	"strconv"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
)

// SensorBatch gathers samples of several sensors for one event "sensor_batch".
// Sensors and attributes are in the order of their first sample, samples in the
// order in which they were added. The zero value is empty and ready; Reset keeps
// the memory. It is not safe for concurrent use.
type SensorBatch struct {
	lists []sampleList
	last  int // where the last sample went
	size  int
	count int
}

// sampleList is the items of one attribute, encoded, with commas between them.
type sampleList struct {
	sensorID, attributeID string
	items                 []byte
}

// Add adds a sample.
func (s *SensorBatch) Add(sensorID string, m *sensocto.Measurement) {
	l := s.list(sensorID, m.AttributeID)
	s.size -= len(l.items)
	l.items = m.Sample.AppendJSON(l.separated())
	s.size += len(l.items)
}

// AddBucket adds a bucket that stands for merged samples.
func (s *SensorBatch) AddBucket(sensorID, attributeID string, b sensocto.Bucket) {
	l := s.list(sensorID, attributeID)
	s.size -= len(l.items)
	l.items = append(b.AppendFields(append(l.separated(), '{')), '}')
	s.size += len(l.items)
}

func (l *sampleList) separated() []byte {
	if len(l.items) > 0 {
		return append(l.items, ',')
	}
	return l.items
}

// list finds or makes the list of an attribute. Lists of one sensor stand
// together.
func (s *SensorBatch) list(sensorID, attributeID string) *sampleList {
	s.count++
	if s.last < len(s.lists) {
		if l := &s.lists[s.last]; l.sensorID == sensorID && l.attributeID == attributeID {
			return l
		}
	}
	at := len(s.lists)
	for i := range s.lists {
		if s.lists[i].sensorID != sensorID {
			continue
		}
		at = i + 1
		if s.lists[i].attributeID == attributeID {
			s.last = i
			return &s.lists[i]
		}
	}
	s.insert(at, sensorID, attributeID)
	s.size += len(sensorID) + len(attributeID) + len(`"":{"":[]},`)
	s.last = at
	return &s.lists[at]
}

// insert makes room at a place, using the memory of a list from before Reset.
func (s *SensorBatch) insert(at int, sensorID, attributeID string) {
	n := len(s.lists)
	if n < cap(s.lists) {
		s.lists = s.lists[:n+1]
	} else {
		s.lists = append(s.lists, sampleList{})
	}
	items := s.lists[n].items[:0]
	copy(s.lists[at+1:], s.lists[at:n])
	s.lists[at] = sampleList{sensorID: sensorID, attributeID: attributeID, items: items}
}

// Len returns the number of samples and buckets.
func (s *SensorBatch) Len() int { return s.count }

// Size returns about how many bytes Append will append.
func (s *SensorBatch) Size() int { return s.size + len(`{"batch":{}}`) }

// Reset empties the batch.
func (s *SensorBatch) Reset() { s.lists, s.last, s.size, s.count = s.lists[:0], 0, 0, 0 }

// Append appends the payload {"batch":{sensor_id:{attribute_id:[…]}}}, and lagged
// where it is not 0.
func (s *SensorBatch) Append(dst []byte, lagged int64) []byte {
	dst = append(dst, `{"batch":{`...)
	for i := range s.lists {
		l := &s.lists[i]
		switch {
		case i == 0:
			dst = append(jsonscan.AppendString(dst, l.sensorID), ":{"...)
		case s.lists[i-1].sensorID != l.sensorID:
			dst = append(jsonscan.AppendString(append(dst, "},"...), l.sensorID), ":{"...)
		default:
			dst = append(dst, ',')
		}
		dst = append(jsonscan.AppendString(dst, l.attributeID), ":["...)
		dst = append(append(dst, l.items...), ']')
	}
	if len(s.lists) > 0 {
		dst = append(dst, '}')
	}
	dst = append(dst, '}')
	if lagged != 0 {
		dst = strconv.AppendInt(append(dst, `,"lagged":`...), lagged, 10)
	}
	return append(dst, '}')
}
