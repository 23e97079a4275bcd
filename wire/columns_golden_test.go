package wire_test

import (
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/wire"
)

// goldenColumns is one entry of testdata/columns.json: the bytes of binary
// measurements, what to encode to get them, and what they mean. The tests of
// other languages read the same file.
type goldenColumns struct {
	Name    string         `json:"name"`
	Hex     string         `json:"hex"`
	Stream  string         `json:"stream,omitempty"`
	Seq     uint64         `json:"seq,omitempty"`
	Lagged  uint32         `json:"lagged,omitempty"`
	Columns []goldenColumn `json:"columns"`
}

type goldenColumn struct {
	AttributeID string    `json:"attribute_id"`
	Times       string    `json:"times"` // "regular" or "explicit"
	Origin      int64     `json:"origin,omitempty"`
	First       uint64    `json:"first,omitempty"`
	Rate        float64   `json:"rate,omitempty"`
	Form        string    `json:"form"` // "int16", "int32", "float32" or "float64"
	Baseline    float64   `json:"baseline,omitempty"`
	Gain        float64   `json:"gain,omitempty"`
	Raw         []int32   `json:"raw,omitempty"` // of int16 and int32
	Timestamps  []int64   `json:"timestamps"`    // µs
	Values      []float64 `json:"values"`
}

const origin = 1_700_000_000_000_000

func goldenColumnSets() (names []string, headers []wire.Header, sets [][]wire.Column) {
	add := func(name string, h wire.Header, columns ...wire.Column) {
		names, headers, sets = append(names, name), append(headers, h), append(sets, columns)
	}
	id, _ := wire.ParseStreamID(streamID)
	add("no columns", wire.Header{})
	add("an ECG as raw numbers of its converter", wire.Header{Stream: wire.Stream{ID: id, Seq: 1}},
		wire.Column{AttributeID: "MLII", Origin: origin, Rate: 360, Int16: []int16{995, 995, 1000, -32768, 32767}, Baseline: 1024, Gain: 200},
		wire.Column{AttributeID: "V5", Origin: origin, First: 1_000_000, Rate: 360, Int16: []int16{1011}, Baseline: 1024, Gain: 200})
	add("24 bits", wire.Header{Stream: wire.Stream{ID: id, Seq: math.MaxInt32 + 1}},
		wire.Column{AttributeID: "eeg-1", Origin: origin, Rate: 512, Int32: []int32{-8388608, 8388607, math.MinInt32, math.MaxInt32}, Baseline: -0.5, Gain: 3.3})
	add("explicit times, not in order, in both float forms", wire.Header{Lagged: 7},
		wire.Column{AttributeID: "rr", Timestamps: []int64{origin, origin, origin - 1, origin + math.MaxInt32 - 1}, Float32: []float32{801, -0.5, float32(math.Copysign(0, -1)), 3.4028235e38}},
		wire.Column{AttributeID: "temperature_2", Timestamps: []int64{origin + 999, origin + 1000}, Float64: []float64{36.6, 5e-324}})
	add("times too far apart for one column", wire.Header{},
		wire.Column{AttributeID: "gap", Timestamps: []int64{origin, origin + math.MaxInt32, origin + 2*math.MaxInt32 + 1, origin}, Float64: []float64{0.1, 0.2, 0.3, 0.4}})
	add("a rate that does not divide a second", wire.Header{Stream: wire.Stream{ID: id, Seq: 2}, Lagged: math.MaxUint32},
		wire.Column{AttributeID: strings.Repeat("a", 64), Origin: origin + 1, First: 7, Rate: 256.125, Float32: []float32{1, 2, 3, 4, 5, 6, 7}})
	add("empty columns", wire.Header{},
		wire.Column{AttributeID: "a", Rate: 1, Int16: []int16{}, Gain: 1}, wire.Column{AttributeID: "b", Timestamps: []int64{}})
	return names, headers, sets
}

func TestGoldenColumns(t *testing.T) {
	names, headers, sets := goldenColumnSets()
	var all []goldenColumns
	for i := range sets {
		body, err := wire.AppendColumns(nil, headers[i], sets[i]...)
		if err != nil {
			t.Fatal(names[i], err)
		}
		g := goldenColumns{Name: names[i], Hex: hex.EncodeToString(body), Lagged: headers[i].Lagged, Columns: []goldenColumn{}}
		if s := headers[i].Stream; s.Seq > 0 {
			g.Stream, g.Seq = s.String(), s.Seq
		}
		for _, c := range sets[i] {
			g.Columns = append(g.Columns, golden(c))
		}
		all = append(all, g)
	}
	checkGolden(t, "../testdata/columns.json", all)
}

