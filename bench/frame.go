package bench

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	maxSensors = 100_000 // ids have five digits

	attributeID = "ecg"
	// The value of sample n is (firstValue + n) / 1000: always five digits, a
	// point and three decimals, as a measured quantity would have, and always
	// distinct, so that a viewer can tell which sample it got.
	firstValue = 10_000_000
	valueGain  = 1000
	maxSeq     = 89_999_999

	zeroValue = "00000.000"
	zeroStamp = "0000000000000.000"
	// zeroSerial is where the number of an acknowledged batch goes.
	zeroSerial = "00000000"

	joinRef = "2" // of the sensor's channel, on every device connection
)

// WebSocket opcodes.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

// clock gives sample n of every sensor its time: start + n/rate, in µs.
type clock struct {
	start int64
	rate  float64
}

func (c clock) micros(seq int64) int64 {
	return c.start + int64(math.Round(float64(seq)*1e6/c.rate))
}

// frames is a burst of prebuilt frames of one sensor. Sending another burst
// means patching digits in place: nothing is formatted, nothing allocated.
type frames struct {
	buf    []byte
	count  int // frames
	size   int // bytes of one
	batch  int // samples in one
	value  int // offset of a frame's first value
	stamp  int // offset of its first timestamp, or of the column's first index
	serial int // offset of the batch's number in its stream; 0 where it has none
	stride int // bytes from one sample to the next
	binary bool
	clock  clock
}

// newFrames builds count frames of the sensor, all samples zero.
func newFrames(sensorID string, count int, cfg Config, clock clock) *frames {
	f := &frames{count: count, batch: cfg.Batch, clock: clock, binary: cfg.Encoding == EncodingBinary}
	var one []byte
	if f.binary {
		one = f.buildBinary(sensorID)
	} else {
		one = f.buildJSON(sensorID, cfg.Acked)
	}
	f.size = len(one)
	for range count {
		f.buf = append(f.buf, one...)
	}
	return f
}

func (f *frames) buildJSON(sensorID string, acked bool) []byte {
	const head, middle, tail = `{"attribute_id":"` + attributeID + `","payload":`, `,"timestamp":`, `}`
	item := head + zeroValue + middle + zeroStamp + tail
	event, open, end := "measurements_batch", "[", "]"
	switch {
	case acked:
		event, open, end = "measurements", `{"stream":"`+streamText(sensorID)+`","seq":`+zeroSerial+`,"measurements":[`, "]}"
	case f.batch == 1:
		event, open, end = "measurement", "", ""
	}
	text := `["` + joinRef + `","m","sensocto:sensor:` + sensorID + `","` + event + `",` + open
	if acked {
		f.serial = strings.Index(text, zeroSerial)
	}
	f.value = len(text) + len(head)
	f.stamp = f.value + len(zeroValue) + len(middle)
	f.stride = len(item) + 1
	for i := range f.batch {
		if i > 0 {
			text += ","
		}
		text += item
	}
	text += end + "]"
	frame := appendClientFrame(nil, opText, text)
	f.value += len(frame) - len(text)
	f.stamp += len(frame) - len(text)
	if acked {
		f.serial += len(frame) - len(text)
	}
	return frame
}

func (f *frames) buildBinary(sensorID string) []byte {
	topic, event := "sensocto:sensor:"+sensorID, "measurements"
	p := []byte{0, byte(len(joinRef)), 1, byte(len(topic)), byte(len(event))}
	p = append(p, joinRef+"m"+topic+event...)
	p = append(p, 1, 1) // version, flags: a stream and the number of the batch
	stream := streamOf(sensorID)
	p = append(p, stream[:]...)
	f.serial = len(p)
	p = binary.LittleEndian.AppendUint64(p, 0)
	p = append(p, 1, 0, byte(len(attributeID))) // one column
	p = append(p, attributeID...)
	p = append(p, 0, 3) // regular times, int32 values
	p = binary.LittleEndian.AppendUint32(p, uint32(f.batch))
	p = binary.LittleEndian.AppendUint64(p, uint64(f.clock.start))
	f.stamp = len(p)
	p = binary.LittleEndian.AppendUint64(p, 0) // index of the first sample
	p = binary.LittleEndian.AppendUint64(p, math.Float64bits(f.clock.rate))
	p = binary.LittleEndian.AppendUint64(p, math.Float64bits(0)) // baseline
	p = binary.LittleEndian.AppendUint64(p, math.Float64bits(valueGain))
	f.value, f.stride = len(p), 4
	p = append(p, make([]byte, 4*f.batch)...)
	frame := appendClientFrame(nil, opBinary, string(p))
	f.value += len(frame) - len(p)
	f.stamp += len(frame) - len(p)
	f.serial += len(frame) - len(p)
	return frame
}

