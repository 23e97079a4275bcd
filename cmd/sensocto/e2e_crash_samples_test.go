//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/sensocto/sensocto"
)

// crashDevice is what a device of a crash test has sent: the first sent batches
// of crashBatch, of which the first acked were acknowledged.
type crashDevice struct {
	id          string
	seed        uint64
	acked, sent int
	begun       atomic.Bool // there will be something to compare
}

func (d *crashDevice) device() *crashDevice { return d }

// A batch has 16 numbers of the attribute wave, and one of eight 2 samples of
// the attribute note, which are documents and numbers in turns.
func wavesBefore(batches int) int { return 16 * batches }
func notesBefore(batches int) int { return (batches + 7) / 8 * 2 }

// crashBatch returns batch i of a device.
func crashBatch(seed uint64, i int) (batch []sensocto.Measurement) {
	for n := wavesBefore(i); n < wavesBefore(i+1); n++ {
		batch = append(batch, sensocto.Measurement{AttributeID: "wave", Sample: crashSample(seed, "wave", n)})
	}
	for n := notesBefore(i); n < notesBefore(i+1); n++ {
		batch = append(batch, sensocto.Measurement{AttributeID: "note", Sample: crashSample(seed, "note", n)})
	}
	return batch
}

// crashSample returns sample n of an attribute. Three samples share each time,
// some come late, and values use all bits that a number may have.
func crashSample(seed uint64, attribute string, n int) sensocto.Sample {
	x := mix(seed ^ mix(uint64(n)))
	s := sensocto.Sample{Timestamp: 1_700_000_000_000_000 + int64(n/3)*1_953, Value: finite(x)}
	if n%50 == 49 {
		s.Timestamp -= 100_000
	}
	if attribute == "note" && n%2 == 0 {
		s.Value, s.Document = 0, fmt.Appendf(nil, `{"n":%d,"text":"%0*d"}`, n, x%300, x)
	}
	return s
}

// mix is the finalizer of SplitMix64: every bit depends on every bit.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// finite returns the number of these bits, or zero of either sign, or where
// they are none the number with one bit of the exponent less.
func finite(bits uint64) float64 {
	if bits%64 == 0 {
		return math.Copysign(0, float64(int64(bits)))
	}
	if v := math.Float64frombits(bits); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return v
	}
	return math.Float64frombits(bits &^ (1 << 62))
}

// expected returns the first n samples of an attribute as they are read: by
// time, and those of the same time as they were sent.
func (d *crashDevice) expected(attribute string, n int) []sensocto.Sample {
	samples := make([]sensocto.Sample, n)
	for i := range samples {
		samples[i] = crashSample(d.seed, attribute, i)
	}
	slices.SortStableFunc(samples, func(a, b sensocto.Sample) int { return int(a.Timestamp - b.Timestamp) })
	return samples
}

// sameSamples compares to the bit.
func sameSamples(got, want []sensocto.Sample) error {
	for i := range got {
		g, w := got[i], want[i]
		if g.Timestamp != w.Timestamp || math.Float64bits(g.Value) != math.Float64bits(w.Value) || !bytes.Equal(g.Document, w.Document) {
			return fmt.Errorf("sample %d of %d is %d %x %s, want %d %x %s: lost, doubled or out of order",
				i, len(got), g.Timestamp, math.Float64bits(g.Value), g.Document, w.Timestamp, math.Float64bits(w.Value), w.Document)
		}
	}
	return nil
}

// samples reads an attribute from the API, page by page.
func (p *process) samples(sensor, attribute string) (all []sensocto.Sample) {
	p.t.Helper()
	for next := ""; ; {
		code, body := p.status(fmt.Sprintf("/api/v1/sensors/%s/attributes/%s/measurements?limit=50000&next=%s", sensor, attribute, url.QueryEscape(next)))
		var page struct {
			Measurements []struct {
				Timestamp json.Number
				Payload   json.RawMessage
			}
			Next string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || code != 200 {
			p.t.Fatalf("%s %s: %d %.200s %v", sensor, attribute, code, body, err)
		}
		for _, m := range page.Measurements {
			all = append(all, parseSample(p, m.Timestamp.String(), m.Payload))
		}
		if next = page.Next; next == "" {
			return all
		}
	}
}

func parseSample(p *process, timestamp string, payload []byte) (s sensocto.Sample) {
	ms, err := strconv.ParseFloat(timestamp, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	s.Timestamp = int64(math.Round(ms * 1000))
	if s.Value, err = strconv.ParseFloat(string(payload), 64); err != nil {
		s.Value, s.Document = 0, payload
	}
	return s
}