// golden says what a column means, computed anew.
func golden(c wire.Column) goldenColumn {
	g := goldenColumn{AttributeID: c.AttributeID, Times: "explicit", Form: "float64", Timestamps: c.Timestamps, Values: c.Float64}
	switch {
	case c.Int16 != nil:
		g.Form, g.Baseline, g.Gain = "int16", c.Baseline, c.Gain
		for _, raw := range c.Int16 {
			g.Raw = append(g.Raw, int32(raw))
		}
	case c.Int32 != nil:
		g.Form, g.Baseline, g.Gain, g.Raw = "int32", c.Baseline, c.Gain, c.Int32
	case c.Float32 != nil:
		g.Form, g.Values = "float32", nil
		for _, v := range c.Float32 {
			g.Values = append(g.Values, float64(v))
		}
	}
	for _, raw := range g.Raw {
		g.Values = append(g.Values, (float64(raw)-c.Baseline)/c.Gain)
	}
	if g.Values == nil {
		g.Values = []float64{}
	}
	if c.Timestamps == nil {
		g.Times, g.Origin, g.First, g.Rate, g.Timestamps = "regular", c.Origin, c.First, c.Rate, []int64{}
		for i := range g.Values {
			g.Timestamps = append(g.Timestamps, c.Origin+int64(math.Round(float64(c.First+uint64(i))*1e6/c.Rate)))
		}
	}
	return g
}

func TestGoldenColumns_Decode(t *testing.T) {
	for _, g := range readGolden[goldenColumns](t, "../testdata/columns.json") {
		var want, got []sensocto.Measurement
		for _, c := range g.Columns {
			for i, ts := range c.Timestamps {
				want = append(want, numeric(c.AttributeID, ts, c.Values[i]))
			}
		}
		h, err := wire.ReadColumns(mustHex(t, g.Hex), func(c *wire.EncodedColumn) error {
			for ts, v := range c.All() {
				got = append(got, numeric(string(c.AttributeID), ts, v))
			}
			return nil
		})
		if err != nil || h.Lagged != g.Lagged || h.Stream.Seq != g.Seq || g.Seq > 0 && h.Stream.String() != g.Stream {
			t.Errorf("%s: %+v, %v", g.Name, h, err)
		}
		if diff := cmp.Diff(bitsOf(want), bitsOf(got)); diff != "" {
			t.Errorf("%s: %s", g.Name, diff)
		}
	}
}

func numeric(id string, timestamp int64, v float64) sensocto.Measurement {
	return sensocto.Measurement{AttributeID: id, Sample: sensocto.Sample{Timestamp: timestamp, Value: v}}
}

// exact is a measurement whose value is compared bit for bit.
type exact struct {
	ID        string
	Timestamp int64
	Bits      uint64
	Document  string
}

func bitsOf(ms []sensocto.Measurement) (bits []exact) {
	for _, m := range ms {
		bits = append(bits, exact{m.AttributeID, m.Timestamp, math.Float64bits(m.Value), string(m.Document)})
	}
	return bits
}

// badColumns is one entry of testdata/columns_malformed.json.
type badColumns struct {
	Name   string `json:"name"`
	Hex    string `json:"hex"`
	Reason string `json:"reason"`
}

