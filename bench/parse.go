package bench

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// span is samples with consecutive numbers.
type span struct {
	first, end int64
	merged     bool // one bucket stood for them
}

// arrival is what one frame brought of one sensor, in its order.
type arrival struct {
	spans  []span
	lagged int64 // samples that the server says it did not send one by one
}

var (
	keyPayload   = []byte(`"payload":`)
	keyTimestamp = []byte(`"timestamp":`)
	keyCount     = []byte(`"count":`)
	keyLagged    = []byte(`"lagged":`)

	errNotASample = errors.New("a value that no device sent")
)

// add appends one sample, to the last span where it continues it.
func (a *arrival) add(seq int64) {
	if n := len(a.spans); n > 0 && !a.spans[n-1].merged && a.spans[n-1].end == seq {
		a.spans[n-1].end++
		return
	}
	a.spans = append(a.spans, span{first: seq, end: seq + 1})
}

// parseJSON reads the payload of measurement or measurements_batch. It looks
// for the keys it needs only; that the rest is JSON is for others to test.
func (a *arrival) parseJSON(payload []byte, c clock) error {
	a.spans, a.lagged = a.spans[:0], 0
	if i := bytes.Index(payload, keyLagged); i >= 0 {
		a.lagged, _ = scanDecimal(payload[i+len(keyLagged):], 0)
	}
	if bytes.Contains(payload, keyCount) {
		return a.parseBuckets(payload, c)
	}
	for rest := payload; ; {
		i := bytes.Index(rest, keyPayload)
		if i < 0 {
			return nil
		}
		value, n := scanDecimal(rest[i+len(keyPayload):], 3)
		rest = rest[i+len(keyPayload)+n:]
		j := bytes.Index(rest, keyTimestamp)
		if j < 0 || n == 0 {
			return fmt.Errorf("unexpected measurement in %.200q", payload)
		}
		micros, n := scanDecimal(rest[j+len(keyTimestamp):], 3)
		rest = rest[j+len(keyTimestamp)+n:]
		if err := a.checked(value-firstValue, micros, c); err != nil {
			return err
		}
	}
}

// checked adds a sample whose time must be the one its device gave it.
func (a *arrival) checked(seq, micros int64, c clock) error {
	if seq < 0 || seq > maxSeq {
		return errNotASample
	}
	if want := c.micros(seq); micros != want {
		return fmt.Errorf("sample %d came with the time %d µs instead of %d", seq, micros, want)
	}
	a.add(seq)
	return nil
}

// parseBuckets reads a batch in which buckets stand for merged samples.
func (a *arrival) parseBuckets(payload []byte, c clock) error {
	var batch struct {
		Measurements []struct {
			Payload         *float64
			Timestamp       float64
			Min, Max, Count float64
		}
	}
	if err := json.Unmarshal(payload, &batch); err != nil {
		return fmt.Errorf("read buckets: %w", err)
	}
	for _, m := range batch.Measurements {
		if m.Payload != nil {
			if err := a.checked(valueSeq(*m.Payload), int64(math.Round(m.Timestamp*1000)), c); err != nil {
				return err
			}
			continue
		}
		s := span{first: valueSeq(m.Min), end: valueSeq(m.Max) + 1, merged: true}
		if s.end-s.first != int64(m.Count) {
			return fmt.Errorf("a bucket of %v samples covers %d", m.Count, s.end-s.first)
		}
		a.spans = append(a.spans, s)
	}
	return nil
}

func valueSeq(v float64) int64 { return int64(math.Round(v*valueGain)) - firstValue }

// scanDecimal reads a non-negative decimal number, scaled by ten to the power
// of decimals, and returns how many bytes it took. More decimals are ignored;
// 0 bytes mean that there is no number.
func scanDecimal(p []byte, decimals int) (v int64, n int) {
	for n < len(p) && p[n]-'0' < 10 {
		v = v*10 + int64(p[n]-'0')
		n++
	}
	if n > 0 && n < len(p) && p[n] == '.' {
		for n++; n < len(p) && p[n]-'0' < 10; n++ {
			if decimals > 0 {
				v = v*10 + int64(p[n]-'0')
				decimals--
			}
		}
	}
	for ; decimals > 0; decimals-- {
		v *= 10
	}
	return v, n
}

var errColumns = errors.New("measurements that are not in the binary layout")

