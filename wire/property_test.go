package wire_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/wire"
)

// measurements draws batches with few attributes and values of every kind.
func measurements(documents bool) *rapid.Generator[[]sensocto.Measurement] {
	number := rapid.OneOf(
		rapid.Float64().Filter(func(v float64) bool { return v-v == 0 }),
		rapid.Map(rapid.IntRange(-100_000, 100_000), func(n int) float64 { return float64(n) / 1000 }),
		rapid.Map(rapid.Float32(), func(v float32) float64 { return float64(v) }).Filter(func(v float64) bool { return v-v == 0 }),
	)
	timestamp := rapid.OneOf(rapid.Int64Range(sensocto.MinTimestamp, clock().UnixMicro()), rapid.Int64Range(origin, origin+5000))
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) sensocto.Measurement {
		m := numeric(rapid.SampledFrom([]string{"ecg", "hr", "x-1"}).Draw(t, "id"), timestamp.Draw(t, "timestamp"), number.Draw(t, "value"))
		if documents && rapid.Bool().Draw(t, "document") {
			m.Document = []byte(rapid.SampledFrom([]string{`true`, `null`, `{"a":[1,"é"]}`, `"x\ny"`, `[]`}).Draw(t, "json"))
			m.Value = 0
		}
		return m
	}))
}

