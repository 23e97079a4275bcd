package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/phx"
	"github.com/sensocto/sensocto/wire"
)

// clock is the time at which the tests' measurements arrive.
func clock() time.Time { return time.UnixMilli(1_700_000_100_000) }

func newDecoder() *wire.Decoder { return wire.NewDecoder(wire.Options{Now: clock}) }

// ecg returns n measurements as a device with a 512 Hz sensor sends them.
func ecg(n int) []sensocto.Measurement {
	ms := make([]sensocto.Measurement, n)
	for i := range ms {
		ms[i] = sensocto.Measurement{AttributeID: "ecg", Sample: sensocto.Sample{
			Timestamp: wire.RegularTime(1_700_000_000_000_000, uint64(i), 512),
			Value:     float64(i*37%400-200) / 200,
		}}
	}
	return ms
}

func batchFrame(n int) []byte {
	return phx.AppendMessage(nil, phx.V2, phx.NewRef("3"), phx.NewRef("17"), "sensocto:sensor:s1", "measurements_batch", wire.AppendMeasurements(nil, ecg(n)))
}

// BenchmarkDecodeFrame reads a V2 frame of 20 measurements, envelope and all.
func BenchmarkDecodeFrame(b *testing.B) {
	text := batchFrame(20)
	d, batch := newDecoder(), &sensocto.Batch{}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		batch.Measurements = batch.Measurements[:0]
		f, err := phx.Decode(phx.V2, text)
		if err != nil {
			b.Fatal(err)
		}
		if r, err := d.Batch(batch, f.Payload); err != nil || r.Accepted != 20 {
			b.Fatal(r, err)
		}
	}
}

// BenchmarkDecodeAcknowledged is the same with a name, as the event measurements.
func BenchmarkDecodeAcknowledged(b *testing.B) {
	payload := wire.AppendAcknowledged(nil, wire.Stream{ID: [16]byte{1, 2, 3}, Seq: 12345}, ecg(20))
	text := phx.AppendMessage(nil, phx.V2, phx.NewRef("3"), phx.NewRef("17"), "sensocto:sensor:s1", "measurements", payload)
	d, batch := newDecoder(), &sensocto.Batch{}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		batch.Measurements = batch.Measurements[:0]
		f, err := phx.Decode(phx.V2, text)
		if err != nil {
			b.Fatal(err)
		}
		if _, r, err := d.Acknowledged(batch, f.Payload); err != nil || r.Accepted != 20 {
			b.Fatal(r, err)
		}
	}
}

// BenchmarkDecodeFrameStandard is the same work as the standard library does it.
func BenchmarkDecodeFrameStandard(b *testing.B) {
	text := batchFrame(20)
	type measurement struct {
		AttributeID string  `json:"attribute_id"`
		Payload     float64 `json:"payload"`
		Timestamp   float64 `json:"timestamp"`
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var parts [5]json.RawMessage
		if err := json.Unmarshal(text, &parts); err != nil {
			b.Fatal(err)
		}
		var topic, event string
		if json.Unmarshal(parts[2], &topic) != nil || json.Unmarshal(parts[3], &event) != nil {
			b.Fatal("bad frame")
		}
		var ms []measurement
		if err := json.Unmarshal(parts[4], &ms); err != nil || len(ms) != 20 {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeBatch(b *testing.B) {
	ms, dst := ecg(20), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.AppendBatch(dst[:0], "s1", ms, 0)
	}
}

func BenchmarkEncodeBatchNoisy(b *testing.B) {
	ms, dst := ecg(20), []byte(nil)
	for i := range ms {
		ms[i].Value /= 3
	}
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.AppendBatch(dst[:0], "s1", ms, 0)
	}
}

func BenchmarkEncodeColumns(b *testing.B) {
	ms, dst := ecg(512), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = wire.AppendBatchColumns(dst[:0], wire.Header{}, ms)
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkDecodeColumns(b *testing.B) {
	raw := make([]int16, 512)
	for i := range raw {
		raw[i] = int16(i*37%400 - 200)
	}
	body, err := wire.AppendColumns(nil, wire.Header{}, wire.Column{AttributeID: "ecg", Origin: 1_700_000_000_000_000, Rate: 512, Int16: raw, Gain: 200})
	if err != nil {
		b.Fatal(err)
	}
	d, batch := newDecoder(), &sensocto.Batch{}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		batch.Measurements = batch.Measurements[:0]
		if _, r, err := d.Columns(batch, body); err != nil || r.Accepted != 512 {
			b.Fatal(r, err)
		}
	}
}
