package outbound

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/ws"
)

const eventSensorBatch = "sensor_batch"

// A fragment is what one message adds to the sensor_batch of any viewer: for
// each of its attributes one size byte and the id, four bytes of size, and the
// items as JSON with commas between them. It is encoded once and shared; each
// viewer's frame is put together from fragments by copying.

// encodeFragment is the encoding of a message as a fragment.
func encodeFragment(m *sensocto.Message) []byte {
	if d, ok := m.Payload.(*digest); ok {
		return d.appendFragment(make([]byte, 0, d.size()))
	}
	ms := m.Payload.(*sensocto.Batch).Measurements
	dst := make([]byte, 0, 64*len(ms)+32)
	for i := range ms {
		if !seenBefore(ms, i) {
			dst = appendFragmentPart(dst, ms[i:], ms[i].AttributeID)
		}
	}
	return dst
}

func seenBefore(ms []sensocto.Measurement, i int) bool {
	for j := i - 1; j >= 0; j-- {
		if ms[j].AttributeID == ms[i].AttributeID {
			return true
		}
	}
	return false
}

func appendFragmentPart(dst []byte, ms []sensocto.Measurement, id string) []byte {
	dst = append(append(dst, byte(len(id))), id...)
	size := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for i := range ms {
		if ms[i].AttributeID != id {
			continue
		}
		if len(dst) > size+4 {
			dst = append(dst, ',')
		}
		dst = ms[i].Sample.AppendJSON(dst)
	}
	binary.LittleEndian.PutUint32(dst[size:], uint32(len(dst)-size-4))
	return dst
}

// cutFragment returns the first attribute of a fragment, and the rest.
func cutFragment(b []byte) (id, items, rest []byte) {
	n := 1 + int(b[0])
	size := int(binary.LittleEndian.Uint32(b[n:]))
	return b[1:n], b[n+4 : n+4+size], b[n+4+size:]
}

// batchFrame is what surrounds the sensors in a viewer's sensor_batch frames.
type batchFrame struct{ head, tail []byte }

func newBatchFrame(v phx.Version, joinRef phx.Ref, topic string) *batchFrame {
	// A zero byte cannot occur in JSON, so it marks where the payload goes.
	whole := phx.AppendPush(nil, v, joinRef, nil, topic, eventSensorBatch, []byte{0})
	head, tail, _ := bytes.Cut(whole, []byte{0})
	return &batchFrame{
		head: slices.Concat(head, []byte(`{"batch":{`)),
		tail: slices.Concat([]byte(`}`), tail),
	}
}

// batchComposer puts fragments together into one sensor_batch per viewer
// channel. Sensors and attributes are in the order of their first sample.
type batchComposer struct {
	sensors []sensorPart
}

type sensorPart struct {
	feed   *Feed
	lists  []listPart
	lagged int64
}

type listPart struct {
	id     []byte
	pieces [][]byte
}

// add adds a fragment.
func (c *batchComposer) add(it item) {
	s := c.sensor(it.feed)
	if it.digest != nil {
		s.lagged += it.digest.lagged
	}
	for rest := it.frame; len(rest) > 0; {
		var id, items []byte
		id, items, rest = cutFragment(rest)
		l := s.list(id)
		l.pieces = append(l.pieces, items)
	}
}

// sensor returns the sensor's part. Which one it is stands in the feed
// itself, where only the writer, of which there is one, looks at it.
func (c *batchComposer) sensor(w *Feed) *sensorPart {
	if w.slot < len(c.sensors) && c.sensors[w.slot].feed == w {
		return &c.sensors[w.slot]
	}
	w.slot = len(c.sensors)
	if w.slot < cap(c.sensors) {
		c.sensors = c.sensors[:w.slot+1]
	} else {
		c.sensors = append(c.sensors, sensorPart{})
	}
	s := &c.sensors[w.slot]
	s.feed, s.lists, s.lagged = w, s.lists[:0], 0
	return s
}

func (s *sensorPart) list(id []byte) *listPart {
	for i := range s.lists {
		if string(s.lists[i].id) == string(id) {
			return &s.lists[i]
		}
	}
	n := len(s.lists)
	if n < cap(s.lists) {
		s.lists = s.lists[:n+1]
	} else {
		s.lists = append(s.lists, listPart{})
	}
	l := &s.lists[n]
	l.id, l.pieces = id, l.pieces[:0]
	return l
}

// appendFrames appends a frame per channel, forgets all, and returns how many
// frames that were.
func (c *batchComposer) appendFrames(dst []byte) ([]byte, int) {
	frames := 0
	for i := range c.sensors {
		if ch := c.sensors[i].feed; ch != nil {
			dst = c.appendFrame(dst, ch.ch, i)
			frames++
		}
	}
	c.sensors = c.sensors[:0]
	return dst, frames
}

// appendFrame appends the frame of a channel whose first sensor is at index i.
func (c *batchComposer) appendFrame(dst []byte, ch *Channel, i int) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, ws.MaxHeader)...)
	dst = append(dst, ch.batch.head...)
	var lagged int64
	for first := true; i < len(c.sensors); i++ {
		s := &c.sensors[i]
		if s.feed == nil || s.feed.ch != ch {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = s.appendJSON(dst)
		lagged += s.lagged
		s.feed = nil
	}
	dst = append(dst, '}')
	if lagged > 0 {
		dst = strconv.AppendInt(append(dst, `,"lagged":`...), lagged, 10)
	}
	dst = append(dst, ch.batch.tail...)
	return sealInside(dst, start)
}

func (s *sensorPart) appendJSON(dst []byte) []byte {
	dst = append(jsonscan.AppendString(dst, s.feed.sensorID), ":{"...)
	for i := range s.lists {
		l := &s.lists[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), l.id...), `":[`...)
		for j, piece := range l.pieces {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, piece...)
		}
		dst = append(dst, ']')
		clear(l.pieces) // shared bytes are not kept from the collector
	}
	return append(dst, '}')
}

// sealInside completes the text frame whose payload begins at
// dst[start+maxHeader], moving it against its header.
func sealInside(dst []byte, start int) []byte {
	payload := dst[start+ws.MaxHeader:]
	header := ws.AppendHeader(dst[start:start], ws.OpText, len(payload))
	n := copy(dst[start+len(header):], payload)
	return dst[:start+len(header)+n]
}
