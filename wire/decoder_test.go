package wire_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/wire"
)

func TestDecoder_SyntaxErrorsKeepNothing(t *testing.T) {
	const good = `{"attribute_id":"ecg","payload":1,"timestamp":1700000000000}`
	for _, payload := range []string{
		``, ` `, `[`, `[` + good, `[` + good + `,`, `[` + good + `,]`, `[,` + good + `]`, `[` + good + `]]`, `[` + good + `]x`,
		`[` + good + ` ` + good + `]`, `[` + good + `,{"a":NaN}]`, `[` + good + `,{"payload":01}]`, `[` + good + `,{"payload":+1}]`,
		`[` + good + `,{"payload":1.}]`, `[` + good + `,{"timestamp":1e}]`, `[` + good + `,{"timestamp":-}]`, `[` + good + `,{"x":"` + "\xff" + `"}]`,
		`[` + good + `,{"attribute_id":"` + "\xff" + `"}]`, `[` + good + `,{"\ud800":1}]`, `[` + good + `,{"payload"}]`, `[` + good + `,{"payload":}]`,
		`[` + good + `,{"payload":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}]`, `{`, `{"a":1`, `x`,
	} {
		d, b := newDecoder(), &sensocto.Batch{Measurements: ecg(1)}
		if r, err := d.Batch(b, []byte(payload)); !errors.Is(err, jsonscan.ErrSyntax) || len(b.Measurements) != 1 || r.Failed+r.Accepted != 0 {
			t.Errorf("Batch(%.90q) = %+v, %v, kept %d", payload, r, err, len(b.Measurements)-1)
		}
		ack := `{"stream":"` + streamID + `","seq":1,"measurements":` + payload + `}`
		if _, _, err := d.Acknowledged(b, []byte(ack)); !errors.Is(err, jsonscan.ErrSyntax) || len(b.Measurements) != 1 {
			t.Errorf("Acknowledged(%.90q) = %v", ack, err)
		}
		if item := strings.TrimPrefix(payload, "["+good+","); item != payload {
			item = strings.TrimSuffix(item, "]")
			if err := d.Measurement(b, []byte(item)); !errors.Is(err, jsonscan.ErrSyntax) || len(b.Measurements) != 1 {
				t.Errorf("Measurement(%.90q) = %v", item, err)
			}
		}
	}
}

// What names the batch may come before or behind what is in it, among keys
// that mean nothing; a wrong name or a key that comes twice keeps nothing.
func TestDecoder_AcknowledgedInAnyOrder(t *testing.T) {
	const (
		stream = `"stream":"` + streamID + `"`
		list   = `"measurements":[{"attribute_id":"ecg","payload":1,"timestamp":1700000000000},7]`
	)
	for payload, want := range map[string]error{
		`{` + stream + `,"seq":3,` + list + `}`:                                            nil,
		` { ` + stream + ` , "seq" : 3 , ` + list + ` } `:                                  nil,
		`{` + list + `,` + stream + `,"seq":3}`:                                            nil,
		`{` + stream + `,` + list + `,"seq":3}`:                                            nil,
		`{"x":[1],` + stream + `,"seq":3,` + list + `,"y":{"z":[]}}`:                       nil,
		`{` + stream + `,"seq":3,"\u006deasurements"` + list[len(`"measurements"`):] + `}`: nil,
		`{` + stream + `,"seq":3,` + list + `,` + list + `}`:                               wire.ErrDuplicateFields,
		`{` + stream + `,"seq":3,` + list + `,"x":1,"x":2}`:                                wire.ErrDuplicateFields,
		`{` + stream + `,"seq":3,` + list + `,"seq":4}`:                                    wire.ErrDuplicateFields,
		`{` + stream + `,"seq":0,` + list + `}`:                                            wire.ErrInvalidSeq,
		`{"stream":"x","seq":3,` + list + `}`:                                              wire.ErrInvalidStream,
		`{` + stream + `,"seq":3,"measurements":{}}`:                                       wire.ErrNotArray,
		`{` + stream + `,"seq":3}`:                                                         sensocto.ErrMissingFields,
		`{` + list + `}`:                                                                   sensocto.ErrMissingFields,
		`[` + list[len(`"measurements":`):] + `]`:                                          wire.ErrNotMeasurement,
		`{` + stream + `,"seq":3,` + list + `,}`:                                           jsonscan.ErrSyntax,
		`{` + stream + `,"seq":3,` + list + `}}`:                                           jsonscan.ErrSyntax,
		`{` + stream + `,"seq":3,` + list + `,"x":1,"x":}`:                                 jsonscan.ErrSyntax,
		`{` + stream + `,"seq":3,` + list:                                                  jsonscan.ErrSyntax,
	} {
		b := &sensocto.Batch{Measurements: ecg(2)}
		s, r, err := newDecoder().Acknowledged(b, []byte(payload))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", payload, err, want)
		}
		switch kept := len(b.Measurements) - 2; {
		case want != nil && (kept != 0 || r.Accepted+r.Failed != 0):
			t.Errorf("%s: kept %d, %+v", payload, kept, r)
		case want == nil && (kept != 1 || r.Accepted != 1 || r.Failed != 1 || s.Seq != 3 || s.String() != streamID):
			t.Errorf("%s: kept %d, %+v of %v", payload, kept, r, s)
		}
	}
}

