package socket

import (
	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/wire"
)

// Bounds of what is kept for a connection that does not take bytes.
const (
	maxBuckets = 64   // per attribute, while there are few attributes
	minBuckets = 2    // per attribute, however many there are
	allBuckets = 4096 // for all attributes together, as long as minBuckets allows
)

// thinner holds measurements for a connection that cannot keep up: numbers
// merged into buckets, of documents the newest per attribute. It is bounded:
// when an attribute has all its buckets, neighbours are merged pairwise, so
// the whole time since the overflow stays visible, only coarser.
type thinner struct {
	srv      *Server
	series   map[seriesKey]*thinSeries
	order    []*thinSeries
	samples  int // taken since the last frame
	docBytes int
}

// seriesKey names a series as a channel sees it.
type seriesKey struct {
	ch                    *channel
	sensorID, attributeID string
}

type thinSeries struct {
	key     seriesKey
	buckets []sensocto.Bucket
	span    int64 // how many samples make a bucket full
	doc     *sensocto.Sample
	taken   int64 // samples
}

func newThinner(srv *Server) *thinner {
	return &thinner{srv: srv, series: make(map[seriesKey]*thinSeries)}
}

// add merges the measurements of an item. It reports false when so many
// attributes have documents that even the newest are too much.
func (t *thinner) add(it item) bool {
	var s *thinSeries
	for i := range it.batch.Measurements {
		m := &it.batch.Measurements[i]
		if s == nil || s.key.attributeID != m.AttributeID {
			s = t.find(seriesKey{it.ch, it.batch.SensorID, m.AttributeID})
		}
		s.taken++
		t.samples++
		if !m.IsDocument() {
			s.add(m.Timestamp, m.Value, t.bucketsEach())
			continue
		}
		if s.doc != nil {
			t.docBytes -= len(s.doc.Document)
		}
		s.doc = &sensocto.Sample{Timestamp: m.Timestamp, Document: m.Document} // a copy: the batch may go
		t.docBytes += len(m.Document)
	}
	return t.docBytes <= 4*t.srv.limits.QueueBytes && len(t.order)*minBuckets <= 4*allBuckets
}

func (t *thinner) bucketsEach() int {
	return min(maxBuckets, max(minBuckets, allBuckets/len(t.order)))
}

func (t *thinner) find(key seriesKey) *thinSeries {
	s := t.series[key]
	if s == nil {
		s = &thinSeries{key: key, span: 1}
		t.series[key] = s
		t.order = append(t.order, s)
	}
	return s
}

func (s *thinSeries) add(timestamp int64, v float64, limit int) {
	n := len(s.buckets)
	if n > 0 && s.buckets[n-1].Count < s.span {
		s.buckets[n-1].Add(timestamp, v)
		return
	}
	for len(s.buckets) >= limit {
		s.halve()
	}
	if n = len(s.buckets); n > 0 && s.buckets[n-1].Count < s.span {
		s.buckets[n-1].Add(timestamp, v)
		return
	}
	var b sensocto.Bucket
	b.Add(timestamp, v)
	s.buckets = append(s.buckets, b)
}

// halve merges neighbours.
func (s *thinSeries) halve() {
	s.span *= 2
	n := 0
	for i := 0; i < len(s.buckets); i += 2 {
		b := s.buckets[i]
		if i+1 < len(s.buckets) {
			b.Merge(s.buckets[i+1])
		}
		s.buckets[n] = b
		n++
	}
	s.buckets = s.buckets[:n]
}

// lagged returns how many samples are not sent one by one.
func (s *thinSeries) lagged() int64 {
	n := s.taken
	for _, b := range s.buckets {
		if b.Count == 1 {
			n--
		}
	}
	if s.doc != nil {
		n--
	}
	return n
}

// dropEnded forgets channels that are over: their viewers left.
func (t *thinner) dropEnded() {
	kept := t.order[:0]
	for _, s := range t.order {
		if s.key.ch.ended {
			t.srv.count.droppedClosing.Add(uint64(s.taken))
			continue
		}
		kept = append(kept, s)
	}
	t.order = kept
}

// appendFrames appends one frame per channel. V2 pushes carry the join ref:
// they are for this viewer alone.
func (t *thinner) appendFrames(dst []byte, v phx.Version, stats *loadStats) []byte {
	for len(t.order) > 0 {
		ch := t.order[0].key.ch
		var own, others []*thinSeries
		var lagged int64
		for _, s := range t.order {
			if s.key.ch != ch {
				others = append(others, s)
				continue
			}
			own = append(own, s)
			lagged += s.lagged()
			stats.measurements += int(s.taken - s.lagged())
		}
		t.order = others
		event, topic, payload := thinnedPayload(ch, own, lagged)
		frame := phx.AppendPush(nil, v, ch.joinRef, nil, topic, event, payload)
		dst = appendFrame(dst, opText, frame)
		stats.frames++
		stats.merged += int(lagged)
	}
	return dst
}

func thinnedPayload(ch *channel, own []*thinSeries, lagged int64) (event, topic string, payload []byte) {
	if ch.family == familyViewer {
		return eventSensorBatch, ch.topic, thinnedSensorBatch(own, lagged)
	}
	return sensocto.EventMeasurementsBatch, ch.topic, thinnedBatch(own, lagged)
}

func thinnedBatch(own []*thinSeries, lagged int64) []byte {
	dst := wire.AppendBatchHead(nil, own[0].key.sensorID, lagged)
	first := true
	comma := func() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
	}
	for _, s := range own {
		for _, b := range s.buckets {
			comma()
			if b.Count > 1 {
				dst = wire.AppendBucketItem(dst, s.key.attributeID, b)
			} else {
				dst = wire.AppendItem(dst, s.measurement(b))
			}
		}
		if s.doc != nil {
			comma()
			dst = wire.AppendItem(dst, &sensocto.Measurement{AttributeID: s.key.attributeID, Sample: *s.doc})
		}
	}
	return wire.AppendBatchTail(dst)
}

func thinnedSensorBatch(own []*thinSeries, lagged int64) []byte {
	var batch wire.SensorBatch
	for _, s := range own {
		for _, b := range s.buckets {
			if b.Count > 1 {
				batch.AddBucket(s.key.sensorID, s.key.attributeID, b)
			} else {
				batch.Add(s.key.sensorID, s.measurement(b))
			}
		}
		if s.doc != nil {
			batch.Add(s.key.sensorID, &sensocto.Measurement{AttributeID: s.key.attributeID, Sample: *s.doc})
		}
	}
	return batch.Append(nil, lagged)
}

// measurement returns the one sample that a bucket is.
func (s *thinSeries) measurement(b sensocto.Bucket) *sensocto.Measurement {
	return &sensocto.Measurement{AttributeID: s.key.attributeID, Sample: sensocto.Sample{Timestamp: b.From, Value: b.First}}
}