// patch makes the burst carry the samples from seq on.
func (f *frames) patch(seq int64) {
	for i := range f.count {
		frame := f.buf[i*f.size : (i+1)*f.size]
		if number := uint64(seq/int64(f.batch) + 1); f.binary {
			binary.LittleEndian.PutUint64(frame[f.stamp:], uint64(seq))
			binary.LittleEndian.PutUint64(frame[f.serial:], number)
		} else if f.serial > 0 {
			putRight(frame[f.serial:f.serial+len(zeroSerial)], number)
		}
		for s := range f.batch {
			at := s * f.stride
			if f.binary {
				binary.LittleEndian.PutUint32(frame[f.value+at:], uint32(firstValue+seq))
			} else {
				putFixed(frame[f.value+at:], uint64(firstValue+seq), 5)
				putFixed(frame[f.stamp+at:], uint64(f.clock.micros(seq)), 13)
			}
			seq++
		}
	}
}

// streamOf returns the stream of a sensor's device, which has one for ever.
func streamOf(sensorID string) [16]byte {
	sum := sha256.Sum256([]byte(sensorID))
	return [16]byte(sum[:16])
}

// streamText is streamOf as a UUID.
func streamText(sensorID string) string {
	s := streamOf(sensorID)
	return fmt.Sprintf("%x-%x-%x-%x-%x", s[:4], s[4:6], s[6:8], s[8:10], s[10:])
}

// putRight writes n into all of dst, with blanks before it: JSON knows no
// leading zeros.
func putRight(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = ' '
		if n > 0 {
			dst[i] = byte('0' + n%10)
		}
		n /= 10
	}
}

// putFixed writes n / 1000 with three decimals and as many digits before the
// point as told, which n must have.
func putFixed(dst []byte, n uint64, digits int) {
	frac := n % 1000
	n /= 1000
	dst[digits+3] = byte('0' + frac%10)
	dst[digits+2] = byte('0' + frac/10%10)
	dst[digits+1] = byte('0' + frac/100)
	for digits > 1 {
		pair := n % 100 * 2
		n /= 100
		digits -= 2
		dst[digits], dst[digits+1] = digitPairs[pair], digitPairs[pair+1]
	}
	if digits == 1 {
		dst[0] = byte('0' + n%10)
	}
}

const digitPairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// appendClientFrame appends one masked frame. The masking key is zero, so the
// payload stays as it is: a server does the same work for it as for any key.
func appendClientFrame(dst []byte, op byte, payload string) []byte {
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = append(dst, 0x80|126, byte(n>>8), byte(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = append(dst, 0, 0, 0, 0)
	return append(dst, payload...)
}

// appendServerHeader appends the header of an unmasked frame.
func appendServerHeader(dst []byte, op byte, n int) []byte {
	dst = append(dst, 0x80|op)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n < 1<<16:
		return append(dst, 126, byte(n>>8), byte(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
}

// wsFrame is one WebSocket frame inside a buffer.
type wsFrame struct {
	op      byte
	payload []byte // aliases the buffer; unmasked where it was masked
	size    int    // with its header
}

// cutFrame finds the frame at the beginning of data. ok is false where it has
// not arrived completely; need is then how many bytes it takes, if known.
func cutFrame(data []byte) (f wsFrame, need int, ok bool) {
	if len(data) < 2 {
		return f, 2, false
	}
	head, n := 2, int(data[1]&0x7f)
	switch n {
	case 126:
		head = 4
	case 127:
		head = 10
	}
	masked := data[1]&0x80 != 0
	body := head
	if masked {
		body += 4
	}
	if len(data) < body {
		return f, body, false
	}
	switch head {
	case 4:
		n = int(binary.BigEndian.Uint16(data[2:]))
	case 10:
		n = int(binary.BigEndian.Uint64(data[2:]))
	}
	if len(data) < body+n {
		return f, body + n, false
	}
	f = wsFrame{op: data[0], payload: data[body : body+n], size: body + n}
	if masked {
		unmask(data[head:body], f.payload)
	}
	return f, f.size, true
}

func unmask(key, payload []byte) {
	if binary.LittleEndian.Uint32(key) == 0 {
		return
	}
	for i := range payload {
		payload[i] ^= key[i&3]
	}
}

// Text frames that are not sent often enough to be prebuilt.

func joinFrame(ref, topic, params string) []byte {
	return textFrame(ref, ref, topic, "phx_join", params)
}

func textFrame(join, ref, topic, event, payload string) []byte {
	joined := "null"
	if join != "" {
		joined = strconv.Quote(join)
	}
	text := fmt.Sprintf(`[%s,%q,%q,%q,%s]`, joined, ref, topic, event, payload)
	return appendClientFrame(nil, opText, text)
}