// parseBinary reads the payload of a binary measurements event: the columns of
// docs/protocol.md, version 1.
func (a *arrival) parseBinary(p []byte, c clock) error {
	a.spans, a.lagged = a.spans[:0], 0
	if len(p) < 4 || p[0] != 1 {
		return errColumns
	}
	flags := p[1]
	p = p[2:]
	if flags&1 != 0 {
		p = p[min(24, len(p)):]
	}
	if flags&2 != 0 && len(p) >= 4 {
		a.lagged = int64(binary.LittleEndian.Uint32(p))
		p = p[4:]
	}
	if len(p) < 2 {
		return errColumns
	}
	columns := binary.LittleEndian.Uint16(p)
	p = p[2:]
	for range columns {
		n, err := a.parseColumn(p, c)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// parseColumn reads one column and returns its length.
func (a *arrival) parseColumn(p []byte, c clock) (int, error) {
	if len(p) < 1 || len(p) < int(p[0])+7 {
		return 0, errColumns
	}
	at := 1 + int(p[0])
	regular, kind, count := p[at] == 0, p[at+1], int(binary.LittleEndian.Uint32(p[at+2:]))
	at += 6
	var times, values int
	var width int
	if times, at = at, at+24; !regular {
		at = times + 8 + 4*count
	}
	gain, baseline := 1.0, 0.0
	if kind == 0 || kind == 3 {
		if len(p) < at+16 {
			return 0, errColumns
		}
		baseline = math.Float64frombits(binary.LittleEndian.Uint64(p[at:]))
		gain = math.Float64frombits(binary.LittleEndian.Uint64(p[at+8:]))
		at += 16
	}
	values, width = at, [4]int{2, 4, 8, 4}[kind&3]
	if at += width * count; len(p) < at {
		return 0, errColumns
	}
	t := columnTimes(p[times:], regular)
	for i := range count {
		seq := valueSeq((columnValue(p[values+i*width:], kind) - baseline) / gain)
		if err := a.checked(seq, t(i), c); err != nil {
			return 0, err
		}
	}
	return at, nil
}

func columnTimes(p []byte, regular bool) func(i int) int64 {
	start := int64(binary.LittleEndian.Uint64(p))
	if regular {
		first := int64(binary.LittleEndian.Uint64(p[8:]))
		c := clock{start: start, rate: math.Float64frombits(binary.LittleEndian.Uint64(p[16:]))}
		return func(i int) int64 { return c.micros(first + int64(i)) }
	}
	return func(i int) int64 {
		start += int64(int32(binary.LittleEndian.Uint32(p[8+4*i:])))
		return start
	}
}

func columnValue(p []byte, kind byte) float64 {
	switch kind {
	case 0:
		return float64(int16(binary.LittleEndian.Uint16(p)))
	case 1:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
	case 2:
		return math.Float64frombits(binary.LittleEndian.Uint64(p))
	default:
		return float64(int32(binary.LittleEndian.Uint32(p)))
	}
}

// message is a frame in full, for everything that does not come often.
type message struct {
	ref, topic, event string
	payload           json.RawMessage
	binary            bool
}

// decodeText reads a V2 text frame.
func decodeText(p []byte) (message, error) {
	var parts [5]json.RawMessage
	if err := json.Unmarshal(p, &parts); err != nil {
		return message{}, fmt.Errorf("frame %.200q: %w", p, err)
	}
	m := message{payload: parts[4]}
	err := errors.Join(json.Unmarshal(parts[2], &m.topic), json.Unmarshal(parts[3], &m.event))
	if string(parts[1]) != "null" {
		m.ref, _ = strconv.Unquote(string(parts[1]))
	}
	return m, err
}

// decodeBinary reads a V2 binary frame: push, reply or broadcast.
func decodeBinary(p []byte) (message, error) {
	if len(p) < 5 {
		return message{}, fmt.Errorf("binary frame %x is too short", p)
	}
	lengths := map[byte]int{0: 3, 1: 4, 2: 2}[p[0]]
	if lengths == 0 {
		return message{}, fmt.Errorf("binary frame of unknown kind %d", p[0])
	}
	var parts [4]string
	at := 1 + lengths
	for i, n := range p[1 : 1+lengths] {
		if at+int(n) > len(p) {
			return message{}, fmt.Errorf("binary frame %.40x is too short", p)
		}
		parts[i], at = string(p[at:at+int(n)]), at+int(n)
	}
	m := message{binary: true, payload: p[at:]}
	switch p[0] {
	case 0:
		m.topic, m.event = parts[1], parts[2]
	case 1:
		m.ref, m.topic, m.event = parts[1], parts[2], "phx_reply"
	case 2:
		m.topic, m.event = parts[0], parts[1]
	}
	return m, nil
}
