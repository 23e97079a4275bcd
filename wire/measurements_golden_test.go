package wire_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/jsonscan"
	"github.com/sensocto/sensocto/wire"
)

// goldenPayload is one entry of testdata/measurements.json: what a device sends,
// what is kept of it, and the reply.
type goldenPayload struct {
	Name     string          `json:"name"`
	Event    string          `json:"event"`
	Payload  string          `json:"payload"` // the JSON text that is sent
	Kept     []keptSample    `json:"kept"`
	Status   string          `json:"status"` // of the reply, where one is asked for
	Response json.RawMessage `json:"response"`
}

type keptSample struct {
	AttributeID string          `json:"attribute_id"`
	Micros      int64           `json:"timestamp_us"`
	Payload     json.RawMessage `json:"payload"`
}

const (
	single       = "measurement"
	batch        = "measurements_batch"
	acknowledged = "measurements"
	streamID     = `0190b6a5-3c1e-7d42-8f00-1234567890ab`
)

// goldenInputs are the event and the payload of each entry; the rest is what
// the decoder makes of them.
var goldenInputs = [][3]string{
	{"a number", single, `{"attribute_id":"ecg","payload":-0.145,"timestamp":1700000000123}`},
	{"fractions of a millisecond", single, `{"attribute_id":"ecg","payload":1e-3,"timestamp":1700000000123.456}`},
	{"more decimals are rounded to µs", single, `{"attribute_id":"ecg","payload":1,"timestamp":1700000000123.4567}`},
	{"timestamp with an exponent", single, `{"attribute_id":"ecg","payload":1,"timestamp":1.7000000001235e12}`},
	{"extra keys", single, `{"unit":"mV","attribute_id":"ecg","x":{"payload":9},"payload":1,"timestamp":1700000000000,"user":null}`},
	{"keys with escapes", single, `{"\u0061ttribute_id":"e\u0063g","payl\u006fad":1,"timestamp":1700000000000}`},
	{"white space", single, " {\n\t\"attribute_id\" : \"ecg\" , \"payload\" : 1 , \"timestamp\" : 1700000000000 } "},
	{"negative zero", single, `{"attribute_id":"ecg","payload":-0,"timestamp":1700000000000}`},
	{"seventeen digits", single, `{"attribute_id":"ecg","payload":0.30000000000000004,"timestamp":1700000000000}`},
	{"smallest number", single, `{"attribute_id":"ecg","payload":5e-324,"timestamp":1700000000000}`},
	{"largest number", single, `{"attribute_id":"ecg","payload":1.7976931348623157e308,"timestamp":1700000000000}`},
	{"true", single, `{"attribute_id":"button","payload":true,"timestamp":1700000000000}`},
	{"null", single, `{"attribute_id":"button","payload":null,"timestamp":1700000000000}`},
	{"object", single, `{"attribute_id":"gps","payload":{"lat":48.2,"lon": 16.37},"timestamp":1700000000000}`},
	{"array", single, `{"attribute_id":"imu","payload":[0.1,-9.81,[]],"timestamp":1700000000000}`},
	{"string of CSV", single, `{"attribute_id":"imu","payload":"1,2,3","timestamp":1700000000000}`},
	{"string of JSON", single, `{"attribute_id":"imu","payload":"{\"a\":1}","timestamp":1700000000000}`},
	{"longest id", single, `{"attribute_id":"` + strings.Repeat("a", 64) + `","payload":1,"timestamp":1700000000000}`},
	{"id too long", single, `{"attribute_id":"` + strings.Repeat("a", 65) + `","payload":1,"timestamp":1700000000000}`},
	{"id that begins with a dash", single, `{"attribute_id":"-ecg","payload":1,"timestamp":1700000000000}`},
	{"id with a dot", single, `{"attribute_id":"ecg.1","payload":1,"timestamp":1700000000000}`},
	{"id with an umlaut", single, `{"attribute_id":"höhe","payload":1,"timestamp":1700000000000}`},
	{"empty id", single, `{"attribute_id":"","payload":1,"timestamp":1700000000000}`},
	{"id a number", single, `{"attribute_id":5,"payload":1,"timestamp":1700000000000}`},
	{"id null", single, `{"attribute_id":null,"payload":1,"timestamp":1700000000000}`},
	{"nothing there", single, `{}`},
	{"no payload", single, `{"attribute_id":"ecg","timestamp":1700000000000}`},
	{"no id and no timestamp", single, `{"payload":1}`},
	{"a key twice", single, `{"attribute_id":"ecg","payload":1,"payload":2,"timestamp":1700000000000}`},
	{"no object", single, `[1]`},
	{"timestamp a string", single, `{"attribute_id":"ecg","payload":1,"timestamp":"2023-11-14"}`},
	{"timestamp null", single, `{"attribute_id":"ecg","payload":1,"timestamp":null}`},
	{"the last µs before 2000", single, `{"attribute_id":"ecg","payload":1,"timestamp":946684799999.999}`},
	{"the first µs of 2000", single, `{"attribute_id":"ecg","payload":1,"timestamp":946684800000}`},
	{"seconds instead of milliseconds", single, `{"attribute_id":"ecg","payload":1,"timestamp":1700000000}`},
	{"negative timestamp", single, `{"attribute_id":"ecg","payload":1,"timestamp":-1e300}`},
	{"an hour ahead", single, `{"attribute_id":"ecg","payload":1,"timestamp":1700003700000}`},
	{"more than an hour ahead", single, `{"attribute_id":"ecg","payload":1,"timestamp":1700003700000.001}`},
	{"nanoseconds instead of milliseconds", single, `{"attribute_id":"ecg","payload":1,"timestamp":1700000000000000000}`},
	{"endless timestamp", single, `{"attribute_id":"ecg","payload":1,"timestamp":1e999}`},
	{"number too large for a float64", single, `{"attribute_id":"ecg","payload":1e309,"timestamp":1700000000000}`},

	{"empty batch", batch, `[]`},
	{"attributes mixed, equal timestamps", batch, `[{"attribute_id":"rr","payload":801,"timestamp":1700000000000},{"attribute_id":"rr","payload":795,"timestamp":1700000000000},{"attribute_id":"hr","payload":75,"timestamp":1700000000000},{"attribute_id":"rr","payload":801,"timestamp":1700000000000}]`},
	{"half of it bad", batch, `[{"attribute_id":"ecg","payload":1,"timestamp":1700000000000},{"attribute_id":"ecg"},5,{"attribute_id":"ecg","payload":2,"timestamp":1700000000002},{"attribute_id":"?","payload":3,"timestamp":1700000000003},{"attribute_id":"ecg","payload":4,"timestamp":1}]`},
	{"more bad ones than are listed", batch, `[1,2,3,4,5,6,7,8,9,10,11,{"attribute_id":"ecg","payload":1,"timestamp":1700000000000},12]`},
	{"batch that is no array", batch, `{"measurements":[]}`},

	{"acknowledged", acknowledged, `{"stream":"` + streamID + `","seq":1,"measurements":[{"attribute_id":"ecg","payload":1,"timestamp":1700000000000}]}`},
	{"acknowledged, other order, upper case", acknowledged, `{"measurements":[],"seq":18446744073709551615,"stream":"` + strings.ToUpper(streamID) + `"}`},
	{"acknowledged, partly bad", acknowledged, `{"stream":"` + streamID + `","seq":2,"measurements":[{},{"attribute_id":"ecg","payload":1,"timestamp":1700000000000}]}`},
	{"stream and seq missing", acknowledged, `{"measurements":[]}`},
	{"stream no UUID", acknowledged, `{"stream":"run-1","seq":1,"measurements":[]}`},
	{"stream of other characters", acknowledged, `{"stream":"0190b6a5-3c1e-7d42-8f00-12345678xxxx","seq":1,"measurements":[]}`},
	{"seq zero", acknowledged, `{"stream":"` + streamID + `","seq":0,"measurements":[]}`},
	{"seq a string", acknowledged, `{"stream":"` + streamID + `","seq":"1","measurements":[]}`},
	{"seq twice", acknowledged, `{"stream":"` + streamID + `","seq":1,"seq":2,"measurements":[]}`},
	{"measurements no array", acknowledged, `{"stream":"` + streamID + `","seq":1,"measurements":{}}`},
	{"acknowledged, no object", acknowledged, `[]`},
}