func TestDecoder_DocumentsUpTo64KiB(t *testing.T) {
	for _, c := range []struct {
		size int
		want error
	}{{sensocto.MaxDocumentBytes, nil}, {sensocto.MaxDocumentBytes + 1, sensocto.ErrPayloadTooLarge}} {
		text := []byte(`{"attribute_id":"note","payload":"` + strings.Repeat("x", c.size-2) + `","timestamp":1700000000000}`)
		b := &sensocto.Batch{}
		if err := newDecoder().Measurement(b, text); !errors.Is(err, c.want) {
			t.Errorf("%d bytes: %v", c.size, err)
		}
		clear(text) // what was kept must not be a part of the frame
		if c.want == nil && (len(b.Measurements[0].Document) != c.size || b.Measurements[0].Document[1] != 'x') {
			t.Errorf("kept %.20q", b.Measurements[0].Document)
		}
	}
}

func TestDecoder_CountsRefusedByReason(t *testing.T) {
	counts := map[string]int{}
	d := wire.NewDecoder(wire.Options{Now: clock, Refused: func(reason string) { counts[reason]++ }})
	r, err := d.Batch(&sensocto.Batch{}, []byte(`[`+strings.Repeat(`{},`, 20)+`1]`))
	if err != nil || r.Failed != 21 || len(r.Errors) != 10 || counts["missing_fields"] != 20 || counts["invalid_measurement"] != 1 {
		t.Errorf("%+v, %v, counted %v", r, err, counts)
	}
}

func TestDecoder_AllocatesNothingPerSample(t *testing.T) {
	d, b := newDecoder(), &sensocto.Batch{}
	text := wire.AppendMeasurements(nil, ecg(20))
	body, _ := wire.AppendBatchColumns(nil, wire.Header{}, ecg(512))
	n := testing.AllocsPerRun(100, func() {
		b.Measurements = b.Measurements[:0]
		if r, err := d.Batch(b, text); err != nil || r.Accepted != 20 {
			t.Fatal(r, err)
		}
		if _, r, err := d.Columns(b, body); err != nil || r.Accepted != 512 {
			t.Fatal(r, err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDecoder_MoreAttributesThanItRemembers(t *testing.T) {
	d, b := newDecoder(), &sensocto.Batch{}
	for i := range 3000 {
		text := fmt.Sprintf(`{"attribute_id":"a%d","payload":1,"timestamp":1700000000000}`, i%1500)
		if err := d.Measurement(b, []byte(text)); err != nil || b.Measurements[i].AttributeID != fmt.Sprintf("a%d", i%1500) {
			t.Fatal(err, b.Measurements[i])
		}
	}
}

// FuzzMeasurements compares with an independent strict reader of JSON.
func FuzzMeasurements(f *testing.F) {
	for _, in := range goldenInputs {
		f.Add([]byte(in[2]))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := newDecoder()
		var items []jsontext.Value
		b := &sensocto.Batch{}
		r, err := d.Batch(b, text)
		valid := jsonscan.Check(text) == nil
		if errors.Is(err, jsonscan.ErrSyntax) && valid && jsonv2.Unmarshal(text, &items) == nil && maxDepth(items) < jsonscan.MaxDepth {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil {
			if e := jsonv2.Unmarshal(text, &items, jsontext.AllowDuplicateNames(true)); e != nil || r.Accepted+r.Failed != len(items) || r.Accepted != len(b.Measurements) {
				t.Fatalf("%q: %+v, %v", text, r, e)
			}
			compareItems(t, items, b.Measurements)
		}
		d.Acknowledged(b, text)
		if err := d.Measurement(b, text); errors.Is(err, jsonscan.ErrSyntax) && valid {
			t.Fatalf("single %q: %v", text, err)
		}
	})
}

// maxDepth is an upper bound of how deep values nest.
func maxDepth(items []jsontext.Value) (depth int) {
	for _, v := range items {
		depth = max(depth, strings.Count(string(v), "[")+strings.Count(string(v), "{"))
	}
	return depth
}

// compareItems checks that exactly the items are kept that the reference finds
// good, with the same values.
func compareItems(t *testing.T, items []jsontext.Value, kept []sensocto.Measurement) {
	t.Helper()
	for _, text := range items {
		var m struct {
			ID        *string        `json:"attribute_id"`
			Payload   jsontext.Value `json:"payload"`
			Timestamp *float64       `json:"timestamp"`
		}
		if jsonv2.Unmarshal(text, &m, jsontext.AllowDuplicateNames(true)) != nil || jsonv2.Unmarshal(text, &m) != nil ||
			m.ID == nil || !sensocto.ValidAttributeID(*m.ID) || m.Payload == nil || m.Timestamp == nil {
			continue
		}
		micros, ok := sensocto.TimestampFromMS(*m.Timestamp)
		if !ok || sensocto.CheckTimestamp(micros, clock(), wire.DefaultSkew) != nil || len(m.Payload) > sensocto.MaxDocumentBytes {
			continue
		}
		var v float64
		number := m.Payload.Kind() == '0'
		if number && jsonv2.Unmarshal(m.Payload, &v) != nil {
			continue
		}
		if len(kept) == 0 {
			t.Fatalf("%s was not kept", text)
		}
		k := kept[0]
		if k.AttributeID != *m.ID || k.Timestamp != micros || k.IsDocument() == number {
			// An item with a doubled key that nobody reads is kept by us alone.
			t.Fatalf("%s became %+v", text, k)
		}
		if number && math.Float64bits(k.Value) != math.Float64bits(v) || !number && string(k.Document) != string(m.Payload) {
			t.Fatalf("%s became %+v", text, k)
		}
		kept = kept[1:]
	}
}
