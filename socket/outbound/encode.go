package outbound

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/socket/ws"
	"github.com/sensocto/sensocto/wire"
)

// The encodings that a message is shared in. Each is made once per message, by
// the first subscriber that needs it.
const (
	encodingV1 sensocto.Encoding = iota
	encodingV2
	encodingBinary
	encodingReceiverV1
	encodingReceiverV2
	encodingReceiverBinary
	encodingFragment
	encodings
)

// EventMeasurements is the event of binary columns.
const EventMeasurements = "measurements"

// encoded returns the message's shared bytes: whole WebSocket frames, or a
// fragment of a sensor_batch.
func (h *Hub) encoded(m *sensocto.Message, e sensocto.Encoding) []byte {
	return m.Encoded(e, h.encoders[e])
}

// countedEncoder returns an encoder that counts what it does. It is made once:
// making it for each message would allocate for each viewer.
func (h *Hub) countedEncoder(e sensocto.Encoding) func(*sensocto.Message) []byte {
	encode := encoderOf(e)
	return func(m *sensocto.Message) []byte {
		h.count.encodings.Add(1)
		return encode(m)
	}
}

func encoderOf(e sensocto.Encoding) func(*sensocto.Message) []byte {
	switch e {
	case encodingV1:
		return encodeV1
	case encodingBinary:
		return encodeBinary
	case encodingReceiverV1:
		return encodeReceiverV1
	case encodingReceiverV2:
		return encodeReceiverV2
	case encodingReceiverBinary:
		return encodeReceiverBinary
	case encodingFragment:
		return encodeFragment
	}
	return encodeV2
}

// dataEncoding chooses the encoding of a channel that gets measurements. V1
// knows no binary frames.
func dataEncoding(v phx.Version, binary, receiver bool) sensocto.Encoding {
	e := encodingV1
	switch {
	case v == phx.V2 && binary:
		e = encodingBinary
	case v == phx.V2:
		e = encodingV2
	}
	if receiver {
		e += encodingReceiverV1
	}
	return e
}

// textEncoding is the encoding of events that are no measurements.
func textEncoding(v phx.Version) sensocto.Encoding {
	if v == phx.V1 {
		return encodingV1
	}
	return encodingV2
}

func encodeV1(m *sensocto.Message) []byte { return encodeText(m, phx.V1, m.Topic) }
func encodeV2(m *sensocto.Message) []byte { return encodeText(m, phx.V2, m.Topic) }

func encodeBinary(m *sensocto.Message) []byte { return encodeColumns(m, m.Topic) }

func encodeReceiverV1(m *sensocto.Message) []byte {
	return encodeText(m, phx.V1, receiverTopic(m))
}
func encodeReceiverV2(m *sensocto.Message) []byte {
	return encodeText(m, phx.V2, receiverTopic(m))
}
func encodeReceiverBinary(m *sensocto.Message) []byte {
	return encodeColumns(m, receiverTopic(m))
}

func receiverTopic(m *sensocto.Message) string {
	return sensocto.TopicPrefixSensor + strings.TrimPrefix(m.Topic, sensocto.TopicPrefixData)
}

// encodeText returns the message as one text frame: a broadcast.
func encodeText(m *sensocto.Message, v phx.Version, topic string) []byte {
	frame := ws.Reserve(sizeOf(m) + len(topic) + len(m.Event) + 64)
	return ws.Seal(ws.OpText, phx.AppendBroadcast(frame, v, topic, m.Event, func(dst []byte) []byte { return appendPayload(dst, m) }))
}

// sizeOf estimates the size of a payload.
func sizeOf(m *sensocto.Message) int {
	if d, ok := m.Payload.(*digest); ok {
		return d.size()
	}
	b, ok := m.Payload.(*sensocto.Batch)
	if !ok {
		return 1024
	}
	size := 64 + len(b.SensorID)
	for i := range b.Measurements {
		size += 80 + len(b.Measurements[i].AttributeID) + len(b.Measurements[i].Document)
	}
	return size
}

func appendPayload(dst []byte, m *sensocto.Message) []byte {
	switch p := m.Payload.(type) {
	case *sensocto.Batch:
		if m.Event == sensocto.EventMeasurement && len(p.Measurements) == 1 {
			return wire.AppendMeasurement(dst, p.SensorID, &p.Measurements[0], 0)
		}
		return wire.AppendBatch(dst, p.SensorID, p.Measurements, 0)
	case *digest:
		return p.appendBatch(dst)
	case sensocto.Sensor:
		if m.Event == sensocto.EventNewState {
			return append(AppendJSON(append(dst, `{"sensor":`...), Tidy(p)), '}')
		}
		return AppendJSON(dst, Tidy(p))
	case sensocto.SensorListUpdate:
		return AppendJSON(dst, tidyUpdate(p))
	}
	return AppendJSON(dst, m.Payload)
}

// AppendJSON appends v as JSON. What is published always has a JSON form; an
// exception would be a fault of the program, which a panic reports.
func AppendJSON(dst []byte, v any) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // six bytes for one: names must not grow
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return append(dst, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...)
}

// Tidy makes sure that lists are lists on the wire, never null.
func Tidy(s sensocto.Sensor) sensocto.Sensor {
	if s.Attributes == nil {
		s.Attributes = []sensocto.Attribute{}
	}
	return s
}

func tidyAll(sensors []sensocto.Sensor) []sensocto.Sensor {
	list := make([]sensocto.Sensor, len(sensors))
	for i, s := range sensors {
		list[i] = Tidy(s)
	}
	return list
}

func tidyUpdate(u sensocto.SensorListUpdate) sensocto.SensorListUpdate {
	u.Added, u.Changed = tidyAll(u.Added), tidyAll(u.Changed)
	if u.Removed == nil {
		u.Removed = []string{}
	}
	return u
}

// encodeColumns returns numbers as a binary frame, and documents, which columns
// cannot carry, as a text frame behind it. Buckets are text too, and what comes
// with them.
func encodeColumns(m *sensocto.Message, topic string) []byte {
	b, _ := m.Payload.(*sensocto.Batch)
	if d, merged := m.Payload.(*digest); merged {
		var numbers bool
		if b, numbers = d.batch(); !numbers {
			return encodeText(m, phx.V2, topic)
		}
	}
	var frames []byte
	if columns, ok := wire.AppendBatchColumns(nil, wire.Header{}, b.Measurements); ok {
		frame, err := phx.AppendBinaryBroadcast(ws.Reserve(len(columns)+len(topic)+32), topic, EventMeasurements, columns)
		if err != nil {
			return encodeText(m, phx.V2, topic)
		}
		frames = ws.Seal(ws.OpBinary, frame)
	} else if !wire.HasDocuments(b.Measurements) {
		return encodeText(m, phx.V2, topic) // more than one frame can carry
	}
	if documents := documentsOf(b); documents != nil {
		rest := &sensocto.Message{Topic: m.Topic, Event: sensocto.EventMeasurementsBatch, Payload: documents}
		frames = append(frames, encodeText(rest, phx.V2, topic)...)
	}
	return frames
}

// documentsOf returns what is not a number, nil where all is.
func documentsOf(b *sensocto.Batch) *sensocto.Batch {
	var documents *sensocto.Batch
	for i := range b.Measurements {
		if !b.Measurements[i].IsDocument() {
			continue
		}
		if documents == nil {
			documents = &sensocto.Batch{SensorID: b.SensorID}
		}
		documents.Measurements = append(documents.Measurements, b.Measurements[i])
	}
	return documents
}