func TestGoldenMeasurements(t *testing.T) {
	var all []goldenPayload
	for _, in := range goldenInputs {
		g := goldenPayload{Name: in[0], Event: in[1], Payload: in[2], Kept: []keptSample{}}
		b := &sensocto.Batch{}
		g.Status, g.Response = receive(t, b, g.Event, []byte(g.Payload))
		for _, m := range b.Measurements {
			g.Kept = append(g.Kept, keptSample{m.AttributeID, m.Timestamp, m.AppendPayload(nil)})
		}
		all = append(all, g)
	}
	checkGolden(t, "../testdata/measurements.json", all)
}

// receive decodes a payload and makes the reply as a channel does.
func receive(t *testing.T, b *sensocto.Batch, event string, payload []byte) (status string, response []byte) {
	t.Helper()
	d := newDecoder()
	var r wire.BatchResult
	var s wire.Stream
	var err error
	switch event {
	case single:
		err = d.Measurement(b, payload)
	case batch:
		r, err = d.Batch(b, payload)
	default:
		s, r, err = d.Acknowledged(b, payload)
	}
	if errors.Is(err, jsonscan.ErrSyntax) {
		t.Fatalf("%s: %v", payload, err)
	}
	if item, ok := errors.AsType[*wire.ItemError](err); ok {
		return "error", item.AppendJSON(nil)
	}
	switch {
	case err != nil:
		return "error", []byte(`{"reason":"` + sensocto.ErrorReason(err) + `"}`)
	case r.Failed > 0:
		return "error", r.AppendInvalid(nil)
	case event == batch:
		return "ok", r.AppendAccepted(nil)
	case event == acknowledged:
		return "ok", wire.AppendSeq(nil, s.Seq)
	}
	return "ok", []byte(`{}`)
}