func badColumnSets() []badColumns {
	const (
		head    = "0100" + "0100"                                              // one column
		column  = "0161" + "0002" + "01000000"                                 // a, regular, float64, one sample
		regular = "00407a1b7f0a0600" + "0000000000000000" + "0000000000005940" // rate 100
		one     = "000000000000f03f"
		inf     = "000000000000f07f"
		nan     = "000000000000f87f"
		max64   = "ffffffffffffff7f"
	)
	const bad, value, id = "invalid_columns", "invalid_payload", "invalid_attribute_id"
	scaled := "0161" + "0000" + "01000000" + regular
	return []badColumns{
		{"empty", "", bad},
		{"version alone", "01", bad},
		{"version 0", "00000000", bad},
		{"version 2", "02000000", bad},
		{"unknown flag", "01040000", bad},
		{"stream cut off", "0101" + strings.Repeat("00", 15), bad},
		{"seq zero", "0101" + strings.Repeat("11", 16) + strings.Repeat("00", 8) + "0000", bad},
		{"lagged cut off", "0102000000", bad},
		{"no column where one is announced", head, bad},
		{"a byte too many", head + column + regular + one + "00", bad},
		{"a byte too few", head + column + regular + one[2:], bad},
		{"id cut off", head + "0561", bad},
		{"no id", head + "00" + "0002" + "01000000" + regular + one, id},
		{"id with a dot", head + "012e" + "0002" + "01000000" + regular + one, id},
		{"unknown form of times", head + "0161" + "0202" + "01000000" + regular + one, bad},
		{"unknown form of values", head + "0161" + "0004" + "01000000" + regular + one, bad},
		{"more samples than bytes", head + "0161" + "0002" + "02000000" + regular + one, bad},
		{"more samples than a frame may have", head + "0161" + "0002" + "ffffffff" + regular + one, bad},
		{"rate zero", head + column + regular[:32] + "0000000000000000" + one, bad},
		{"rate negative", head + column + regular[:32] + "00000000000059c0" + one, bad},
		{"rate not a number", head + column + regular[:32] + nan + one, bad},
		{"rate so small that times overflow", head + column + regular[:16] + "0100000000000000" + "0100000000000000" + one, bad},
		{"origin out of range", head + column + max64 + regular[16:] + one, bad},
		{"first sample out of range", head + column + regular[:16] + max64 + regular[32:] + one, bad},
		{"value infinite", head + column + regular + inf, value},
		{"value not a number", head + column + regular + nan, value},
		{"float32 not a number", head + "0161" + "0001" + "01000000" + regular + "0000c07f", value},
		{"gain zero", head + scaled + "0000000000000000" + "0000000000000000" + "0100", value},
		{"gain not a number", head + scaled + "0000000000000000" + nan + "0100", value},
		{"baseline infinite", head + scaled + inf + one + "0100", value},
		{"gain infinite and baseline too", head + scaled + inf + inf + "0100", value},
		{"gain infinite", head + scaled + "0000000000000000" + inf + "0100", value},
		{"good column, then a bad one", "0100" + "0200" + column + regular + one + column + regular + nan, value},
	}
}

func TestMalformedColumns(t *testing.T) {
	checkGolden(t, "../testdata/columns_malformed.json", badColumnSets())
	for _, c := range badColumnSets() {
		b := &sensocto.Batch{Measurements: ecg(1)}
		_, r, err := newDecoder().Columns(b, mustHex(t, c.Hex))
		if sensocto.ErrorReason(err) != c.Reason || len(b.Measurements) != 1 || r.Accepted != 0 {
			t.Errorf("%s: %v, kept %d", c.Name, err, len(b.Measurements)-1)
		}
	}
}

func TestDecoder_ColumnsWithTimesThatAreRefused(t *testing.T) {
	now := clock().UnixMicro()
	hour := wire.DefaultSkew.Microseconds()
	body, err := wire.AppendColumns(nil, wire.Header{},
		wire.Column{AttributeID: "a", Timestamps: []int64{now + hour, now + hour + 1, 5}, Float64: []float64{1, 2, 3}},
		wire.Column{AttributeID: "b", Origin: now, Rate: 1, Int16: []int16{4}, Gain: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := &sensocto.Batch{}
	_, r, err := newDecoder().Columns(b, body)
	if err != nil || r.Accepted != 2 || r.Failed != 2 || len(b.Measurements) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Errors[0].Index != 1 || !errors.Is(&r.Errors[0], sensocto.ErrInFuture) || r.Errors[1].Index != 2 || !errors.Is(&r.Errors[1], sensocto.ErrTooOld) {
		t.Errorf("%+v", r.Errors)
	}
}

func TestAppendColumns_RefusesWhatNobodyWouldRead(t *testing.T) {
	for name, columns := range map[string][]wire.Column{
		"other numbers":  {{AttributeID: "a", Timestamps: []int64{origin}, Float64: []float64{1, 2}}},
		"no rate":        {{AttributeID: "a", Origin: origin, Float64: []float64{1}}},
		"no gain":        {{AttributeID: "a", Rate: 1, Int16: []int16{1}}},
		"not finite":     {{AttributeID: "a", Rate: 1, Float64: []float64{math.Inf(1)}}},
		"bad id":         {{AttributeID: "a b", Rate: 1, Float64: []float64{1}}},
		"long id":        {{AttributeID: strings.Repeat("a", 300), Rate: 1, Float64: []float64{1}}},
		"too many":       {{AttributeID: "a", Rate: 1, Int16: make([]int16, wire.MaxColumnSamples+1), Gain: 1}},
		"too many, both": {{AttributeID: "a", Rate: 1, Int16: make([]int16, wire.MaxColumnSamples), Gain: 1}, {AttributeID: "b", Rate: 1, Int16: []int16{1}, Gain: 1}},
		"columns":        slices.Repeat([]wire.Column{{AttributeID: "a", Rate: 1, Float64: []float64{}}}, math.MaxUint16+1),
	} {
		if got, err := wire.AppendColumns([]byte("kept"), wire.Header{}, columns...); err == nil || string(got) != "kept" {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}
