package wire_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/sensocto/sensocto"
	"github.com/sensocto/sensocto/wire"
)

// likeFresh checks that a decoder which knows how a device writes its measurements reads
// others as one does that has seen nothing.
func likeFresh(t *testing.T, usual, other string) {
	t.Helper()
	known, fresh := newDecoder(), newDecoder()
	known.Batch(&sensocto.Batch{}, []byte("["+ways[0]+`,{"attribute_id":"x","payload":1,"timestamp":1700000000000}]`))
	known.Batch(&sensocto.Batch{}, []byte("["+usual+"]"))
	payload := []byte("[" + other + "]")
	var got, want sensocto.Batch
	r, err := known.Batch(&got, payload)
	wantR, wantErr := fresh.Batch(&want, payload)
	if err != wantErr || r.Accepted != wantR.Accepted || r.Failed != wantR.Failed || string(r.AppendInvalid(nil)) != string(wantR.AppendInvalid(nil)) {
		t.Fatalf("after %q: Batch(%q) = %s, %v; want %s, %v", usual, payload, r.AppendInvalid(nil), err, wantR.AppendInvalid(nil), wantErr)
	}
	if len(got.Measurements)+len(want.Measurements) > 0 && !reflect.DeepEqual(got.Measurements, want.Measurements) {
		t.Fatalf("after %q: Batch(%q) kept %+v, want %+v", usual, payload, got.Measurements, want.Measurements)
	}
}

// ways are ways in which a device may write a measurement, and measurements that look alike.
var ways = []string{
	`{"attribute_id":"ecg","payload":1,"timestamp":1700000000000}`,
	`{"attribute_id":"ecg","payload":-0.5e-3,"timestamp":1700000000000.125}`,
	`{"attribute_id":"ecg","payload":-0,"timestamp":17000000000005e-1}`,
	`{"attribute_id":"ecg","payload":1e400,"timestamp":1700000000000}`,
	`{"attribute_id":"ecg","payload":01,"timestamp":1700000000000}`,
	`{"attribute_id":"ecg","payload":1.,"timestamp":1700000000000}`,
	`{"attribute_id":"ecg","payload":,"timestamp":1700000000000}`,
	`{"attribute_id":"ecg","payload":1,"timestamp":}`,
	`{"attribute_id":"ecg","payload":1,"timestamp":1}`,
	`{"attribute_id":"ecg","payload":1,"timestamp":1700100000000}`,
	`{"attribute_id":"ecg","payload":1,"timestamp":1700000000000,"timestamp":1700000000000}`,
	`{"attribute_id":"ecg","payload":1,"timestamp":1700000000000`,
	`{"attribute_id":"ecg","payload":"1","timestamp":1700000000000}`,
	`{"attribute_id":"ecg","payload":[1],"timestamp":1700000000000}`,
	`{"attribute_id":"ecg","payload":1,"timestamp":null}`,
	`{"attribute_id":"ecg","payload":1,"timestamp":"1700000000000"}`,
	`{"attribute_id":"ec_","payload":1,"timestamp":1700000000000}`,
	`{"attribute_id":"\u0065cg","payload":1,"timestamp":1700000000000}`,
	`{"timestamp":1700000000000.5,"payload":2,"attribute_id":"ecg"}`,
	`{"timestamp":1700000000000.5,"attribute_id":"ecg","payload":2}`,
	` { "attribute_id" : "ecg" , "payload" : 3 , "timestamp" : 1700000000001 } `,
	`{"n":1,"attribute_id":"ecg","payload":4,"u":"mV","timestamp":1700000000000,"m":{"payload":7}}`,
	`{"n":2,"attribute_id":"ecg","payload":4,"u":"mV","timestamp":1700000000000,"m":{"payload":7}}`,
	`{"x":"` + strings.Repeat("long ", 60) + `","attribute_id":"ecg","payload":4,"timestamp":1700000000000}`,
	`7`, ``, `{}`,
}

func TestDecoder_KnownLayouts(t *testing.T) {
	for _, usual := range ways {
		for _, other := range ways {
			likeFresh(t, usual, other)
		}
	}
}

func FuzzLayout(f *testing.F) {
	for i, usual := range ways {
		f.Add(usual, ways[(i+1)%len(ways)])
	}
	f.Fuzz(func(t *testing.T, usual, other string) { likeFresh(t, usual, other) })
}

// BenchmarkDecodeTurns reads frames in which two attributes take turns.
func BenchmarkDecodeTurns(b *testing.B) {
	ms := ecg(20)
	for i := range ms {
		ms[i].AttributeID = []string{"ecg", "heart_rate"}[i%2]
	}
	payload := wire.AppendMeasurements(nil, ms)
	d, batch := newDecoder(), &sensocto.Batch{}
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		batch.Measurements = batch.Measurements[:0]
		if r, err := d.Batch(batch, payload); err != nil || r.Accepted != 20 {
			b.Fatal(r, err)
		}
	}
}