func TestJSON_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := measurements(true).Draw(t, "measurements")
		b := &sensocto.Batch{}
		r, err := newDecoder().Batch(b, wire.AppendMeasurements(nil, ms))
		if err != nil || r.Failed > 0 {
			t.Fatal(r, err)
		}
		if diff := cmp.Diff(bitsOf(ms), bitsOf(b.Measurements)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestColumns_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := measurements(false).Draw(t, "measurements")
		body, ok := wire.AppendBatchColumns(nil, wire.Header{}, ms)
		if ok != (len(ms) > 0) {
			t.Fatalf("ok is %v for %d measurements", ok, len(ms))
		}
		if !ok {
			return
		}
		b := &sensocto.Batch{}
		if _, r, err := newDecoder().Columns(b, body); err != nil || r.Accepted != len(ms) {
			t.Fatal(r, err)
		}
		// Order is kept within an attribute, and attributes come by their first sample.
		if diff := cmp.Diff(bitsOf(byAttribute(ms)), bitsOf(b.Measurements)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func byAttribute(ms []sensocto.Measurement) (sorted []sensocto.Measurement) {
	seen := map[string]bool{}
	for _, first := range ms {
		if seen[first.AttributeID] {
			continue
		}
		seen[first.AttributeID] = true
		for _, m := range ms {
			if m.AttributeID == first.AttributeID {
				sorted = append(sorted, m)
			}
		}
	}
	return sorted
}

func TestAppendBatchColumns_SmallestForm(t *testing.T) {
	ms := []sensocto.Measurement{numeric("f32", origin, 0.5), numeric("f64", origin, 0.1), numeric("f32", origin+1, math.Copysign(0, -1))}
	ms = append(ms, sensocto.Measurement{AttributeID: "f32", Sample: sensocto.Sample{Timestamp: origin, Document: []byte("{}")}})
	body, ok := wire.AppendBatchColumns(nil, wire.Header{Lagged: 1}, ms)
	if want := 2 + 4 + 2 + (4 + 6 + 8 + 2*4 + 2*4) + (4 + 6 + 8 + 4 + 8); !ok || len(body) != want {
		t.Errorf("%d bytes, want %d", len(body), want)
	}
	if !wire.HasDocuments(ms) || wire.HasDocuments(ms[:3]) {
		t.Error("HasDocuments")
	}
	if got, ok := wire.AppendBatchColumns([]byte("kept"), wire.Header{}, ms[3:]); ok || string(got) != "kept" {
		t.Errorf("documents alone became %q", got)
	}
}

func TestAppendBatchColumns_ManyAttributes(t *testing.T) {
	var ms []sensocto.Measurement
	for i := range 200 {
		ms = append(ms, numeric(fmt.Sprintf("a%d", i%50), origin+int64(i), float64(i)))
	}
	body, _ := wire.AppendBatchColumns(nil, wire.Header{}, ms)
	b := &sensocto.Batch{}
	if _, r, err := newDecoder().Columns(b, body); err != nil || r.Accepted != len(ms) {
		t.Fatal(r, err)
	}
	if diff := cmp.Diff(bitsOf(byAttribute(ms)), bitsOf(b.Measurements)); diff != "" {
		t.Error(diff)
	}
}

func FuzzColumns(f *testing.F) {
	for _, g := range readGolden[goldenColumns](f, "../testdata/columns.json") {
		f.Add(mustHex(f, g.Hex))
	}
	for _, g := range readGolden[badColumns](f, "../testdata/columns_malformed.json") {
		f.Add(mustHex(f, g.Hex))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := &sensocto.Batch{}
		_, r, err := newDecoder().Columns(b, body)
		if len(b.Measurements) != r.Accepted || err != nil && r.Accepted != 0 {
			t.Fatal(r, err)
		}
		if len(b.Measurements) > len(body)/2 {
			t.Fatalf("%d samples of %d bytes", len(b.Measurements), len(body))
		}
		again, ok := wire.AppendBatchColumns(nil, wire.Header{}, b.Measurements)
		if !ok {
			return
		}
		c := &sensocto.Batch{}
		if _, r, err := newDecoder().Columns(c, again); err != nil || r.Failed > 0 {
			t.Fatal(r, err)
		}
		if diff := cmp.Diff(bitsOf(byAttribute(b.Measurements)), bitsOf(c.Measurements)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestViewerPayloads(t *testing.T) {
	ms := []sensocto.Measurement{numeric("ecg", origin, -0.145), numeric("ecg", origin+500, 2), numeric("hr", origin, 60)}
	ms[2].Sample = sensocto.Sample{Timestamp: origin, Document: []byte(`{"bpm":60}`)}
	bucket := sensocto.Bucket{}
	bucket.Add(origin, 1)
	bucket.Add(origin+1000, 3)
	merged := `"min":1,"max":3,"mean":2,"first":1,"last":3,"count":2,"from":1700000000000,"to":1700000000001`
	head := wire.AppendBatchHead(nil, "s1", 9)
	head = append(wire.AppendBucketItem(head, "ecg", bucket), ',')

	var sb wire.SensorBatch
	for range 2 {
		sb.Reset()
		sb.Add("s1", &ms[0])
		sb.Add("s2", &ms[0])
		sb.Add("s1", &ms[2])
		sb.AddBucket("s1", "ecg", bucket)
		sb.Add("s2", &ms[1])
	}
	for got, want := range map[string]string{
		string(wire.AppendMeasurement(nil, "s1", &ms[0], 0)):                           `{"sensor_id":"s1","attribute_id":"ecg","payload":-0.145,"timestamp":1700000000000}`,
		string(wire.AppendMeasurement(nil, "s1", &ms[1], 3)):                           `{"sensor_id":"s1","lagged":3,"attribute_id":"ecg","payload":2,"timestamp":1700000000000.5}`,
		string(wire.AppendBatch(nil, "s1", nil, 0)):                                    `{"sensor_id":"s1","measurements":[]}`,
		string(wire.AppendBatch(nil, "s1", ms[1:], 0)):                                 `{"sensor_id":"s1","measurements":[{"attribute_id":"ecg","payload":2,"timestamp":1700000000000.5},{"attribute_id":"hr","payload":{"bpm":60},"timestamp":1700000000000}]}`,
		string(wire.AppendBatchTail(wire.AppendItem(head, &ms[0]))):                    `{"sensor_id":"s1","lagged":9,"measurements":[{"attribute_id":"ecg",` + merged + `},{"attribute_id":"ecg","payload":-0.145,"timestamp":1700000000000}]}`,
		string(wire.AppendSamples(nil, []sensocto.Sample{ms[0].Sample, ms[2].Sample})): `[{"payload":-0.145,"timestamp":1700000000000},{"payload":{"bpm":60},"timestamp":1700000000000}]`,
		string(sb.Append(nil, 2)):                                                      `{"batch":{"s1":{"ecg":[{"payload":-0.145,"timestamp":1700000000000},{` + merged + `}],"hr":[{"payload":{"bpm":60},"timestamp":1700000000000}]},"s2":{"ecg":[{"payload":-0.145,"timestamp":1700000000000},{"payload":2,"timestamp":1700000000000.5}]}},"lagged":2}`,
		string(new(wire.SensorBatch).Append(nil, 0)):                                   `{"batch":{}}`,
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("not JSON: %s", got)
		}
	}
	if sb.Len() != 5 || sb.Size() < len(sb.Append(nil, 0)) {
		t.Errorf("Len %d, Size %d of %d", sb.Len(), sb.Size(), len(sb.Append(nil, 0)))
	}
}

func TestParseStreamID(t *testing.T) {
	id, err := wire.ParseStreamID(strings.ToUpper(streamID))
	if err != nil || (wire.Stream{ID: id}).String() != streamID {
		t.Errorf("%x, %v", id, err)
	}
	for _, text := range []string{"", streamID[1:], streamID + "0", strings.Replace(streamID, "-", "0", 1), strings.Replace(streamID, "a", "g", 1)} {
		if _, err := wire.ParseStreamID(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestAppendAcknowledged_RoundTrip(t *testing.T) {
	id, _ := wire.ParseStreamID(streamID)
	want := wire.Stream{ID: id, Seq: math.MaxUint64}
	b := &sensocto.Batch{}
	got, r, err := newDecoder().Acknowledged(b, wire.AppendAcknowledged(nil, want, ecg(3)))
	if err != nil || got != want || r.Accepted != 3 || len(b.Measurements) != 3 {
		t.Errorf("%+v, %+v, %v", got, r, err)
	}
}
